package caddymodule

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Ending sessions from outside: one, those of a user, or all that began before a moment.

// revokeIn says whose sessions end: exactly one of session, token, user, site, all; or
// realm alone, for everybody in it.
type revokeIn struct {
	Session string `json:"session,omitempty"`
	// Token is the X-User of a visitor: its session ends.
	Token string `json:"token,omitempty"`
	User  string `json:"user,omitempty"`
	Site  string `json:"site,omitempty"`
	Realm string `json:"realm,omitempty"`
	All   bool   `json:"all,omitempty"`
	// Before is the moment: what began earlier ends. Now, if it isn't there.
	Before time.Time `json:"before,omitzero"`
	Reason string    `json:"reason"`
}

// revocationOut is what was ended, and since when.
type revocationOut struct {
	Kind    identity.CutoffKind `json:"kind"`
	Realm   string              `json:"realm,omitempty"`
	Session string              `json:"session,omitempty"`
	User    string              `json:"user,omitempty"`
	Site    string              `json:"site,omitempty"`
	Before  time.Time           `json:"before"`
	At      time.Time           `json:"at"`
	Until   time.Time           `json:"until"`
	Actor   string              `json:"actor"`
	Reason  string              `json:"reason"`
}

func revocationOf(c identity.Cutoff) revocationOut {
	out := revocationOut{Kind: c.Kind, Realm: c.Realm, Before: c.Before, At: c.At, Until: c.Until, Actor: c.Actor, Reason: c.Reason}
	switch c.Kind {
	case identity.CutoffSession:
		out.Session = c.Name
	case identity.CutoffGuest:
		out.Kind, out.User = identity.CutoffUser, c.Name // to whoever asks, a user like others
	case identity.CutoffUser:
		out.User = c.Name
	case identity.CutoffSite:
		out.Site = c.Name
	}
	return out
}

// maxReason bounds a reason in bytes.
const maxReason = 500

// revoke ends sessions.
func (c *apiCall) revoke(in revokeIn) (revocationOut, error) {
	cut, err := c.cutoffBy(in)
	if err != nil {
		return revocationOut{}, err
	}
	switch {
	case strings.TrimSpace(in.Reason) == "":
		return revocationOut{}, apiRefuse(apiNoReason)
	case len(in.Reason) > maxReason:
		return revocationOut{}, apiRefuse(apiBadBody).saying("the reason has to be at most %d bytes", maxReason)
	}
	if cut.Before = in.Before; cut.Kind == identity.CutoffSession {
		if !in.Before.IsZero() {
			return revocationOut{}, apiRefuse(apiBadBody).saying("a session ends as a whole: leave before out")
		}
		now := c.now()
		if err := c.endSession(c.ctx, identity.Revocation{Session: cut.Name, From: now, Until: now.Add(identity.CutoffLife)}); err != nil {
			return revocationOut{}, err
		}
	}
	cut, err = c.endBefore(c.ctx, c.centre(), cut, c.by(in.Reason))
	if errors.Is(err, identity.ErrFuture) {
		return revocationOut{}, apiRefuse(apiBadBody).saying("before lies in the future")
	}
	return revocationOf(cut), err
}

// endBefore ends what began before a moment, and has this node obey it at once.
func (a *App) endBefore(ctx context.Context, centre *identity.Centre, cut identity.Cutoff, by identity.By) (identity.Cutoff, error) {
	var realms []string
	for _, realm := range a.directory().Realms() {
		realms = append(realms, realm.Name)
	}
	cut, err := centre.EndBefore(ctx, cut, realms, by)
	if err == nil {
		err = a.obeyCutoff(ctx, cut.Kind)
	}
	if cut.Kind == identity.CutoffGuest {
		a.forget(cut.Realm, cut.Name) // who may have been recognised just before it was obeyed
	}
	return cut, err
}

