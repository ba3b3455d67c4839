package caddymodule

import (
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// bindIn says that a visitor has logged in as a user.
type bindIn struct {
	Token   string `json:"token,omitempty"`
	AppID   string `json:"appid,omitempty"`
	OpenID  string `json:"openid,omitempty"`
	UnionID string `json:"unionid,omitempty"`
	User    string `json:"user"`
	// Evidence is needed where no token is shown.
	Evidence string `json:"evidence,omitempty"`
}

// bindOut says who the visitor is from now on.
type bindOut struct {
	User      string          `json:"user"`
	Kind      identity.Kind   `json:"kind"`
	Linked    bool            `json:"linked"`
	Prev      []string        `json:"prev"`
	Notes     []identity.Note `json:"notes"`
	InSession bool            `json:"in_session"`
	// Next is what would make the login hold beyond this session.
	Next string `json:"next,omitempty"`
}

// bind makes a visitor the user whom a business names.
func (c *apiCall) bind(in bindIn) (bindOut, error) {
	if in.User == "" || in.Token != "" && in.UnionID != "" {
		return bindOut{}, apiRefuse(apiBadBody).saying("name the user; a unionid is only for appid and openid")
	}
	if err := c.allow(in.Token, in.Evidence); err != nil {
		return bindOut{}, err
	}
	claim, err := c.claimBy(visitorIn{in.Token, in.AppID, in.OpenID})
	if err != nil {
		return bindOut{}, err
	}
	if in.UnionID != "" {
		claim.UnionID = in.UnionID
	}
	by := c.by(in.Evidence)
	claim.User, claim.UserKind, claim.Bind = in.User, identity.Real, true
	claim.Via, claim.Actor, claim.Evidence, claim.Trace = by.Via, by.Actor, by.Evidence, by.Trace
	if !c.mayBind(c.ctx, claim) {
		c.metrics.bound("api", string(codeTooMany))
		return bindOut{}, apiRefuse(codeTooMany).saying("this visitor was bound too often")
	}
	answer, err := c.centre().Resolve(c.ctx, claim)
	c.metrics.bound("api", bindCode(err))
	if err != nil {
		return bindOut{}, err
	}
	c.metrics.resolved(answer)
	c.App.forget(c.realm, append([]string{answer.User.ID}, answer.Prev...)...)
	if claim.Session != "" {
		c.visitors.forget(sessionName(claim.Session))
	}
	out := bindOut{
		User: answer.User.ID, Kind: answer.User.Kind, Linked: answer.Linked(), InSession: answer.InSession,
		Prev: append([]string{}, answer.Prev...), Notes: append([]identity.Note{}, answer.Notes...),
	}
	if answer.InSession && claim.OpenID != "" {
		out.Next = "authorize_userinfo"
	}
	return out, nil
}

// allow tells a business, which shows the visitor's own token, from an operator, who
// names people by ids and says why.
func (c *apiCall) allow(token, evidence string) error {
	if token != "" {
		return c.need(identity.ScopeBind)
	}
	if err := c.need(identity.ScopeOperate); err != nil {
		return err
	}
	return given(evidence)
}

// unbindIn says whose WeChat account shall lead to him no more.
type unbindIn struct {
	Token string `json:"token,omitempty"`
	User  string `json:"user,omitempty"`
	// Subject says which, if WeChat accounts of several subjects lead to him.
	Subject  string `json:"subject,omitempty"`
	Evidence string `json:"evidence,omitempty"`
}

// unbind parts a user from his WeChat account.
func (c *apiCall) unbind(in unbindIn) (none, error) {
	if (in.Token != "") == (in.User != "") || in.Token != "" && in.Subject != "" {
		return none{}, apiRefuse(apiBadBody).saying("say either token, or user and perhaps subject")
	}
	if err := c.allow(in.Token, in.Evidence); err != nil {
		return none{}, err
	}
	user, from := in.User, identity.Unionid{Subject: in.Subject}
	if in.Token != "" {
		claim, err := c.claimBy(visitorIn{Token: in.Token})
		if err != nil {
			return none{}, err
		}
		answer, err := c.who(claim)
		if err != nil {
			return none{}, err
		}
		if !answer.Linked() {
			// He may be logged in here as somebody to whom another WeChat account leads.
			return none{}, &identity.Conflict{Code: identity.CodeNotBound, User: answer.User.ID}
		}
		user, from = answer.User.ID, identity.Unionid{Subject: claim.Subject, UnionID: answer.UnionID}
	}
	return none{}, c.centre().Unbind(c.ctx, c.realm, user, from, c.by(in.Evidence))
}
