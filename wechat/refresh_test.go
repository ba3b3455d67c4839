package wechat_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// renewed is what WeChat answers to a refresh: no unionid and no snapshot flag.
const renewed = `{"access_token":"59_newCanarynewCanary","expires_in":7200,"refresh_token":"59_refreshCanaryrefreshCanary","openid":"` + openid + `","scope":"snsapi_userinfo"}`

func TestRefreshGrantGivesTheGrantAnotherLife(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var used []string
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/sns/oauth2/access_token":
			says(strings.Replace(grantJSON, "}", `,"unionid":"`+union+`","is_snapshotuser":1}`, 1))(w, r)
		case "/sns/oauth2/refresh_token":
			if want := (url.Values{"appid": {appID}, "grant_type": {"refresh_token"}, "refresh_token": {"59_refreshCanaryrefreshCanary"}}); !reflect.DeepEqual(r.URL.Query(), want) {
				t.Errorf("got %s", r.URL)
			}
			says(renewed)(w, r)
		default:
			used = append(used, r.URL.Path+" "+r.URL.Query().Get("access_token")+" "+r.URL.Query().Get("openid"))
			says(`{"errcode":0,"errmsg":"ok"}`)(w, r)
		}
	})
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}, Now: func() time.Time { return now }})
	g := granted(t, c)
	now = now.Add(3 * time.Hour)
	next, err := c.RefreshGrant(t.Context(), g)
	if check(t, err) != nil {
		t.Fatal(err)
	}
	if next.OpenID != openid || next.UnionID != union || !next.Snapshot || !next.Has(wechat.ScopeUserInfo) {
		t.Errorf("got %v", next)
	}
	again, err := c.RefreshGrant(t.Context(), next)
	if check(t, err) != nil || c.CheckGrant(t.Context(), again) != nil {
		t.Errorf("got %v", err)
	}
	if want := []string{"/sns/auth 59_newCanarynewCanary " + openid}; !reflect.DeepEqual(used, want) {
		t.Errorf("used %q", used)
	}
	for _, u := range c.Usage() {
		if u.AppID != appID {
			t.Errorf("counted for %q: %+v", u.AppID, u)
		}
	}
}

func TestRefreshGrantAndCheckGrantRefuse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body string
		refresh    wechat.Class
		check      wechat.Class
	}{
		{"an invalid refresh token", refusal(40030, "invalid refresh_token"), wechat.ClassRestart, wechat.ClassRestart},
		{"a password that was changed", refusal(42007, "user changed password"), wechat.ClassRestart, wechat.ClassRestart},
		{"a dead token", refusal(40001, "invalid credential"), wechat.ClassRefresh, wechat.ClassRefresh},
		{"another openid", strings.Replace(renewed, openid, foreign, 1), wechat.ClassFault, ""},
		{"no token", `{"openid":"` + openid + `"}`, wechat.ClassFault, ""},
		{"a page", "<html>", wechat.ClassFault, wechat.ClassFault},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, tc.body)
			g, err := s.client.RefreshGrant(t.Context(), s.grant)
			if want(t, err, tc.refresh); g.OpenID != "" {
				t.Errorf("got %v", g)
			}
			err = s.client.CheckGrant(t.Context(), s.grant)
			if tc.check == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want(t, err, tc.check)
		})
	}
	t.Run("a grant without tokens", func(t *testing.T) {
		t.Parallel()
		body := `{"openid":"` + openid + `","access_token":"T"}` // no refresh token
		host := serve(t, says(body))
		c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
		_, err := c.RefreshGrant(t.Context(), granted(t, c))
		want(t, err, wechat.ClassRestart)
		_, err = c.RefreshGrant(t.Context(), wechat.Grant{OpenID: openid})
		want(t, err, wechat.ClassRestart)
		want(t, c.CheckGrant(t.Context(), wechat.Grant{OpenID: openid}), wechat.ClassFault)
		if n := host.calls(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}
