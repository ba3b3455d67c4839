package wechat_test

import (
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestNewClientAddresses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, address string
		ok            bool
	}{
		{"https", "https://api.weixin.qq.com", true},
		{"a final slash", "https://api.weixin.qq.com/", true},
		{"a bare host", "sh.api.weixin.qq.com", true},
		{"a bare host with a port", "sh.api.weixin.qq.com:8443", true},
		{"http on loopback", "http://127.0.0.1:8080", true},
		{"http on loopback, IPv6", "http://[::1]:8080", true},
		{"http on localhost", "http://localhost:8080", true},
		{"http elsewhere", "http://api.weixin.qq.com", false},
		{"http on a name that begins like loopback", "http://127.0.0.1.example.com", false},
		{"another scheme", "ftp://api.weixin.qq.com", false},
		{"a path", "https://api.weixin.qq.com/sns", false},
		{"a query", "https://api.weixin.qq.com?a=b", false},
		{"an empty query", "https://api.weixin.qq.com?", false},
		{"a fragment", "https://api.weixin.qq.com#a", false},
		{"credentials", "https://user:hushhush@api.weixin.qq.com", false},
		{"no host", "https://", false},
		{"a port alone", "https://:443", false},
		{"nothing", "", false},
		{"no URL", "https://%zz", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := wechat.NewClient(wechat.Config{Hosts: []string{"https://api.weixin.qq.com", tc.address}})
			if (err == nil) != tc.ok {
				t.Errorf("as a host: %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hushhush") {
				t.Errorf("the error shows the password: %v", err)
			}
			if tc.address == "" {
				return // means the default
			}
			if _, err := wechat.NewClient(wechat.Config{OpenURL: tc.address}); (err == nil) != tc.ok {
				t.Errorf("as the place of login: %v", err)
			}
		})
	}
}

func TestTheDefaultsAreWeChatsOwnHosts(t *testing.T) {
	t.Parallel()
	var asked []string
	c := newClient(t, wechat.Config{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Scheme+"://"+r.URL.Host+r.URL.Path)
		if len(asked)%2 == 1 {
			return reply(http.StatusBadGateway, ""), nil
		}
		return reply(http.StatusOK, `{"openid":"`+openid+`"}`), nil
	})}})
	if _, err := exchange(c); err == nil {
		t.Fatal("no error after status 502")
	}
	if _, err := exchange(c); err == nil {
		t.Fatal("no error without a token")
	}
	if asked[0] != "https://api.weixin.qq.com/sns/oauth2/access_token" {
		t.Errorf("asked %q", asked)
	}
}

// Nobody who can set the environment of a process gets its secrets (T221).
func TestTheDefaultTransportTakesNoProxyFromTheEnvironment(t *testing.T) {
	proxy := serve(t, says(grantJSON))
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("ALL_PROXY", proxy.URL)
	c := newClient(t, wechat.Config{Hosts: []string{"https://wechat.invalid"}})
	_, err := exchange(c)
	want(t, err, wechat.ClassRetry)
	if n := proxy.calls(); n != 0 {
		t.Errorf("the proxy got %d requests", n)
	}
}

func TestTheGivenClientIsCopiedNotChanged(t *testing.T) {
	t.Parallel()
	jar, _ := cookiejar.New(nil)
	given := &http.Client{Jar: jar}
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			t.Error("a cookie came back")
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b", Path: "/"})
		says(grantJSON)(w, r)
	})
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}, HTTP: given})
	granted(t, c)
	granted(t, c)
	if given.CheckRedirect != nil || given.Jar == nil || given.Transport != nil {
		t.Error("the given client was changed")
	}
}
