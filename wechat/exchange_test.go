package wechat_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestExchangeSendsWhatWeChatAsksFor(t *testing.T) {
	t.Parallel()
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		want := "appid=" + appID + "&code=" + code + "&grant_type=authorization_code&secret=" + secret
		if r.Method != http.MethodGet || r.URL.Path != "/sns/oauth2/access_token" || r.URL.Query().Encode() != want {
			t.Errorf("got %s %s", r.Method, r.URL)
		}
		if r.ContentLength != 0 || len(r.TransferEncoding) != 0 {
			t.Errorf("a body: length %d, encoding %v", r.ContentLength, r.TransferEncoding)
		}
		says(grantJSON)(w, r)
	})
	g := granted(t, newClient(t, wechat.Config{Hosts: []string{host.URL}}))
	if g.OpenID != openid || g.UnionID != "" || g.Snapshot || !g.Has(wechat.ScopeUserInfo) || g.Has(wechat.ScopeBase) {
		t.Errorf("got %v", g)
	}
}

func TestExchangeReadsAnswers(t *testing.T) {
	t.Parallel()
	const head = `{"access_token":"T","openid":"o-1","scope":"snsapi_base"`
	base := []wechat.Scope{wechat.ScopeBase}
	for _, tc := range []struct {
		name, body string
		want       wechat.Grant
	}{
		{"the least", `{"access_token":"T","openid":"o-1"}`, wechat.Grant{OpenID: "o-1"}},
		{"errcode 0", head + `,"errcode":0,"errmsg":"ok"}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"errcode 0 as a string", head + `,"errcode":"0"}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"errcode null", head + `,"errcode":null}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"a unionid", head + `,"unionid":"u_1"}`, wechat.Grant{OpenID: "o-1", UnionID: "u_1", Scopes: base}},
		{"a unionid that is null", head + `,"unionid":null}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"expires_in as a string", head + `,"expires_in":"7200"}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"unknown fields of any type", head + `,"x":{"y":[1]},"z":null}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"a byte order mark and white space", "\xef\xbb\xbf\n" + head + "}\n", wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"two scopes", `{"access_token":"T","openid":"o-1","scope":"snsapi_base, snsapi_userinfo,"}`, wechat.Grant{OpenID: "o-1", Scopes: []wechat.Scope{wechat.ScopeBase, wechat.ScopeUserInfo}}},
		{"a scope that is none", `{"access_token":"T","openid":"o-1","scope":"a b,\u0000"}`, wechat.Grant{OpenID: "o-1"}},
		{"snapshot 1", head + `,"is_snapshotuser":1}`, wechat.Grant{OpenID: "o-1", Scopes: base, Snapshot: true}},
		{"snapshot as a string", head + `,"is_snapshotuser":"1"}`, wechat.Grant{OpenID: "o-1", Scopes: base, Snapshot: true}},
		{"snapshot as a boolean", head + `,"is_snapshotuser":true}`, wechat.Grant{OpenID: "o-1", Scopes: base, Snapshot: true}},
		{"snapshot with an unknown value is one", head + `,"is_snapshotuser":2}`, wechat.Grant{OpenID: "o-1", Scopes: base, Snapshot: true}},
		{"snapshot of an unknown type is one", head + `,"is_snapshotuser":{}}`, wechat.Grant{OpenID: "o-1", Scopes: base, Snapshot: true}},
		{"snapshot 0", head + `,"is_snapshotuser":0}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"snapshot 0 as a string", head + `,"is_snapshotuser":"0"}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"snapshot false", head + `,"is_snapshotuser":false}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
		{"snapshot null", head + `,"is_snapshotuser":null}`, wechat.Grant{OpenID: "o-1", Scopes: base}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := granted(t, newClient(t, wechat.Config{Hosts: []string{serve(t, says(tc.body)).URL}}))
			if g.OpenID != tc.want.OpenID || g.UnionID != tc.want.UnionID || g.Snapshot != tc.want.Snapshot || !reflect.DeepEqual(g.Scopes, tc.want.Scopes) {
				t.Errorf("got %v, want %v", g, tc.want)
			}
		})
	}
}

func TestExchangeRefusesNonsense(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 65)
	for _, tc := range []struct {
		name   string
		status int
		body   string
	}{
		{"nothing", 200, ""},
		{"a page", 200, "<html>busy " + code + "</html>"},
		{"an array", 200, "[]"},
		{"null", 200, "null"},
		{"half an object", 200, grantJSON[:40]},
		{"two objects", 200, grantJSON + grantJSON},
		{"more than 1 MiB", 200, `{"access_token":"T","openid":"o","x":"` + strings.Repeat("x", 1<<20) + `"}`},
		{"more than 1 MiB of nothing behind a grant", 200, grantJSON + strings.Repeat(" ", 1<<20)},
		{"no openid", 200, `{"access_token":"` + token + `"}`},
		{"an openid that is null", 200, `{"access_token":"` + token + `","openid":null}`},
		{"an openid of 65 characters", 200, `{"access_token":"` + token + `","openid":"` + long + `"}`},
		{"an openid with a slash", 200, `{"access_token":"` + token + `","openid":"a/b"}`},
		{"an openid with Chinese", 200, `{"access_token":"` + token + `","openid":"你"}`},
		{"an openid that is an object", 200, `{"access_token":"` + token + `","openid":{}}`},
		{"an openid that is true", 200, `{"access_token":"` + token + `","openid":true}`},
		{"a unionid with a space", 200, `{"access_token":"` + token + `","openid":"o","unionid":"a b"}`},
		{"no token", 200, `{"openid":"` + openid + `"}`},
		{"a token with a line break", 200, `{"openid":"` + openid + `","access_token":"a\nb"}`},
		{"an errcode that is a word", 200, `{"errcode":"busy","openid":"o","access_token":"T"}`},
		{"an errcode that is no integer", 200, `{"errcode":1.5,"openid":"o","access_token":"T"}`},
		{"an errcode out of range", 200, `{"errcode":99999999999,"openid":"o","access_token":"T"}`},
		{"an unknown errcode", 200, `{"errcode":12345,"errmsg":"` + code + `"}`},
		{"an openid beside an unknown errcode", 200, `{"errcode":12345,"openid":"o","access_token":"T"}`},
		{"a grant with status 404", 404, grantJSON},
		{"a page with status 403", 403, "<html></html>"},
		{"a grant with status 302", 302, grantJSON},
		{"an errcode with status 302, which is a proxy's", 302, `{"errcode":40029}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(tc.status)
				says(tc.body)(w, r)
			})
			g, err := exchange(newClient(t, wechat.Config{Hosts: []string{host.URL}}))
			want(t, err, wechat.ClassFault)
			if g.OpenID != "" {
				t.Errorf("got %v beside the error", g)
			}
			if n := host.calls(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A code comes from a browser. One that can't be WeChat's costs no request.
func TestExchangeSendsNoNonsense(t *testing.T) {
	t.Parallel()
	host := serve(t, says(grantJSON))
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
	for _, tc := range []struct {
		name, app, secret, code string
		class                   wechat.Class
	}{
		{"no code", appID, secret, "", wechat.ClassRestart},
		{"a code with a parameter in it", appID, secret, code + "&appid=x", wechat.ClassRestart},
		{"a code of 129 characters", appID, secret, strings.Repeat("a", 129), wechat.ClassRestart},
		{"no app ID", "", secret, code, wechat.ClassConfig},
		{"no secret", appID, "", code, wechat.ClassConfig},
		{"a secret that was pasted with a line break", appID, secret + "\n", code, wechat.ClassConfig},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := c.Exchange(t.Context(), tc.app, tc.secret, tc.code)
			want(t, err, tc.class)
		})
	}
	if n := host.calls(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAGrantNeverShowsItsToken(t *testing.T) {
	t.Parallel()
	g := granted(t, newClient(t, wechat.Config{Hosts: []string{serve(t, says(grantJSON)).URL}}))
	type inner struct{ g wechat.Grant }
	type outer struct {
		In  inner
		Ptr *wechat.Grant
	}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "grant", g, "pointer", &g, "nested", outer{inner{g}, &g}, "list", []wechat.Grant{g})
	}
	j, err := json.Marshal(outer{inner{g}, &g})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(j), g.String()}
	for _, v := range []any{g, &g, inner{g}, outer{inner{g}, &g}, []wechat.Grant{g}, map[string]wechat.Grant{"g": g}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	for _, s := range shown {
		if strings.Contains(s, token) || strings.Contains(s, fmt.Sprintf("%x", token)) || strings.Contains(s, "refresh") {
			t.Errorf("shows the token: %s", s)
		}
	}
	for _, s := range []string{g.String(), fmt.Sprintf("%#v", g)} {
		if strings.Contains(s, openid) {
			t.Errorf("shows the whole openid: %s", s)
		}
	}
}
