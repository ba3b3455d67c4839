package caddymodule

import (
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// evidenceIn is the body of what an operator does to the user in the address: what
// speaks for it.
type evidenceIn struct {
	Evidence string `json:"evidence"`
}

func (c *apiCall) blockUser(in evidenceIn) (none, error) {
	if err := given(in.Evidence); err != nil {
		return none{}, err
	}
	return none{}, c.centre().Block(c.ctx, c.realm, c.r.PathValue("id"), c.by(in.Evidence))
}

func (c *apiCall) unblockUser(in evidenceIn) (none, error) {
	if err := given(in.Evidence); err != nil {
		return none{}, err
	}
	return none{}, c.centre().Unblock(c.ctx, c.realm, c.r.PathValue("id"), c.by(in.Evidence))
}

func (c *apiCall) eraseUser(in evidenceIn) (none, error) {
	if err := given(in.Evidence); err != nil {
		return none{}, err
	}
	return none{}, c.forgetUser(c.ctx, c.centre(), c.realm, c.r.PathValue("id"), c.by(in.Evidence))
}

// mergeIn says that two users are one person, who keeps the id Into.
type mergeIn struct {
	From     string `json:"from"`
	Into     string `json:"into"`
	Evidence string `json:"evidence"`
}

func (c *apiCall) merge(in mergeIn) (none, error) {
	if err := given(in.Evidence); err != nil {
		return none{}, err
	}
	return none{}, c.centre().Merge(c.ctx, c.realm, in.From, in.Into, c.by(in.Evidence))
}

// migrateIn says that WeChat has moved an openid to another account.
type migrateIn struct {
	From     openidIn `json:"from"`
	To       openidIn `json:"to"`
	Evidence string   `json:"evidence"`
}

// migrateOpenid carries on what is known of an openid. The account that it comes from
// may be configured no more.
func (c *apiCall) migrateOpenid(in migrateIn) (none, error) {
	if err := given(in.Evidence); err != nil {
		return none{}, err
	}
	account, err := c.account(in.To.AppID)
	if err != nil {
		return none{}, err
	}
	return none{}, c.centre().MigrateOpenid(c.ctx, c.realm, identity.Openid(in.From), identity.Openid(in.To), account.SubjectOrSelf(), c.by(in.Evidence))
}

// rebindIn asks for a user to be moved to a visitor's WeChat account.
type rebindIn struct {
	User     string `json:"user"`
	Token    string `json:"token,omitempty"`
	AppID    string `json:"appid,omitempty"`
	OpenID   string `json:"openid,omitempty"`
	Evidence string `json:"evidence"`
}

// rebindOut is such a move.
type rebindOut struct {
	ID    string               `json:"id"`
	User  string               `json:"user"`
	AppID string               `json:"appid"`
	State identity.RebindState `json:"state"`
	Asked time.Time            `json:"asked"`
	Due   time.Time            `json:"due"`
}

func rebindOf(r identity.RebindRow) rebindOut {
	return rebindOut{r.ID, r.User, r.AppID, r.State, r.Asked, r.Due}
}

func (c *apiCall) requestRebind(in rebindIn) (rebindOut, error) {
	if err := given(in.Evidence); err != nil {
		return rebindOut{}, err
	}
	claim, err := c.claimBy(visitorIn{in.Token, in.AppID, in.OpenID})
	if err != nil {
		return rebindOut{}, err
	}
	row, err := c.centre().Rebind(c.ctx, c.realm, in.User, claim.Openid, c.by(in.Evidence))
	return rebindOf(row), err
}

// rebindsIn says which moves to list.
type rebindsIn struct {
	State string `json:"state,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

type rebindsOut struct {
	Rebinds []rebindOut `json:"rebinds"`
}

func (c *apiCall) listRebinds(in rebindsIn) (rebindsOut, error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return rebindsOut{}, err
	}
	state := identity.RebindState(in.State)
	if state == "" {
		state = identity.RebindWaiting
	}
	known := append(identity.ConflictCodes(), string(identity.RebindWaiting), string(identity.RebindDone), string(identity.RebindCancelled))
	if !slices.Contains(known, string(state)) {
		return rebindsOut{}, apiRefuse(apiBadQuery).saying("there is no such state")
	}
	rows, err := c.facts().Centre.Rebinds(c.ctx, c.realm, state, limit)
	if err != nil {
		return rebindsOut{}, err
	}
	out := rebindsOut{Rebinds: []rebindOut{}}
	for _, row := range rows {
		out.Rebinds = append(out.Rebinds, rebindOf(row))
	}
	return out, nil
}

func (c *apiCall) cancelRebind(in evidenceIn) (none, error) {
	if err := given(in.Evidence); err != nil {
		return none{}, err
	}
	return none{}, c.centre().CancelRebind(c.ctx, c.realm, c.r.PathValue("user"), c.by(in.Evidence))
}
