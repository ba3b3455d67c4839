package merchant_test

import (
	"testing"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// TestRefusedByWeChat has WeChat make no code: the staff are told why, and the code that
// waits goes on waiting.
func TestRefusedByWeChat(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		refuse func(h *house) error
		want   string
	}{
		"an account without the permission": {func(h *house) error {
			return h.sim.ChangeAccount(account, func(a *wechatsim.Account) { a.Unverified, a.Sandbox, a.Domains = true, false, nil })
		}, merchant.FaultPermission},
		"a quota that is spent":     {failing("quota_spent"), merchant.FaultQuota},
		"calls that are too many":   {failing("rate_limited"), merchant.FaultQuota},
		"an account that is frozen": {failing("account_frozen"), merchant.FaultWeChat},
		"WeChat being busy":         {failing("busy"), merchant.FaultBusy},
		"an answer that is none":    {failing("http_500"), merchant.FaultBusy},
	} {
		t.Run(what+" is said", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, sqlite)
			h.merchant("m1")
			before := h.code("m1")
			h.must(c.refuse(h))
			_, err := h.MakeCode(t.Context(), merchant.Order{Realm: "shop", Merchant: "m1", AppID: account, By: staff})
			wantFault(t, err, c.want, "")
			h.want(before, merchant.Waiting, "")
			if list, err := h.CodesOf(t.Context(), "shop", "m1"); len(list) != 1 || err != nil {
				t.Errorf("the codes are %+v, %v", list, err)
			}
		})
	}
}

func failing(fault string) func(h *house) error {
	return func(h *house) error {
		h.sim.Fail(fault, wechatsim.On("/cgi-bin/qrcode/create"), wechatsim.Always())
		return nil
	}
}
