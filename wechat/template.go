package wechat

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
)

// TemplateMessage is a message to one follower of the account (wechat-api.md
// §10.1).
type TemplateMessage struct {
	To         string // openid
	TemplateID string
	// URL is where a tap leads; empty means nowhere. A mini program goes before it,
	// and must be linked to the account.
	URL       string
	MiniAppID string
	MiniPath  string
	// ClientID makes repetitions harmless: of two messages to one openid with the
	// same id within 10 minutes WeChat sends one. 1 to 64 of [A-Za-z0-9_-].
	ClientID string
	Data     map[string]string // values by key, such as "thing4"
}

// TemplateData is the data of a message as WeChat wants it, in the order of the
// keys: {"thing4":{"value":"…"}}. Control characters are dropped, except line
// breaks and tabs.
func TemplateData(values map[string]string) (json.RawMessage, error) {
	return encode(templateData(values))
}

type templateValue struct {
	Value string `json:"value"`
}

func templateData(values map[string]string) map[string]templateValue {
	data := make(map[string]templateValue, len(values))
	for k, v := range values {
		data[k] = templateValue{v}
	}
	return data
}

// miniProgram is where a tap leads; nil if nowhere.
type miniProgram struct {
	AppID string `json:"appid"`
	Path  string `json:"pagepath,omitempty"`
}

func newMiniProgram(appID, path string) *miniProgram {
	if appID == "" {
		return nil
	}
	return &miniProgram{appID, path}
}

// needMessage checks what template messages and notifications have in common.
func (q *query) needMessage(to, templateID, miniAppID string, data map[string]string) {
	q.secrets = append(q.secrets, to)
	q.need(wordLike(to, 64), "the openid is malformed")
	q.need(wordLike(templateID, 128), "the template id is malformed")
	q.need(miniAppID == "" || alphanumeric(miniAppID, 64), "the app ID of the mini program is not made of letters and digits")
	for k := range data {
		q.need(wordLike(k, 64), "a key of the data is malformed")
	}
}

// SendTemplate hands a template message to WeChat and gives its id, under which
// the outcome is pushed later (wechat-api.md §10.1). Without a ClientID it is sent
// again only if it surely never left, not even when WeChat was busy. Any error is
// an [*Error].
func (c *Client) SendTemplate(ctx context.Context, as Bearer, m TemplateMessage) (msgID int64, err error) {
	q := as.query("cgi-bin/message/template/send", nil)
	q.idempotent, q.once = m.ClientID != "", m.ClientID == ""
	q.needMessage(m.To, m.TemplateID, m.MiniAppID, m.Data)
	q.need(m.ClientID == "" || wordLike(m.ClientID, 64), "the client id is malformed")
	q.body = struct {
		To         string                   `json:"touser"`
		TemplateID string                   `json:"template_id"`
		URL        string                   `json:"url,omitempty"`
		Mini       *miniProgram             `json:"miniprogram,omitempty"`
		ClientID   string                   `json:"client_msg_id,omitempty"`
		Data       map[string]templateValue `json:"data"`
	}{m.To, m.TemplateID, m.URL, newMiniProgram(m.MiniAppID, m.MiniPath), m.ClientID, templateData(m.Data)}
	var a struct {
		MsgID long `json:"msgid"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return 0, err
	}
	if a.MsgID <= 0 {
		return 0, q.fault("the answer has no msgid")
	}
	return int64(a.MsgID), nil
}

// Template is one of the account's own templates.
type Template struct {
	ID       string
	Title    string
	Content  string // with the places of values, such as {{thing4.DATA}}
	Example  string
	Industry string // the primary and the deputy one, with a slash between them
}

// Templates lists the templates of the account, at most 25 (wechat-api.md §10.1).
// Any error is an [*Error].
func (c *Client) Templates(ctx context.Context, as Bearer) ([]Template, error) {
	q := as.query("cgi-bin/template/get_all_private_template", nil)
	q.idempotent = true
	var a struct {
		List []struct {
			ID      text `json:"template_id"`
			Title   text `json:"title"`
			Primary text `json:"primary_industry"`
			Deputy  text `json:"deputy_industry"`
			Content text `json:"content"`
			Example text `json:"example"`
		} `json:"template_list"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return nil, err
	}
	list := make([]Template, 0, len(a.List))
	for _, t := range a.List {
		if !wordLike(string(t.ID), 128) {
			return nil, q.fault("the answer's template_id is missing or malformed")
		}
		list = append(list, Template{
			ID: string(t.ID), Title: string(t.Title), Content: string(t.Content), Example: string(t.Example),
			Industry: strings.Trim(string(t.Primary)+"/"+string(t.Deputy), "/"),
		})
	}
	return list, nil
}

// AddTemplate takes a template of WeChat's library into the account, by its short
// id, and for a category template with the keywords that it shall have
// (wechat-api.md §10.1). It is sent again only if it surely never left: WeChat
// would add it twice. Any error is an [*Error].
func (c *Client) AddTemplate(ctx context.Context, as Bearer, shortID string, keywords []string) (templateID string, err error) {
	q := as.query("cgi-bin/template/api_add_template", nil)
	q.once = true
	q.need(wordLike(shortID, 128), "the short id is malformed")
	q.body = struct {
		ShortID  string   `json:"template_id_short"`
		Keywords []string `json:"keyword_name_list,omitempty"`
	}{shortID, keywords}
	var a struct {
		ID text `json:"template_id"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return "", err
	}
	if !wordLike(string(a.ID), 128) {
		return "", q.fault("the answer's template_id is missing or malformed")
	}
	return string(a.ID), nil
}

// DeleteTemplate drops a template from the account (wechat-api.md §10.1). One that
// isn't there is refused. Any error is an [*Error].
func (c *Client) DeleteTemplate(ctx context.Context, as Bearer, templateID string) error {
	q := as.query("cgi-bin/template/del_private_template", nil)
	q.need(wordLike(templateID, 128), "the template id is malformed")
	q.body = struct {
		ID string `json:"template_id"`
	}{templateID}
	return c.do(ctx, q, nil)
}

// Industry is what an account says that it is in.
type Industry struct {
	First, Second string // such as "IT科技" and "互联网|电子商务"
}

// Industry asks for the account's two industries, which decide over its templates
// (wechat-api.md §10.1). Any error is an [*Error].
func (c *Client) Industry(ctx context.Context, as Bearer) (primary, secondary Industry, err error) {
	q := as.query("cgi-bin/template/get_industry", nil)
	q.idempotent = true
	type industry struct {
		First  text `json:"first_class"`
		Second text `json:"second_class"`
	}
	var a struct {
		Primary   industry `json:"primary_industry"`
		Secondary industry `json:"secondary_industry"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return Industry{}, Industry{}, err
	}
	of := func(i industry) Industry { return Industry{string(i.First), string(i.Second)} }
	return of(a.Primary), of(a.Secondary), nil
}

// SetIndustry changes the account's industries, by their numbers in WeChat's list.
// It deletes the templates of the old ones, and works once a month (wechat-api.md
// §10.1). It is sent again only if it surely never left. Any error is an [*Error].
func (c *Client) SetIndustry(ctx context.Context, as Bearer, primary, secondary int) error {
	q := as.query("cgi-bin/template/api_set_industry", nil)
	q.once = true
	q.need(primary > 0 && secondary > 0, "an industry's number is not positive")
	q.body = struct {
		Primary   string `json:"industry_id1"`
		Secondary string `json:"industry_id2"`
	}{strconv.Itoa(primary), strconv.Itoa(secondary)}
	return c.do(ctx, q, nil)
}
