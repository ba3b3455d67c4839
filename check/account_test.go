package check_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/check"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

const (
	appID  = "wx0123456789abcdef"
	secret = "0123456789abcdef0123456789abcdef"
	verify = "Ab12Cd34Ef56Gh78"
	token  = "pushtoken"
)

// world is an account that works: WeChat, simulated, and the site in front of it.
type world struct {
	sim  *wechatsim.Server
	site *httptest.Server
	// answer stands in for the site, if set.
	answer http.HandlerFunc
	deps   check.Deps
}

func newWorld(t *testing.T, edits ...func(*wechatsim.Account)) *world {
	t.Helper()
	w := &world{}
	w.site = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.site.Close)
	w.sim = wechatsim.StartT(t, func(o *wechatsim.Options) {
		a := wechatsim.Account{AppID: appID, Secret: secret, Name: "shop", Domains: []string{"127.0.0.1"}, Sandbox: true}
		for _, edit := range edits {
			edit(&a)
		}
		o.Accounts, o.People = []wechatsim.Account{a}, []wechatsim.Person{{Name: "ming", Follows: []string{appID}}}
	})
	w.deps = check.Deps{
		AppID: appID, Kind: check.Service, Secret: secret, Origin: w.site.URL, Verify: verify,
		Callback: w.site.URL + "/wsite/" + appID + "/shop/-/callback", PushURL: w.site.URL + "/push", PushToken: token,
		API: w.sim.URL, HTTP: w.site.Client(), Now: time.Now, Random: func(b []byte) { clear(b) },
		WeChat: newClient(t, w.sim.URL),
	}
	return w
}

func newClient(t *testing.T, url string) *wechat.Client {
	t.Helper()
	c, err := wechat.NewClient(wechat.Config{OpenURL: url, Hosts: []string{url}, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	switch {
	case w.answer != nil:
		w.answer(rw, r)
	case r.URL.Path == "/MP_verify_"+verify+".txt":
		fmt.Fprintln(rw, verify)
	case r.URL.Path == "/push":
		echo, err := push.Keys{AppID: appID, Token: token, Mode: push.Plain}.Echo(r.URL.Query())
		if err != nil {
			http.Error(rw, "no", http.StatusForbidden)
			return
		}
		fmt.Fprint(rw, echo)
	default:
		http.NotFound(rw, r)
	}
}

// codes are the codes of findings by what was tried.
func codes(t *testing.T, found []check.Finding) map[string]string {
	t.Helper()
	got := map[string]string{}
	place := -1
	for _, f := range found {
		i := slices.Index(check.Whats(), f.What)
		if i <= place {
			t.Errorf("%s is out of order", f.What)
		}
		place, got[f.What] = i, f.Code
		for _, s := range []string{f.Said.EN, f.Said.ZH, f.Do.EN, f.Do.ZH} {
			if strings.Contains(s, secret) || strings.Contains(s, token) {
				t.Errorf("%s tells a secret: %s", f.What, s)
			}
		}
	}
	return got
}

func TestAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.sim.AddTemplate(appID, wechatsim.Template{Title: "订单", Content: "{{thing1.DATA}}"}); err != nil {
		t.Fatal(err)
	}
	found := check.Account(t.Context(), w.deps)
	var got []string
	for _, f := range found {
		if !f.OK || f.Warn || f.Do != (check.Text{}) {
			t.Errorf("of an account that works: %+v", f)
		}
		got = append(got, f.Code)
	}
	want := "token_ok rights_ok ticket_ok templates_ok quota_ok verify_ok callback_ok push_network_ok push_ok clock_ok"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got %s\nwant %s", s, want)
	}
	if again := check.Account(t.Context(), w.deps); len(codes(t, again)) != len(found) {
		t.Errorf("a second time: %+v", again)
	}
}

// bare is a WeChat that tells little.
type bare struct{ check.WeChat }

func (bare) Templates(context.Context, wechat.Bearer) ([]wechat.Template, error) { return nil, nil }

func (bare) Quota(context.Context, wechat.Bearer, string) (wechat.Quota, error) {
	return wechat.Quota{}, &wechat.Error{API: "cgi-bin/openapi/quota/get", Code: 76022}
}

