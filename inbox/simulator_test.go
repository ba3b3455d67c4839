package inbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// The simulator was written from the same fact sheet by other hands, and shares no code
// with us: what it pushes is read here, and what is replied is read there.

// simulated is a simulated WeChat that pushes to an inbox with a backend behind it.
func simulated(t *testing.T, mode push.Mode, b *backend) (*wechatsim.Server, *world) {
	t.Helper()
	sim := wechatsim.StartT(t, func(o *wechatsim.Options) {
		o.Accounts = []wechatsim.Account{{AppID: appID, Secret: "0123456789abcdef0123456789abcdef", Name: "Shop", Subject: "acme"}}
		o.People = []wechatsim.Person{{Name: "li"}}
	})
	s := b.as("crm", "text", "event")
	s.Reply = true
	w := start(t, subscribers(s), func(c *inbox.Config) { c.Now = sim.Now })
	w.keys.Mode = mode
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answer, err := inbox.Answer{}, error(nil)
		if r.Method == http.MethodGet {
			answer, err = w.Echo(r.Context(), appID, r.URL.Query())
		} else {
			body, readErr := io.ReadAll(io.LimitReader(r.Body, push.MaxBody+1))
			if readErr != nil {
				return
			}
			answer, err = w.Accept(r.Context(), appID, r.URL.Query(), r.Header.Get("Content-Type"), body)
		}
		if err != nil {
			t.Logf("refused: %v", err)
		}
		rw.Header().Set("Content-Type", answer.ContentType)
		rw.WriteHeader(answer.Status)
		_, _ = rw.Write(answer.Body)
	}))
	t.Cleanup(func() {
		sim.Close()
		front.Close()
	})
	if err := sim.SetPush(appID, front.URL+"/wsite/-/push/"+appID, account.Token, aesKey, string(mode)); err != nil {
		t.Fatal(err)
	}
	return sim, w
}

// loose is a backend that takes every person, and greets whoever writes.
func loose(t *testing.T) *backend {
	t.Helper()
	b := &backend{keys: push.Keys{AppID: appID, Token: "backendToken", Mode: push.Plain}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		m, err := b.keys.Open(r.URL.Query(), body, b.clock())
		if err != nil {
			t.Errorf("the backend refuses a push: %v", err)
		}
		b.mu.Lock()
		b.took = append(b.took, m.Kind()+" "+m.Field("Content"))
		b.mu.Unlock()
		if m.Type == "text" {
			reply, err := push.Reply{To: m.From, From: m.To, At: m.At, Type: "text", Content: "echo " + m.Field("Content")}.XML()
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(reply)
		}
	}))
	t.Cleanup(b.Close)
	return b
}

func TestSimulator(t *testing.T) {
	t.Parallel()
	ok := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []push.Mode{push.Plain, push.Compatible, push.Safe} {
		t.Run("somebody follows, writes, is answered and leaves, in the mode "+string(mode), func(t *testing.T) {
			t.Parallel()
			b := loose(t)
			sim, w := simulated(t, mode, b)
			b.now = sim.Now
			ok(t, sim.Follow("li", appID, true))
			ok(t, sim.Say("li", appID, "你好"))
			ok(t, sim.Click("li", appID, "MENU"))
			ok(t, sim.Revoke("li", appID, "205"))
			ok(t, sim.ModifyInfo("li", appID))
			ok(t, sim.Settle(t.Context()))
			sim.Advance(time.Second)
			ok(t, sim.Follow("li", appID, false))
			ok(t, sim.Settle(t.Context()))
			for _, p := range sim.Pushes(appID) {
				if p.Outcome == wechatsim.PushUnavailable || len(p.Tries) != 1 {
					t.Errorf("%v: %+v", &p, p)
				}
			}
			chat := sim.Chat("li", appID)
			if !slices.ContainsFunc(chat, func(m wechatsim.Message) bool { return m.Text == "echo 你好" }) {
				t.Errorf("the chat is %+v", chat)
			}
			w.now = sim.Now()
			w.step()
			who := sim.OpenID("li", appID)
			w.wantHeard("follow {AppID:"+appID+" OpenID:"+who+" Following:true", "personal {AppID:"+appID+" OpenID:"+who, "personal {AppID:"+appID+" OpenID:"+who, "follow {AppID:"+appID+" OpenID:"+who+" Following:false")
			if len(b.got()) != 6 {
				t.Errorf("the backend got %q", b.got())
			}
		})
	}
	for _, fault := range []string{"push_duplicated", "push_disordered", "push_lost_answer", "push_slow", "push_truncated", "push_foreign", "push_forged", "push_replayed"} {
		t.Run("everything is heard once and answered in spite of "+fault, func(t *testing.T) {
			t.Parallel()
			b := loose(t)
			sim, w := simulated(t, push.Safe, b)
			b.now = sim.Now
			ok(t, sim.Follow("li", appID, true))
			ok(t, sim.Settle(t.Context()))
			sim.Fail(fault)
			ok(t, sim.Say("li", appID, "first"))
			ok(t, sim.Say("li", appID, "second"))
			ok(t, sim.Pass(t.Context(), 11*time.Minute))
			w.now = sim.Now()
			w.step()
			got := b.got()
			slices.Sort(got)
			if strings.Join(got, ",") != "event:subscribe ,text first,text second" {
				t.Errorf("the backend got %q", got)
			}
			for _, text := range []string{"echo first", "echo second"} {
				n := 0
				for _, m := range sim.Chat("li", appID) {
					if m.Text == text {
						n++
					}
				}
				if n != 1 {
					t.Errorf("%q is in the chat %d times: %+v", text, n, sim.Chat("li", appID))
				}
			}
			w.wantHeard("follow")
		})
	}
}
