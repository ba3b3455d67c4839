package wechat_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestCreateQRTakesWhatWeChatTakes(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tc := range []struct {
		name  string
		order wechat.QROrder
		ok    bool
	}{
		{"64 characters", wechat.QROrder{Scene: strings.Repeat("码", 64)}, true},
		{"65 characters", wechat.QROrder{Scene: strings.Repeat("a", 65)}, false},
		{"half a character", wechat.QROrder{Scene: "a\xff"}, false},
		{"a line break", wechat.QROrder{Scene: "a\nb"}, false},
		{"a space at the end", wechat.QROrder{Scene: "a "}, false},
		{"no scene", wechat.QROrder{}, false},
		{"a negative number", wechat.QROrder{SceneID: -1}, false},
		{"a number of 33 bits", wechat.QROrder{SceneID: 1 << 32}, false},
		{"a permanent number above 100,000", wechat.QROrder{SceneID: 100_001, Permanent: true}, false},
		{"30 days", wechat.QROrder{Scene: "a", Life: 30 * day}, true},
		{"more than 30 days", wechat.QROrder{Scene: "a", Life: 30*day + time.Second}, false},
		{"a second", wechat.QROrder{Scene: "a", Life: time.Second}, true},
		{"less than a second", wechat.QROrder{Scene: "a", Life: time.Second - 1}, false},
		{"a life that is over", wechat.QROrder{Scene: "a", Life: -time.Second}, false},
		{"a permanent code has no life", wechat.QROrder{Scene: "a", Life: 400 * day, Permanent: true}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, says(`{"ticket":"t","expire_seconds":60,"url":"http://weixin.qq.com/q/x"}`))
			qr, err := newClient(t, wechat.Config{Hosts: []string{host.URL}}).CreateQR(t.Context(), bearer, tc.order)
			if tc.ok {
				if err != nil || (qr.Life == 0) != tc.order.Permanent || host.calls() != 1 {
					t.Errorf("got %v, %v", qr, err)
				}
				return
			}
			if want(t, err, wechat.ClassFault); host.calls() != 0 {
				t.Error("it was sent")
			}
		})
	}
}

func TestTheImageOfAQRCode(t *testing.T) {
	t.Parallel()
	const tail = "/cgi-bin/showqrcode?ticket=a%2Bb%2Fc%3D%3D"
	if got := newClient(t, wechat.Config{}).QRImageURL("a+b/c=="); got != "https://mp.weixin.qq.com"+tail {
		t.Errorf("got %s", got)
	}
	if got := newClient(t, wechat.Config{MPURL: "http://127.0.0.1:8088"}).QRImageURL("a+b/c=="); got != "http://127.0.0.1:8088"+tail {
		t.Errorf("got %s", got)
	}
	if _, err := wechat.NewClient(wechat.Config{MPURL: "http://mp.weixin.qq.com"}); err == nil {
		t.Error("http is taken")
	}
}

func TestQRConnectURL(t *testing.T) {
	t.Parallel()
	c := newClient(t, wechat.Config{})
	good := wechat.Authorize{AppID: appID, RedirectURI: "https://site.example/cb?a=b", Scope: wechat.ScopeLogin, State: "s1"}
	got, err := c.QRConnectURL(good)
	if want := "https://open.weixin.qq.com/connect/qrconnect?appid=" + appID + "&redirect_uri=https%3A%2F%2Fsite.example%2Fcb%3Fa%3Db&response_type=code&scope=snsapi_login&state=s1#wechat_redirect"; err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	for name, spoil := range map[string]func(*wechat.Authorize){
		"another scope": func(a *wechat.Authorize) { a.Scope = wechat.ScopeUserInfo },
		"no state":      func(a *wechat.Authorize) { a.State = "" },
		"a fragment":    func(a *wechat.Authorize) { a.RedirectURI += "#a" },
		"no app ID":     func(a *wechat.Authorize) { a.AppID = "" },
	} {
		a := good
		spoil(&a)
		if got, err := c.QRConnectURL(a); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := c.AuthorizeURL(good); err == nil {
		t.Error("a website's scope is taken inside WeChat")
	}
}