func (bare) CheckCallback(context.Context, wechat.Bearer, string, string) (wechat.CallbackCheck, error) {
	return wechat.CallbackCheck{}, nil
}

func TestTrouble(t *testing.T) {
	t.Parallel()
	change := func(f func(*wechatsim.Account)) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			if err := w.sim.ChangeAccount(appID, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	fails := func(fault string, options ...wechatsim.FaultOption) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { w.sim.Fail(fault, append(options, wechatsim.Always())...) }
	}
	answers := func(f http.HandlerFunc) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { w.answer = f }
	}
	limit := func(daily, used int) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			const path = "/cgi-bin/user/get"
			if err := w.sim.SetLimits(appID, path, wechatsim.Limits{Daily: daily}); err != nil {
				t.Fatal(err)
			}
			for range used {
				check.Account(t.Context(), check.Deps{AppID: appID, Kind: check.Subscription, Secret: secret, WeChat: w.deps.WeChat, API: w.deps.API, HTTP: w.deps.HTTP, Now: time.Now})
			}
		}
	}
	redirect := func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/elsewhere", http.StatusFound) }
	text := func(s string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, s) }
	}
	for what, c := range map[string]struct {
		make func(*testing.T, *world)
		want map[string]string
	}{
		"a secret that was reset":         {func(_ *testing.T, w *world) { w.deps.Secret = strings.Repeat("f", 32) }, map[string]string{check.WhatToken: "secret_wrong", check.WhatRights: ""}},
		"a secret that was forgotten":     {func(_ *testing.T, w *world) { w.deps.Secret = "" }, map[string]string{check.WhatToken: "secret_missing"}},
		"a frozen secret":                 {change(func(a *wechatsim.Account) { a.SecretFrozen = true }), map[string]string{check.WhatToken: "secret_frozen"}},
		"an unknown app id":               {func(_ *testing.T, w *world) { w.deps.AppID = "wx9999999999999999" }, map[string]string{check.WhatToken: "appid_wrong", check.WhatCallback: "callback_domain_wrong"}},
		"an address that isn't listed":    {change(func(a *wechatsim.Account) { a.Whitelist = []string{"203.0.113.7"} }), map[string]string{check.WhatToken: "ip_not_listed"}},
		"an address that waits for a yes": {fails("ip_unconfirmed"), map[string]string{check.WhatToken: "ip_unconfirmed"}},
		"a frozen account":                {change(func(a *wechatsim.Account) { a.Frozen = true }), map[string]string{check.WhatToken: "account_frozen"}},
		"a banned account":                {change(func(a *wechatsim.Account) { a.Banned = true }), map[string]string{check.WhatToken: "account_frozen", check.WhatCallback: "account_banned"}},
		"an unverified account": {func(t *testing.T, w *world) {
			change(func(a *wechatsim.Account) {
				a.Unverified, a.Sandbox, a.Domains = true, false, []string{"www.example.com"}
			})(t, w)
			w.deps.Callback = "https://www.example.com/"
		}, map[string]string{check.WhatToken: "token_ok", check.WhatRights: "right_missing", check.WhatTemplate: "template_right_missing", check.WhatTicket: "ticket_ok", check.WhatCallback: "scope_refused"}},
		"an account of which WeChat tells little": {func(_ *testing.T, w *world) { w.deps.WeChat = bare{w.deps.WeChat} }, map[string]string{check.WhatTemplate: "templates_none", check.WhatQuota: "quota_unknown", check.WhatNetwork: "push_no_name"}},
		"a quota of tokens that is spent":         {fails("quota_spent", wechatsim.On("/cgi-bin/stable_token")), map[string]string{check.WhatToken: "quota_spent"}},
		"another host as callback":                {change(func(a *wechatsim.Account) { a.Domains = []string{"shop.example.com"} }), map[string]string{check.WhatCallback: "callback_domain_wrong"}},
		"a callback that can't be one":            {func(_ *testing.T, w *world) { w.deps.Callback += "#" }, map[string]string{check.WhatCallback: "callback_malformed"}},
		"a dead token":                            {fails("token_dead", wechatsim.On("/cgi-bin/user/get")), map[string]string{check.WhatRights: "token_dead"}},
		"a WeChat that is down":                   {fails("host_down"), map[string]string{check.WhatToken: "wechat_unreachable"}},
		"too many calls":                          {fails("rate_limited", wechatsim.On("/cgi-bin/ticket/getticket")), map[string]string{check.WhatTicket: "too_often"}},
		"a quota that ends soon":                  {limit(10, 8), map[string]string{check.WhatQuota: "quota_low"}},
		"a quota that is gone":                    {limit(3, 3), map[string]string{check.WhatQuota: "quota_gone", check.WhatRights: "quota_spent"}},
		"no verify code":                          {func(_ *testing.T, w *world) { w.deps.Verify = "" }, map[string]string{check.WhatVerify: "verify_unset"}},
		"a verify file that isn't there":          {answers(http.NotFound), map[string]string{check.WhatVerify: "verify_missing", check.WhatPush: "push_refused"}},
		"a site that redirects":                   {answers(redirect), map[string]string{check.WhatVerify: "verify_redirected", check.WhatPush: "push_redirected"}},
		"a site that answers everything":          {answers(text("hello")), map[string]string{check.WhatVerify: "verify_wrong", check.WhatPush: "push_wrong_echo"}},
		"a site that is down":                     {func(_ *testing.T, w *world) { w.site.Close() }, map[string]string{check.WhatVerify: "origin_unreachable", check.WhatPush: "push_unreachable"}},
		"another push token":                      {func(_ *testing.T, w *world) { w.deps.PushToken = "other" }, map[string]string{check.WhatPush: "push_refused"}},
		"a push address without a host":           {func(_ *testing.T, w *world) { w.deps.PushURL = "/push" }, map[string]string{check.WhatPush: "push_malformed"}},
		"a port that WeChat doesn't push to":      {func(_ *testing.T, w *world) { w.deps.PushURL = "https://www.example.com:8443/push" }, map[string]string{check.WhatPush: "push_port"}},
		"a clock that is slow": {func(_ *testing.T, w *world) {
			w.deps.Now = func() time.Time { return time.Now().Add(-5 * time.Minute) }
		}, map[string]string{check.WhatClock: "clock_wrong"}},
		"a clock that is fast": {func(_ *testing.T, w *world) { w.deps.Now = func() time.Time { return time.Now().Add(5 * time.Minute) } }, map[string]string{check.WhatClock: "clock_wrong"}},
		"an answer without a date": {func(t *testing.T, w *world) {
			w.answer = func(rw http.ResponseWriter, _ *http.Request) { rw.Header()["Date"] = nil }
			w.deps.API = w.site.URL
		}, map[string]string{check.WhatClock: "clock_unknown"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.make(t, w)
			found := check.Account(t.Context(), w.deps)
			got := codes(t, found)
			for what, want := range c.want {
				if got[what] != want {
					t.Errorf("%s: got %q, want %q in %+v", what, got[what], want, found)
				}
			}
			for _, f := range found {
				if f.Code == "ip_not_listed" && (!strings.Contains(f.Said.EN, "127.0.0.1") || !strings.Contains(f.Do.ZH, "127.0.0.1")) {
					t.Errorf("the address isn't named: %+v", f)
				}
				if !f.OK && (f.Do.EN == "" || f.Do.ZH == "") {
					t.Errorf("nothing says what to do: %+v", f)
				}
			}
		})
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[check.Kind]string{
		check.Subscription: "token rights js_ticket quota push_network push_url clock",
		check.Mini:         "token push_network push_url clock",
		check.App:          "push_url clock",
		check.Web:          "callback_domain push_url clock",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(a *wechatsim.Account) { a.Kind = string(kind) })
			w.deps.Kind = kind
			var whats []string
			for _, f := range check.Account(t.Context(), w.deps) {
				if whats = append(whats, f.What); !f.OK {
					t.Errorf("%+v", f)
				}
			}
			if got := strings.Join(whats, " "); got != want {
				t.Errorf("tried %s\nwant %s", got, want)
			}
		})
	}
}
