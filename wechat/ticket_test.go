package wechat_test

import (
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// The vectors of wechat-api.md §11.2.
func TestSignPage(t *testing.T) {
	t.Parallel()
	const ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
	for _, tc := range []struct{ name, page, want string }{
		{"a query", "http://mp.weixin.qq.com?params=value", "0f9de62fce790f9a083d5c99e95740ceb90c27ed"},
		{"a host alone", "http://mp.weixin.qq.com", "f4d90daf4b3bca3078ab155816175ba34c443a7b"},
		{"a slash makes another page", "http://mp.weixin.qq.com/?params=value", "f50191877b62b116ef830363a3a613ed652a2d5d"},
		{"a fragment doesn't count", "http://mp.weixin.qq.com?params=value#a?b#c", "0f9de62fce790f9a083d5c99e95740ceb90c27ed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := wechat.SignPage(ticket, "Wm3WZYTPz0wzccnW", 1414587457, tc.page); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestTicketsAreOfTwoKinds(t *testing.T) {
	t.Parallel()
	host := serve(t, says(`{"ticket":"x","expires_in":7200}`))
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
	for _, kind := range []string{"", "JSAPI", "jsapi&x=y"} {
		_, err := c.JSTicket(t.Context(), bearer, kind)
		want(t, err, wechat.ClassFault)
	}
	if _, err := c.JSTicket(t.Context(), bearer, "wx_card"); err != nil || host.calls() != 1 {
		t.Errorf("%v, %d requests", err, host.calls())
	}
}
