package caddymodule

import "time"

// Templates of accounts, and what their fields take.

// templateOut is a template of an account, with what its fields take.
type templateOut struct {
	Template string     `json:"template"`
	Title    string     `json:"title"`
	Content  string     `json:"content"`
	Example  string     `json:"example,omitempty"`
	Industry string     `json:"industry,omitempty"`
	Fields   []fieldOut `json:"fields"`
	Removed  time.Time  `json:"removed,omitzero"`
}

type fieldOut struct {
	Field string `json:"field"`
	// Max is how many characters it may have, What of which kind.
	Max      int    `json:"max,omitempty"`
	What     string `json:"what"`
	Required bool   `json:"required"`
	// Approved are its only values, if operators have said so.
	Approved []string `json:"approved,omitempty"`
}

type templatesOut struct {
	// Synced is when WeChat was last asked; missing if never.
	Synced    time.Time     `json:"synced,omitzero"`
	Templates []templateOut `json:"templates"`
}

func (c *apiCall) listTemplates(none) (templatesOut, error) {
	list, synced, err := c.messages.Templates(c.ctx, c.at.AppID)
	out := templatesOut{Synced: synced, Templates: []templateOut{}}
	for _, t := range list {
		one := templateOut{t.ID, t.Title, t.Content, t.Example, t.Industry, []fieldOut{}, t.Removed}
		for _, f := range t.Fields() {
			one.Fields = append(one.Fields, fieldOut{f.Key, f.Max, f.What, f.Required, f.Approved})
		}
		out.Templates = append(out.Templates, one)
	}
	return out, err
}

// syncTemplates asks WeChat now which templates the account has.
func (c *apiCall) syncTemplates(none) (templatesOut, error) {
	if err := c.messages.Sync(c.ctx, c.at.AppID); err != nil {
		return templatesOut{}, err
	}
	return c.listTemplates(none{})
}

type approveIn struct {
	Field string `json:"field"`
	// Values are all that the field may have; any if there are none.
	Values []string `json:"values"`
}

// approveValues notes which values WeChat has approved for a field: it lists them nowhere.
func (c *apiCall) approveValues(in approveIn) (none, error) {
	if err := c.wholeAccount(c.at.AppID); err != nil {
		return none{}, err
	}
	return none{}, c.messages.ApproveValues(c.ctx, c.at.AppID, c.r.PathValue("template"), in.Field, in.Values)
}
