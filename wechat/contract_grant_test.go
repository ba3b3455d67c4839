package wechat_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// A grant is good for two hours, and for a month by its refresh token
// (wechat-api.md §1.5).
func TestContractAGrantIsCheckedAndRefreshed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.login(t, "ming", appID, wechat.ScopeUserInfo)
	if err := s.client.CheckGrant(t.Context(), g); err != nil {
		t.Error(err)
	}
	s.Advance(2 * time.Hour)
	want(t, s.client.CheckGrant(t.Context(), g), wechat.ClassRefresh)
	next, err := s.client.RefreshGrant(t.Context(), g)
	if check(t, err) != nil || next.OpenID != g.OpenID || next.UnionID != g.UnionID || !next.Has(wechat.ScopeUserInfo) {
		t.Fatalf("got %v, %v", next, err)
	}
	if u, err := s.client.UserInfo(t.Context(), next); err != nil || u.Nickname != "小明" {
		t.Errorf("got %v, %v", u, err)
	}
	s.Advance(30 * 24 * time.Hour)
	_, err = s.client.RefreshGrant(t.Context(), next)
	want(t, err, wechat.ClassRestart)
}

// A visitor on a PC logs in to a website (wechat-api.md §2.1).
func TestContractAWebsiteLoginTellsTheUnionID(t *testing.T) {
	t.Parallel()
	const site = "wx00000000000000ff"
	s := newStage(t, func(o *wechatsim.Options) {
		o.Accounts = append(o.Accounts, wechatsim.Account{
			AppID: site, Secret: secret, Name: "site", Kind: wechatsim.KindWeb, Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true,
		})
		o.FastLogin = true
	})
	to, err := s.client.QRConnectURL(wechat.Authorize{AppID: site, RedirectURI: s.site.URL + "/cb", Scope: wechat.ScopeLogin, State: state})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(s.PersonCookie("ming"))
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || back.Query().Get("state") != state {
		t.Fatalf("HTTP status %d to %v, %v", res.StatusCode, back, err)
	}
	g, err := s.client.Exchange(t.Context(), site, secret, back.Query().Get("code"))
	if check(t, err) != nil || g.OpenID != s.OpenID("ming", site) || g.UnionID != s.UnionID("ming", appID) || !g.Has(wechat.ScopeLogin) {
		t.Errorf("got %v, %v", g, err)
	}
}
