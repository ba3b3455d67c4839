package caddymodule

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// securityChannels is what keys could do to each other through what they share: accounts,
// batches, codes; and what somebody who only claims to be WeChat could.
func securityChannels(t *testing.T) {
	t.Run("T036 what is about all who use an account takes a key for all of its realms", sharedAccount)
	t.Run("T036 a key counts its own messages, whatever others call their batches", batchesApart)
	t.Run("T036 no key revokes another's code by making one for the same thing", codesApart)
	t.Run("T207 an access log holds neither openid nor signature of a push", pushesLogged)
	t.Run("T223 a push that comes in drops is not waited for", slowPush)
}

// sharedAccount: the standard account is used in two realms, the second in one.
func sharedAccount(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	one, all := g.apiKey(t, "main", allScopes), g.apiKey(t, identity.AllRealms, allScopes)
	at := func(appID string) string { return "/v1/accounts/" + appID }
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/pushes", ""},
		{"POST", "/pushes/replay", "{}"},
		{"POST", "/templates/" + g.notice(t) + "/approve", `{"field":"thing4","values":["Chocolate"]}`},
		{"GET", "/jobs", ""},
		{"POST", "/jobs", `{"kind":"followers"}`},
	} {
		if call.path == "/pushes" { // or the template isn't there yet
			g.askAt(t, all, "POST", at(appA)+"/templates/sync", "{}").want(t, 200)
		}
		g.askAt(t, one, call.method, at(appA)+call.path, call.body).wantCode(t, string(apiNoAccount))
		if a := g.askAt(t, all, call.method, at(appA)+call.path, call.body); a.Status >= 300 {
			t.Errorf("with a key for all realms %s %s answers %d %s", call.method, call.path, a.Status, a.Body)
		}
		if a := g.askAt(t, one, call.method, at(appB)+call.path, call.body); a.text("code") == string(apiNoAccount) {
			t.Errorf("of an account of one realm %s %s answers %s", call.method, call.path, a.Body)
		}
	}
}

func batchesApart(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	shop, game, operator := g.apiKey(t, "main", "message", "shop"), g.apiKey(t, "main", "message", "game"), g.apiKey(t, "main", "message operate")
	var messages []message.Message
	for i, key := range []string{shop, shop, game} {
		later := g.now().Add(24 * time.Hour)
		messages = append(messages, message.Message{
			ID: fmt.Sprintf("%028x", i+1), Realm: "main", User: "u1", AppID: appA, OpenID: "o1", Kind: message.KindCustom, Batch: "sale", By: "key:" + key[4:20],
			ClientID: fmt.Sprint(i), State: message.Queued, Made: g.now(), Due: later, Next: later, Sealed: []byte("x"),
		})
	}
	if _, err := g.app.channelStore().PutMessages(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]float64{shop: 2, game: 1, operator: 3} {
		if a := g.askAt(t, key, "GET", "/v1/messages/batches/sale", "").want(t, 200); a.JSON["queued"] != want {
			t.Errorf("counted are %v, want %v", a.JSON["queued"], want)
		}
	}
}

func codesApart(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	shop, game := g.apiKey(t, "main", "qr", "shop"), g.apiKey(t, "main", "qr", "game")
	codes := "/v1/accounts/" + appA + "/qr-codes"
	id := g.askAt(t, shop, "POST", codes, `{"ref":"table-7"}`).want(t, 201).text("id")
	revoked := func() bool {
		return g.askAt(t, shop, "GET", codes+"/"+id, "").want(t, 200).JSON["revoked"] != nil
	}
	g.askAt(t, game, "POST", codes, `{"ref":"table-7","supersede":true}`).want(t, 201)
	if revoked() {
		t.Error("another key's code has taken the place of the shop's")
	}
	g.askAt(t, shop, "POST", codes, `{"ref":"table-7","supersede":true}`).want(t, 201)
	if !revoked() {
		t.Error("the key's own code has not taken the place of the one before")
	}
}

func pushesLogged(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	changes := append([]string{"\twsite\n\treverse", "\tlog {\noutput file DATA/access.log\nformat wsite\n}\n\twsite\n\treverse"}, withPushes...)
	g := startGatewayOn(t, simulated(t), standard, data, changes...)
	if err := g.sim.SetPush(appA, g.url+"/wsite/-/push/"+appA, pushToken, pushKey, "safe"); err != nil {
		t.Fatal(err)
	}
	if err := g.sim.Follow("ming", appA, true); err != nil {
		t.Fatal(err)
	}
	g.settle(t)
	path := "/wsite/-/push/" + appA
	eventually(t, "the push is in the log", func() bool {
		text, err := os.ReadFile(filepath.Join(data, "access.log"))
		return err == nil && strings.Contains(string(text), path) && strings.Contains(string(text), `"method":"POST"`)
	})
	text, err := os.ReadFile(filepath.Join(data, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	hides(t, string(text), g.sim.OpenID("ming", appA))
	for _, word := range regexp.MustCompile(`(?:msg_)?signature=[0-9a-f]{8,}`).FindAllString(string(text), -1) {
		t.Errorf("the log holds %s", word)
	}
}

// timed is the writer of an answer that notes until when a body is waited for.
type timed struct {
	*httptest.ResponseRecorder
	until []time.Time
}

func (w *timed) SetReadDeadline(until time.Time) error {
	w.until = append(w.until, until)
	return nil
}

func slowPush(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	if err := g.app.servePush(w, httptest.NewRequest("POST", "/wsite/-/push/"+appA, strings.NewReader("<xml/>")), appA); err != nil {
		t.Fatal(err)
	}
	if len(w.until) != 2 || w.until[0].IsZero() || time.Until(w.until[0]) > bodyTime || !w.until[1].IsZero() {
		t.Errorf("the body was waited for until %v", w.until)
	}
}
