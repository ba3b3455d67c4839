package caddymodule

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/message"
)

func TestChannelGauges(t *testing.T) {
	t.Parallel()
	// The second account takes pushes too, but nobody pushes for it.
	g := startChannels(t, "secret secret-of-b-0123456789abcdef\n", "secret secret-of-b-0123456789abcdef\n\t\t\tpush {\n\t\t\t\ttoken AnotherTokenOfTests\n\t\t\t\taes_key "+pushKey+"\n\t\t\t}\n\t\t\tpass_through /cgi-bin/menu/*\n")
	store, now := g.app.channelStore(), g.now()
	var targets []inbox.Delivery
	for _, target := range []string{inbox.Own, "gone"} {
		targets = append(targets, inbox.Delivery{Target: target, Next: now.Add(time.Hour)})
	}
	for i := range 3 {
		p := inbox.Push{AppID: appB, Key: fmt.Sprint("k", i), Kind: "text", At: now, Came: now.Add(-time.Duration(3-i) * time.Minute), Sealed: []byte("x")}
		if _, err := store.PutPush(t.Context(), p, targets); err != nil {
			t.Fatal(err)
		}
	}
	line := inbox.Line{AppID: appB}
	// What isn't due yet the gateway leaves alone.
	due, ok, err := store.TakePushes(t.Context(), line, "test", now.Add(2*time.Hour), now.Add(3*time.Hour), 9)
	if err != nil || !ok || len(due) != 1 {
		t.Fatalf("taken are %d, %v %v", len(due), ok, err)
	}
	oldest := due[0]
	oldest.Dead = true
	if _, err := store.SettlePushes(t.Context(), line, "test", inbox.Settlement{Failed: []inbox.Task{oldest}}); err != nil {
		t.Fatal(err)
	}
	later := now.Add(24 * time.Hour)
	m := message.Message{ID: fmt.Sprintf("%028x", 1), Realm: "main", User: "u1", AppID: appB, OpenID: "o1", Kind: message.KindCustom, State: message.Queued, Made: now, Due: later, Next: later, Sealed: []byte("x")}
	if _, err := store.PutMessages(t.Context(), []message.Message{m}); err != nil {
		t.Fatal(err)
	}
	key := g.apiKey(t, "main", "token", "shop")
	g.askAt(t, key, "GET", "/v1/accounts/"+appA+"/access-token", "").want(t, 200)

	gauges := channelGauges{used: map[[2]string]float64{{appA, "cgi-bin/of_yesterday"}: 7}}
	if err := gauges.measure(t.Context(), g.app); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		name, appID, label string
		least, most        float64
	}{
		{"wsite_push_lag_seconds", appB, "", 120, 180},
		{"wsite_push_dead", appB, "", 1, 1},
		{"wsite_push_lag_seconds", appB, "gone", -1, -1},
		{"wsite_message_queue", appB, "custom", 1, 1},
		{"wsite_wechat_quota_used", appA, "cgi-bin/stable_token", 1, 1},
		{"wsite_wechat_quota_used", appA, "cgi-bin/of_yesterday", 0, 0},
	} {
		if got := g.gauge(t, want.name, want.appID, want.label); got < want.least || got > want.most {
			t.Errorf("%s of %s %q is %v, want %v to %v", want.name, want.appID, want.label, got, want.least, want.most)
		}
	}
	t.Run("no label is what a caller makes up", func(t *testing.T) {
		for of, want := range map[[2]string]string{
			{appB, "cgi-bin/menu/made_up"}: "cgi-bin/menu/*",
			{appB, "cgi-bin/user/info"}:    "cgi-bin/user/info",
			{"", ""}:                       "other",
			{"wx0123456789abcdef", "x"}:    "other",
		} {
			if got := g.app.quotaLabel(of[0], of[1]); got != want {
				t.Errorf("%v is %q", of, got)
			}
		}
	})
}

// gauge is what a gauge of ours says of an account and another label; -1 if nothing.
func (g *gateway) gauge(t testing.TB, name, appID, label string) float64 {
	t.Helper()
	families, err := g.app.ctx.GetMetricsRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() != name {
				continue
			}
			labels := map[string]bool{} // by value: there are two, of different forms
			for _, pair := range m.GetLabel() {
				labels[pair.GetValue()] = true
			}
			if labels[appID] && labels[label] {
				return m.GetGauge().GetValue()
			}
		}
	}
	return -1
}
