package wechat_test

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestAuthorizeURL(t *testing.T) {
	t.Parallel()
	real := newClient(t, wechat.Config{})
	local := newClient(t, wechat.Config{OpenURL: "http://127.0.0.1:8081/"})
	for _, tc := range []struct {
		name   string
		client *wechat.Client
		in     wechat.Authorize
		want   string
	}{
		{
			"the silent scope", real,
			wechat.Authorize{AppID: appID, RedirectURI: "https://login.example.com/wsite/cb", Scope: wechat.ScopeBase, State: "abc123XYZ"},
			"https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0123456789abcdef&redirect_uri=https%3A%2F%2Flogin.example.com%2Fwsite%2Fcb&response_type=code&scope=snsapi_base&state=abc123XYZ&connect_redirect=1#wechat_redirect",
		},
		{
			"a query within the redirect URI stays inside it", real,
			wechat.Authorize{AppID: appID, RedirectURI: "https://login.example.com/cb?a=1&scope=x%20y&b=%E4%BD%A0+", Scope: wechat.ScopeUserInfo, State: "s"},
			"https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx0123456789abcdef&redirect_uri=https%3A%2F%2Flogin.example.com%2Fcb%3Fa%3D1%26scope%3Dx%2520y%26b%3D%25E4%25BD%25A0%2B&response_type=code&scope=snsapi_userinfo&state=s&connect_redirect=1#wechat_redirect",
		},
		{
			"another place and a port, as a sandbox account may have", local,
			wechat.Authorize{AppID: "wx1", RedirectURI: "http://127.0.0.1:8080/cb", Scope: wechat.ScopeBase, State: strings.Repeat("a", 128)},
			"http://127.0.0.1:8081/connect/oauth2/authorize?appid=wx1&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fcb&response_type=code&scope=snsapi_base&state=" + strings.Repeat("a", 128) + "&connect_redirect=1#wechat_redirect",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.client.AuthorizeURL(tc.in)
			if err != nil || got != tc.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tc.want)
			}
		})
	}
}

func TestAuthorizeURLRefusals(t *testing.T) {
	t.Parallel()
	c := newClient(t, wechat.Config{})
	good := wechat.Authorize{AppID: appID, RedirectURI: "https://a.example/cb", Scope: wechat.ScopeBase, State: "s1"}
	for _, tc := range []struct {
		name string
		edit func(*wechat.Authorize)
	}{
		{"no app ID", func(a *wechat.Authorize) { a.AppID = "" }},
		{"an app ID with a parameter in it (T099)", func(a *wechat.Authorize) { a.AppID += "&redirect_uri=https://evil.example" }},
		{"no state, which WeChat shows as 10013", func(a *wechat.Authorize) { a.State = "" }},
		{"a state with a parameter in it (T099)", func(a *wechat.Authorize) { a.State = "x&redirect_uri=https://evil.example" }},
		{"a state with a character that only some accounts take", func(a *wechat.Authorize) { a.State = "a-b" }},
		{"a state of 129 bytes", func(a *wechat.Authorize) { a.State = strings.Repeat("a", 129) }},
		{"no scope", func(a *wechat.Authorize) { a.Scope = "" }},
		{"the scope of websites", func(a *wechat.Authorize) { a.Scope = "snsapi_login" }},
		{"a scope with a parameter in it (T099)", func(a *wechat.Authorize) { a.Scope = "snsapi_base&state=x" }},
		{"no redirect URI", func(a *wechat.Authorize) { a.RedirectURI = "" }},
		{"a relative redirect URI", func(a *wechat.Authorize) { a.RedirectURI = "/cb" }},
		{"a redirect URI without a scheme", func(a *wechat.Authorize) { a.RedirectURI = "//a.example/cb" }},
		{"a redirect URI that is a script", func(a *wechat.Authorize) { a.RedirectURI = "javascript:alert(1)" }},
		{"a redirect URI without a host", func(a *wechat.Authorize) { a.RedirectURI = "https:///cb" }},
		{"a redirect URI with credentials", func(a *wechat.Authorize) { a.RedirectURI = "https://u:p@a.example/cb" }},
		{"a redirect URI with a fragment", func(a *wechat.Authorize) { a.RedirectURI += "#/route" }},
		{"a redirect URI with an empty fragment", func(a *wechat.Authorize) { a.RedirectURI += "#" }},
		{"a redirect URI with a line break", func(a *wechat.Authorize) { a.RedirectURI += "\r\nX: y" }},
		{"a redirect URI with a space", func(a *wechat.Authorize) { a.RedirectURI += "?a=b c" }},
		{"a redirect URI with raw Chinese", func(a *wechat.Authorize) { a.RedirectURI += "?a=你" }},
		{"a redirect URI with a backslash", func(a *wechat.Authorize) { a.RedirectURI += `\x` }},
		{"a redirect URI that is too long", func(a *wechat.Authorize) { a.RedirectURI += "?" + strings.Repeat("a", 4096) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := good
			tc.edit(&a)
			if got, err := c.AuthorizeURL(a); err == nil || got != "" {
				t.Errorf("accepted: %s", got)
			} else if strings.Contains(err.Error(), "evil") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error repeats the value: %v", err)
			}
		})
	}
}

// What is accepted arrives at WeChat as exactly these parameters with exactly
// these values, in the order that WeChat's pattern wants.
func TestAuthorizeURLCarriesValuesUnchanged(t *testing.T) {
	t.Parallel()
	c := newClient(t, wechat.Config{})
	rapid.Check(t, func(t *rapid.T) {
		a := wechat.Authorize{
			AppID:       rapid.String().Draw(t, "app"),
			RedirectURI: rapid.OneOf(rapid.String(), rapid.StringMatching(`https://[a-z.]{1,9}/[!-~]{0,40}`)).Draw(t, "redirect"),
			Scope:       rapid.SampledFrom([]wechat.Scope{wechat.ScopeBase, wechat.ScopeUserInfo}).Draw(t, "scope"),
			State:       rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9]{1,128}`)).Draw(t, "state"),
		}
		if rapid.Bool().Draw(t, "plain app") {
			a.AppID = appID
		}
		got, err := c.AuthorizeURL(a)
		if err != nil {
			return
		}
		rest, ok := strings.CutPrefix(got, "https://open.weixin.qq.com/connect/oauth2/authorize?")
		rest, end := strings.CutSuffix(rest, "#wechat_redirect")
		if !ok || !end {
			t.Fatalf("frame: %s", got)
		}
		var names []string
		for pair := range strings.SplitSeq(rest, "&") {
			name, _, _ := strings.Cut(pair, "=")
			names = append(names, name)
		}
		if s := strings.Join(names, " "); s != "appid redirect_uri response_type scope state connect_redirect" {
			t.Fatalf("parameters: %s", s)
		}
		v, err := url.ParseQuery(rest)
		if err != nil || v.Get("appid") != a.AppID || v.Get("redirect_uri") != a.RedirectURI || v.Get("scope") != string(a.Scope) || v.Get("state") != a.State {
			t.Fatalf("%s carries %v, %v", got, v, err)
		}
	})
}
