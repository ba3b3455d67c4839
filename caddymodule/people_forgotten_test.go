package caddymodule

import (
	"fmt"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// sentTo writes down messages that a user got at an openid each.
func (g *gateway) sentTo(t testing.TB, user string, openids ...string) {
	t.Helper()
	var messages []message.Message
	for i, openid := range openids {
		messages = append(messages, message.Message{
			ID: fmt.Sprintf("%028x", i+1), Realm: "main", User: user, AppID: appA, OpenID: openid, Kind: message.KindCustom, State: message.Sent,
			Made: g.now(), Due: g.now(), Next: g.now(), Sent: g.now(), Ended: g.now(), Sealed: []byte("x"),
		})
	}
	if _, err := g.app.channelStore().PutMessages(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
}

// keptOf are the openids of the messages to a user that are still there.
func (g *gateway) keptOf(t testing.TB, user string) (openids []string) {
	t.Helper()
	list, err := g.app.channelStore().Messages(t.Context(), message.Filter{Realm: "main", User: user, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		openids = append(openids, m.OpenID)
	}
	return openids
}

func TestForgotten_member(t *testing.T) {
	t.Parallel()
	for sentence, named := range map[string]func(g *gateway) inbox.Personal{
		"named by his openid": func(g *gateway) inbox.Personal {
			return inbox.Personal{AppID: appA, OpenID: g.sim.OpenID("ming", appA), UnionID: g.sim.UnionID("ming", appA), Kind: closedAccount}
		},
		"named by his unionid alone": func(g *gateway) inbox.Personal {
			return inbox.Personal{AppID: appA, UnionID: g.sim.UnionID("ming", appA), Kind: closedAccount}
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			g := startChannels(t)
			g.member(t, "ming", "m1")
			g.sentTo(t, "m1", g.sim.OpenID("ming", appA), "of-another-account")
			for range 2 { // WeChat says it twice
				if err := g.app.personal(t.Context(), named(g)); err != nil {
					t.Fatal(err)
				}
			}
			if kept := g.keptOf(t, "m1"); len(kept) != 1 || kept[0] != "of-another-account" {
				t.Errorf("kept is what went to %v", kept)
			}
			member, err := g.app.facts().Centre.User(t.Context(), "main", "m1")
			if err != nil || member.Root.ID != "m1" || len(member.Openids)+len(member.Unions) != 0 {
				t.Errorf("the member is %+v, %v", member, err)
			}
			if known := g.known(t, "ming", appA); known.Openid.Version != 0 {
				t.Errorf("of his openid is known %+v", known.Openid)
			}
		})
	}
}

func TestForgotten_blocked(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	p := g.phone("ming")
	g.consents(t, p, appA)
	_, who := g.tokenAt(t, p, appA, "shop")
	g.sentTo(t, who.Subject, g.sim.OpenID("ming", appA))
	g.ask(t, g.apiKey(t, "main", allScopes), "POST", "main/users/"+who.Subject+"/block", because).want(t, 204)
	push := inbox.Personal{AppID: appA, OpenID: g.sim.OpenID("ming", appA), Kind: "user_authorization_revoke", Revoked: revokedAll}
	if err := g.app.personal(t.Context(), push); err != nil {
		t.Fatal(err)
	}
	if kept := g.keptOf(t, who.Subject); len(kept) != 0 {
		t.Errorf("%d messages are kept", len(kept))
	}
	if known := g.known(t, "ming", appA); known.UnionUser.ID != who.Subject || known.UnionUser.BlockedAt.IsZero() {
		t.Errorf("his block is gone: %+v", known.UnionUser)
	}
	push.Kind, push.Revoked = closedAccount, ""
	if err := g.app.personal(t.Context(), push); err != nil {
		t.Fatal(err)
	}
	if facts, err := g.app.facts().Centre.User(t.Context(), "main", who.Subject); err != nil || !facts.Gone {
		t.Errorf("who has closed his account is known: %+v, %v", facts, err)
	}
	if known, err := g.app.facts().Load(t.Context(), identity.Query{Realm: "main", Openid: identity.Openid{AppID: appA, OpenID: push.OpenID}}); err != nil || known.Openid.Version != 0 {
		t.Errorf("his openid is known: %+v, %v", known.Openid, err)
	}
}