// cutoffBy is what a call wants ended, as far as its key reaches.
func (c *apiCall) cutoffBy(in revokeIn) (identity.Cutoff, error) {
	named := 0
	for _, given := range []bool{in.Session != "", in.Token != "", in.User != "", in.Site != "", in.All} {
		if given {
			named++
		}
	}
	if named > 1 || named == 0 && in.Realm == "" || in.Realm != "" && (in.Session != "" || in.All) {
		return identity.Cutoff{}, apiRefuse(apiBadBody).saying("say whose sessions: session, token, user, site or all, one of them; or realm alone")
	}
	if in.Session != "" || in.All {
		if c.key.Realm != identity.AllRealms {
			return identity.Cutoff{}, apiRefuse(apiTooWide)
		}
		if in.All {
			return identity.Cutoff{Kind: identity.CutoffAll}, nil
		}
		return identity.Cutoff{Kind: identity.CutoffSession, Name: in.Session}, sessionID(in.Session)
	}
	if in.Site != "" && in.Realm == "" {
		site, err := c.site(c.ctx, in.Site)
		switch {
		case err != nil:
			return identity.Cutoff{}, err
		case site == nil || !c.key.For(site.Realm):
			return identity.Cutoff{}, apiRefuse(apiNoSite)
		}
		in.Realm = site.Realm
	}
	if err := c.inRealm(in.Realm); err != nil {
		return identity.Cutoff{}, err
	}
	switch {
	case in.Token != "":
		return c.sessionOf(in.Token)
	case in.User != "":
		return identity.Cutoff{Kind: identity.CutoffUser, Realm: c.realm, Name: in.User}, nil
	case in.Site == "":
		return identity.Cutoff{Kind: identity.CutoffRealm, Realm: c.realm}, nil
	}
	serves, err := c.serves(in.Site)
	if err != nil {
		return identity.Cutoff{}, err
	}
	if !serves {
		return identity.Cutoff{}, apiRefuse(apiNoSite)
	}
	return identity.Cutoff{Kind: identity.CutoffSite, Realm: c.realm, Name: in.Site}, nil
}

// sessionOf is the session that a visitor's token comes from; of a guest it is he himself.
func (c *apiCall) sessionOf(token string) (identity.Cutoff, error) {
	claim, err := c.claimBy(visitorIn{Token: token})
	if err != nil {
		return identity.Cutoff{}, err
	}
	if claim.Browser.ID != "" {
		return identity.Cutoff{Kind: identity.CutoffUser, Realm: c.realm, Name: claim.Browser.ID}, nil
	}
	return identity.Cutoff{Kind: identity.CutoffSession, Realm: c.realm, Name: claim.Session}, nil
}

// sessionID refuses what no session is called.
func sessionID(id string) error {
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != len(session{}.ID) || id != hex.EncodeToString(raw) {
		return apiRefuse(apiBadBody).saying("a session has 32 hexadecimal digits")
	}
	return nil
}

// revocationsIn says where to go on, how far, and of which realm.
type revocationsIn struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
	Realm string `json:"realm,omitempty"`
}

type revocationsOut struct {
	Revocations []revocationOut `json:"revocations"`
	Next        string          `json:"next"`
}

// listRevocations lists what was ended and is still remembered. A key for all realms sees
// all of it, unless it names one.
func (c *apiCall) listRevocations(in revocationsIn) (revocationsOut, error) {
	if in.Realm != "" || c.key.Realm != identity.AllRealms {
		if err := c.inRealm(in.Realm); err != nil {
			return revocationsOut{}, err
		}
	}
	after, limit, err := c.page("revocations", pageIn{in.After, in.Limit})
	if err != nil {
		return revocationsOut{}, err
	}
	rows, err := c.facts().Cutoffs(c.ctx, c.realm, after, limit)
	if err != nil {
		return revocationsOut{}, err
	}
	out := revocationsOut{Revocations: []revocationOut{}}
	for _, row := range rows {
		after = row.Seq
		out.Revocations = append(out.Revocations, revocationOf(row))
	}
	out.Next = cursorOf("revocations", c.realm, after)
	return out, nil
}
