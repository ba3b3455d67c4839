package caddymodule

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// openidIn names a WeChat user within one account.
type openidIn struct {
	AppID  string `json:"appid"`
	OpenID string `json:"openid"`
}

// visitorIn names a visitor: by the token that came with him, or by ids alone.
type visitorIn struct {
	Token  string `json:"token,omitempty"`
	AppID  string `json:"appid,omitempty"`
	OpenID string `json:"openid,omitempty"`
}

// whoOut says who somebody is.
type whoOut struct {
	User string        `json:"user"`
	Kind identity.Kind `json:"kind"`
	// Linked says that the unionid is known.
	Linked bool `json:"linked"`
	// InSession says that the user is who logged in in this session, and nobody in
	// another one.
	InSession bool `json:"in_session,omitempty"`
	// Hinted says that the user is only what an old table says of the openid.
	Hinted bool `json:"hinted,omitempty"`
	// Blocked says that the gateway turns him away.
	Blocked bool     `json:"blocked,omitempty"`
	Prev    []string `json:"prev,omitempty"`
}

func whoOf(a identity.Answer) whoOut {
	return whoOut{Blocked: !a.User.BlockedAt.IsZero(), User: a.User.ID, Kind: a.User.Kind, Linked: a.Linked(), InSession: a.InSession, Hinted: a.Hinted, Prev: a.Prev}
}

// userOut is all that is known of a user, as far as it concerns the key's sites.
type userOut struct {
	User        string        `json:"user"`
	Kind        identity.Kind `json:"kind"`
	Born        time.Time     `json:"born"`
	BlockedAt   time.Time     `json:"blocked_at,omitzero"`
	RetiredInto string        `json:"retired_into,omitempty"`
	Retired     []string      `json:"retired"`
	Openids     []openidOut   `json:"openids"`
	Logins      int           `json:"logins"`
}

type openidOut struct {
	AppID   string `json:"appid"`
	OpenID  string `json:"openid"`
	Subject string `json:"subject,omitempty"`
	UnionID string `json:"unionid,omitempty"`
}

// resolve says who a visitor is. Nobody is minted for it.
func (c *apiCall) resolve(in visitorIn) (whoOut, error) {
	claim, err := c.claimBy(in)
	if err != nil {
		return whoOut{}, err
	}
	answer, err := c.who(claim)
	return whoOf(answer), err
}

// findUser finds the user to whom an openid leads.
func (c *apiCall) findUser(in openidIn) (userOut, error) {
	claim, err := c.claimBy(visitorIn{AppID: in.AppID, OpenID: in.OpenID})
	if err != nil {
		return userOut{}, err
	}
	answer, err := c.who(claim)
	if err != nil {
		return userOut{}, err
	}
	return c.user(answer.User.ID)
}

func (c *apiCall) getUser(none) (userOut, error) { return c.user(c.r.PathValue("id")) }

func (c *apiCall) user(id string) (userOut, error) {
	facts, err := c.facts().Centre.User(c.ctx, c.realm, id)
	switch {
	case err != nil:
		return userOut{}, err
	case facts.Gone:
		return userOut{}, &identity.Conflict{Code: identity.CodeUserErased, User: id}
	case facts.Given.ID == "":
		return userOut{}, &identity.Conflict{Code: identity.CodeUserUnknown, User: id}
	}
	u := facts.Root
	out := userOut{User: u.ID, Kind: u.Kind, Born: u.Born, BlockedAt: u.BlockedAt, Retired: []string{}, Openids: []openidOut{}, Logins: facts.Logins}
	if !facts.Given.Live() {
		out.RetiredInto = u.ID
	}
	for _, retired := range facts.Retired {
		out.Retired = append(out.Retired, retired.ID)
	}
	for _, o := range facts.Openids {
		if _, err := c.account(o.AppID); err == nil {
			out.Openids = append(out.Openids, openidOut{o.AppID, o.OpenID, o.Subject, o.UnionID})
		}
	}
	return out, nil
}

// claimBy is what a call may say of a visitor: what his token proves, or the openid
// that is named.
func (c *apiCall) claimBy(in visitorIn) (identity.Claim, error) {
	byIDs := in.AppID != "" || in.OpenID != ""
	if (in.Token != "") == byIDs {
		return identity.Claim{}, apiRefuse(apiBadBody).saying("name the visitor either by token, or by appid and openid")
	}
	if byIDs {
		account, err := c.account(in.AppID)
		if err != nil {
			return identity.Claim{}, err
		}
		claim := identity.Claim{
			Realm: c.realm, Openid: identity.Openid{AppID: in.AppID, OpenID: in.OpenID},
			Unionid: identity.Unionid{Subject: account.SubjectOrSelf()}, Via: "api",
		}
		if account.Subject == "" {
			claim.UnionID = in.OpenID // an account without an open platform
		}
		return claim, nil
	}
	claim, ptid, err := c.claimOf(c.ctx, in.Token)
	if errors.Is(err, errToken) {
		return identity.Claim{}, apiRefuse(apiBadToken)
	}
	if err != nil {
		return identity.Claim{}, err
	}
	serves, err := c.serves(ptid)
	if err != nil {
		return identity.Claim{}, err
	}
	if claim.Realm != c.realm || !serves {
		return identity.Claim{}, apiRefuse(apiNotYourSite)
	}
	claim.Via = "api"
	return claim, nil
}

// who resolves a claim as a login would, and writes nothing: where a login would mint
// or link somebody, nobody is known.
func (c *apiCall) who(claim identity.Claim) (identity.Answer, error) {
	answer, err := c.lookUp(c.ctx, claim)
	switch {
	case errors.Is(err, errWouldWrite):
		return identity.Answer{}, &identity.Conflict{Code: identity.CodeOpenidUnknown}
	case err != nil:
		return identity.Answer{}, err
	case answer.Spent:
		// The browser's guest has become somebody: it will get another one.
		return identity.Answer{}, &identity.Conflict{Code: identity.CodeUserRetired, User: claim.Browser.ID}
	}
	return answer, nil
}

// lookUp resolves a claim, and writes nothing: [errWouldWrite] where a login would mint or
// link somebody.
func (a *App) lookUp(ctx context.Context, claim identity.Claim) (identity.Answer, error) {
	centre := *a.facts().Centre
	centre.Store = reading{a.facts().Store}
	return centre.Resolve(ctx, claim)
}

// reading refuses to write down who somebody is. What a login would only put on a list
// passes for written.
type reading struct{ identity.Store }

var errWouldWrite = errors.New("somebody would have to be minted or linked")

func (reading) Apply(_ context.Context, change identity.Change) error {
	if len(change.Openids)+len(change.Unions)+len(change.Users) > 0 {
		return errWouldWrite
	}
	return nil
}

// given says whether evidence was given that says anything.
func given(evidence string) error {
	if strings.TrimSpace(evidence) == "" {
		return apiRefuse(apiNoEvidence)
	}
	return nil
}
