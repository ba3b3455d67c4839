package wechat_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// plays is an HTTP client that is answered by what *body is at that time.
func plays(body *string) *http.Client {
	return &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
		return reply(http.StatusOK, *body), nil
	})}
}

// scene is a client with a grant whose WeChat answers everything with one body.
type scene struct {
	client *wechat.Client
	grant  wechat.Grant
}

func newScene(t testing.TB, body string) scene {
	t.Helper()
	now := grantJSON
	s := scene{client: newClient(t, wechat.Config{HTTP: plays(&now)})}
	s.grant = granted(t, s.client)
	now = body
	return s
}

func (s scene) userInfoErr(t testing.TB) error {
	t.Helper()
	_, err := s.client.UserInfo(t.Context(), s.grant)
	return err
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sns/oauth2/access_token" {
			says(grantJSON)(w, r)
			return
		}
		if q := r.URL.Query(); r.URL.Path != "/sns/userinfo" || len(q) != 3 || q.Get("access_token") != token || q.Get("openid") != openid || q.Get("lang") != "zh_CN" {
			t.Errorf("got %s", r.URL)
		}
		says(`{"openid":"`+openid+`","nickname":"小明👨‍👩‍👧","sex":0,"language":"","city":"","province":"","country":"",
			"headimgurl":"https://thirdwx.qlogo.cn/mmopen/x/132","privilege":["a"],"unionid":"`+union+`"}`)(w, r)
	})
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
	u, err := c.UserInfo(t.Context(), granted(t, c))
	if check(t, err) != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "user", u)
	for _, s := range []string{log.String(), fmt.Sprint(u), fmt.Sprintf("%#v", u)} {
		if strings.Contains(s, openid) || strings.Contains(s, union) || strings.Contains(s, "小明") {
			t.Errorf("shows the visitor: %s", s)
		}
	}
	if u != (wechat.UserInfo{OpenID: openid, UnionID: union, Nickname: "小明👨‍👩‍👧", AvatarURL: "https://thirdwx.qlogo.cn/mmopen/x/132"}) {
		t.Errorf("got %q %q", u.Nickname, u.AvatarURL)
	}
}

func TestUserInfoRefusesNonsense(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body string }{
		{"another openid", `{"openid":"oSomebodyElse","nickname":"x"}`},
		{"no openid", `{"nickname":"x"}`},
		{"a malformed unionid", `{"openid":"` + openid + `","unionid":"a b"}`},
		{"a page", `<html>`},
		{"a privilege in place of a nickname", `{"openid":"` + openid + `","nickname":[]}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want(t, newScene(t, tc.body).userInfoErr(t), wechat.ClassFault)
		})
	}
	t.Run("another unionid than the grant's", func(t *testing.T) {
		t.Parallel()
		body := strings.Replace(grantJSON, `}`, `,"unionid":"`+union+`"}`, 1)
		c := newClient(t, wechat.Config{HTTP: plays(&body)})
		g := granted(t, c)
		body = `{"openid":"` + openid + `","unionid":"other"}`
		_, err := c.UserInfo(t.Context(), g)
		want(t, err, wechat.ClassFault)
	})
	t.Run("a grant that no exchange made", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, grantJSON)
		_, err := s.client.UserInfo(t.Context(), wechat.Grant{OpenID: openid})
		want(t, err, wechat.ClassFault)
	})
}

func TestUserInfoCleansWhatVisitorsWrite(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, nickname, avatar, wantNickname, wantAvatar string }{
		{"lines and terminal colours", `a\r\nb\u001b[0m\u2028\u202e`, "", "ab[0m", ""},
		{"half a character", "a\xffb", "", "ab", ""},
		{"too much", strings.Repeat("你", 200), "", strings.Repeat("你", 85), ""},
		{"an avatar that is a script", "a", "javascript:alert(1)", "a", ""},
		{"an avatar without a host", "a", "https:///x", "a", ""},
		{"an avatar of http", "a", "http://thirdwx.qlogo.cn/x/0", "a", "http://thirdwx.qlogo.cn/x/0"},
		{"an avatar that is too long", "a", "http://thirdwx.qlogo.cn/" + strings.Repeat("x", 1024), "a", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, `{"openid":"`+openid+`","nickname":"`+tc.nickname+`","headimgurl":"`+tc.avatar+`"}`)
			u, err := s.client.UserInfo(t.Context(), s.grant)
			if check(t, err) != nil || u.Nickname != tc.wantNickname || u.AvatarURL != tc.wantAvatar {
				t.Errorf("got %q, %q, %v", u.Nickname, u.AvatarURL, err)
			}
		})
	}
}

func TestAnExpiredTokenCostsNoCall(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	host := serve(t, says(grantJSON))
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}, Now: func() time.Time { return now }})
	g := granted(t, c)
	now = now.Add(7200*time.Second - 1)
	if _, err := c.UserInfo(t.Context(), g); check(t, err) != nil {
		t.Fatal(err)
	}
	now = now.Add(1)
	_, err := c.UserInfo(t.Context(), g)
	want(t, err, wechat.ClassRefresh)
	if n := host.calls(); n != 2 {
		t.Errorf("%d requests", n)
	}
}
