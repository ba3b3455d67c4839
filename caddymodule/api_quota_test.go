package caddymodule

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestAPI_clearQuota(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	all, one := g.apiKey(t, identity.AllRealms, "operate"), g.apiKey(t, "main", "operate")
	clear := "/v1/accounts/" + appA + "/clear-quota"
	t.Run("what is about all who use an account takes a key for all of its realms", func(t *testing.T) {
		g.askAt(t, one, "POST", clear, "{}").wantCode(t, string(apiNoAccount))
		g.askAt(t, g.apiKey(t, identity.AllRealms, "read message"), "POST", clear, "{}").wantCode(t, string(apiScopeNeeded))
		if n := g.asked("/cgi-bin/clear_quota/v2"); n != 0 {
			t.Errorf("WeChat was asked %d times", n)
		}
	})
	t.Run("a spent quota begins anew, even that of tokens, and messages wait no more", func(t *testing.T) {
		if err := g.sim.SetLimits(appA, "/cgi-bin/stable_token", wechatsim.Limits{Daily: 1}); err != nil {
			t.Fatal(err)
		}
		now := g.now()
		pause := message.Pause{Lane: message.Lane{AppID: appA, Kind: message.KindCustom}, Until: now.Add(time.Hour), Reason: message.ReasonQuota, Detail: "45009"}
		if err := g.app.channelStore().PauseLane(t.Context(), pause, now); err != nil {
			t.Fatal(err)
		}
		g.askAt(t, all, "POST", clear, "{}").want(t, 204)
		if n := g.sim.Calls("/cgi-bin/clear_quota/v2"); n != 1 {
			t.Errorf("WeChat was asked %d times", n)
		}
		if rows := g.askAt(t, all, "GET", "/v1/accounts/"+appA, "").want(t, 200).list("paused"); len(rows) != 0 {
			t.Errorf("%v wait", rows)
		}
	})
	t.Run("the eleventh time in a month WeChat refuses, and that is said", func(t *testing.T) {
		for range 9 {
			g.askAt(t, all, "POST", clear, "{}").want(t, 204)
		}
		a := g.askAt(t, all, "POST", clear, "{}")
		if a.wantCode(t, string(apiWechatRefused)); !strings.Contains(a.text("detail"), "too often in this month") {
			t.Errorf("said is %s", a.Body)
		}
	})
	t.Run("an account without a secret has nothing to clear", func(t *testing.T) {
		g.askAt(t, all, "POST", "/v1/accounts/"+appSub+"/clear-quota", "{}").wantCode(t, string(apiNoToken))
	})
	hides(t, g.logText(), "secret-of-a-0123456789abcdef")
}

func TestAPI_explainCall(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	all, one := g.apiKey(t, identity.AllRealms, "operate"), g.apiKey(t, "main", "operate")
	calls := "/v1/accounts/" + appA + "/calls/"
	g.askAt(t, g.apiKey(t, "main", "wechat", "shop"), "GET", "/v1/accounts/"+appA+"/wechat/cgi-bin/user/info?openid=nobody", "").want(t, 200)
	rid := ""
	for _, r := range g.sim.Requests() {
		if r.RID != "" {
			rid = r.RID
		}
	}
	a := g.askAt(t, all, "GET", calls+rid, "").want(t, 200)
	if !strings.Contains(a.text("url"), "/cgi-bin/user/info") || !strings.Contains(a.text("response"), "40003") || a.text("at") == "" {
		t.Errorf("told is %s", a.Body)
	}
	for _, token := range g.sim.Tokens(appA) {
		hides(t, a.Body, token.Word)
	}
	g.askAt(t, one, "GET", calls+rid, "").wantCode(t, string(apiNoAccount))
	g.askAt(t, all, "GET", calls+"00000000-00000000-00000000", "").wantCode(t, string(apiWechatRefused))
	for _, wrong := range []string{"x", "00000000-00000000-0000000G", "00000000-00000000-00000000-00000000"} {
		g.askAt(t, all, "GET", calls+wrong, "").wantCode(t, string(apiBadID))
	}
}
