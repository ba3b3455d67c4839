package caddymodule

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// TestChannels_story follows one person from a QR code to a message: he scans, follows, is
// known, gets a notice, and it is known that he got it.
func TestChannels_story(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	key := g.apiKey(t, "main", "qr message", "shop", "game")
	code := g.askAt(t, key, "POST", "/v1/accounts/"+appA+"/qr-codes", `{"ref":"table-7","expires_in":600}`).want(t, 201)
	if code.text("scene") == "" || code.text("url") == "" || strings.Contains(code.text("scene"), "table") {
		t.Errorf("the code is %s", code.Body)
	}
	scanned, err := g.sim.Scan("ming", code.text("url"))
	if err != nil || !scanned.Follow {
		t.Fatalf("he scanned %+v, %v", scanned, err)
	}
	if err := g.sim.FollowScanned("ming", scanned.Ticket); err != nil {
		t.Fatal(err)
	}
	g.settle(t)

	user := ""
	scans := "/v1/accounts/" + appA + "/qr-codes/" + code.text("id") + "/scans"
	eventually(t, "the maker hears who scanned", func() bool {
		rows := g.askAt(t, key, "GET", scans, "").want(t, 200).list("scans")
		if len(rows) == 1 && rows[0]["outcome"] == "good" && rows[0]["followed"] == true {
			user, _ = rows[0]["user"].(string)
		}
		return user != ""
	})
	if known := g.known(t, "ming", appA); known.Openid.UnionID != g.sim.UnionID("ming", appA) || known.UnionUser.ID != user {
		t.Errorf("known are %+v, and %s is told", known, user)
	}

	template := g.notice(t)
	g.askAt(t, key, "POST", "/v1/accounts/"+appA+"/templates/sync", "{}").want(t, 200)
	order := `{"user":"` + user + `","site":"shop","template":"` + template + `","data":{"thing4":"Chocolate","amount2":"39.8元"},"client_id":"order-1"}`
	sent := g.askAt(t, key, "POST", "/v1/messages", order).want(t, 202)
	again := g.askAt(t, key, "POST", "/v1/messages", order).want(t, 202)
	if sent.text("id") != again.text("id") {
		t.Errorf("one client_id made %s and %s", sent.text("id"), again.text("id"))
	}
	eventually(t, "the notice is in his chat", func() bool { return len(g.got("ming", "template")) == 1 })
	g.sim.Advance(10e9) // WeChat tells the outcome some seconds later
	g.settle(t)
	eventually(t, "it is known that he got it", func() bool {
		return g.askAt(t, key, "GET", "/v1/messages/"+sent.text("id"), "").want(t, 200).text("state") == "delivered"
	})
	if n := len(g.got("ming", "template")); n != 1 {
		t.Errorf("he got %d notices", n)
	}
	t.Run("a field that is too long is named, and nothing is sent", func(t *testing.T) {
		a := g.askAt(t, key, "POST", "/v1/messages", strings.Replace(strings.Replace(order, "Chocolate", strings.Repeat("糖", 21), 1), "order-1", "order-2", 1))
		a.wantCode(t, "message_too_long")
		if a.text("field") != "thing4" {
			t.Errorf("said is %s", a.Body)
		}
	})
	t.Run("who has left is not reached", func(t *testing.T) {
		if err := g.sim.Follow("ming", appA, false); err != nil {
			t.Fatal(err)
		}
		g.settle(t)
		openid := g.sim.OpenID("ming", appA)
		eventually(t, "it is noted that he left", func() bool {
			known, err := g.app.followers().Followers(t.Context(), appA, []string{openid})
			return err == nil && !known[openid].Following
		})
		g.askAt(t, key, "POST", "/v1/messages", strings.Replace(order, "order-1", "order-3", 1)).wantCode(t, "message_unreachable")
	})
	hides(t, g.logText(), g.sim.OpenID("ming", appA), g.sim.UnionID("ming", appA), code.text("scene"), "Chocolate")
}

func TestChannels_accessToken(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	key := g.apiKey(t, "main", "token wechat", "shop")
	const path = "/v1/accounts/" + appA + "/access-token"
	first := g.askAt(t, key, "GET", path, "").want(t, 200).text("access_token")
	if first == "" || len(g.sim.Tokens(appA)) != 1 {
		t.Fatalf("%q of %d tokens", first, len(g.sim.Tokens(appA)))
	}
	t.Run("many ask, and WeChat is asked once", func(t *testing.T) {
		for range 20 {
			if again := g.askAt(t, key, "GET", path, "").want(t, 200).text("access_token"); again != first {
				t.Error("another token")
			}
		}
		if n := g.asked("/cgi-bin/stable_token"); n != 1 {
			t.Errorf("WeChat was asked %d times", n)
		}
	})
	t.Run("a token that isn't the one in force is reported in vain", func(t *testing.T) {
		if got := g.askAt(t, key, "POST", path+"/report", `{"access_token":"some-older-one"}`).want(t, 200).text("access_token"); got != first {
			t.Error("another token")
		}
		if n := g.asked("/cgi-bin/stable_token"); n != 1 {
			t.Errorf("WeChat was asked %d times", n)
		}
	})
	t.Run("an account without one does no jobs", func(t *testing.T) {
		k := g.apiKey(t, "main", "operate")
		g.askAt(t, k, "POST", "/v1/accounts/wx00000000000000dd/jobs", `{"kind":"followers"}`).wantCode(t, string(apiNoToken))
	})
	t.Run("an account that keeps its token to itself", func(t *testing.T) {
		lone := g.apiKey(t, "main", "token", "shop")
		g.askAt(t, lone, "GET", "/v1/accounts/"+appB+"/access-token", "").want(t, 200)
		hidden := startGateway(t, append([]string{"secret secret-of-a-0123456789abcdef\n", "secret secret-of-a-0123456789abcdef\n\t\t\tshare_token off\n\t\t\tpass_through /cgi-bin/user/info\n"}, withAPI...)...)
		k := hidden.apiKey(t, "main", "token wechat", "shop")
		hidden.askAt(t, k, "GET", "/v1/accounts/"+appA+"/wechat/cgi-bin/user/info?openid=o", "").wantCode(t, string(apiTokenKept))
		hidden.askAt(t, k, "GET", path, "").wantCode(t, string(apiTokenKept))
		hidden.askAt(t, k, "POST", path+"/report", `{"access_token":"x"}`).wantCode(t, string(apiTokenKept))
	})
	t.Run("WeChat is called through the gateway, and a dead token doesn't show", func(t *testing.T) {
		g.sim.KillTokens(appA)
		user := "/v1/accounts/" + appA + "/wechat/cgi-bin/user/info?openid=" + g.sim.OpenID("ming", appA)
		if a := g.askAt(t, key, "GET", user, "").want(t, 200); a.text("openid") != g.sim.OpenID("ming", appA) {
			t.Errorf("answered %s", a.Body)
		}
	})
	t.Run("only where the operator lets it, and with no token of the caller's", func(t *testing.T) {
		for _, other := range []string{"cgi-bin/user/get", "cgi-bin/user/info/batchget", "cgi-bin/token", "sns/userinfo", "cgi-bin/user/../user/info", "cgi-bin/user/info/"} {
			if a := g.askAt(t, key, "GET", "/v1/accounts/"+appA+"/wechat/"+other, ""); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
				t.Errorf("%s answered %d %s", other, a.Status, a.Body)
			}
		}
		g.askAt(t, key, "GET", "/v1/accounts/"+appA+"/wechat/cgi-bin/user/info?access_token=x&openid=y", "").wantCode(t, string(apiBadQuery))
	})
	t.Run("what WeChat refuses is answered in its own words", func(t *testing.T) {
		a := g.askAt(t, key, "GET", "/v1/accounts/"+appA+"/wechat/cgi-bin/user/info?openid=nobody", "").want(t, 200)
		if code, _ := a.JSON["errcode"].(float64); code != 40003 {
			t.Errorf("answered %s", a.Body)
		}
	})
	var words []string
	for _, token := range g.sim.Tokens(appA) {
		words = append(words, token.Word)
	}
	hides(t, g.logText(), words...)
}

// TestChannels_personal holds what is left of a person to WeChat's demand to forget him.
func TestChannels_personal(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	g.member(t, "ming", "m1")
	if err := g.sim.Follow("ming", appA, true); err != nil {
		t.Fatal(err)
	}
	g.settle(t)
	openid := identity.Openid{AppID: appA, OpenID: g.sim.OpenID("ming", appA)}
	eventually(t, "it is noted that he follows", func() bool {
		known, err := g.app.followers().Followers(t.Context(), appA, []string{openid.OpenID})
		return err == nil && known[openid.OpenID].Following
	})
	if err := g.sim.Quit("ming"); err != nil {
		t.Fatal(err)
	}
	g.settle(t)
	eventually(t, "he is forgotten", func() bool {
		known, err := g.app.facts().Load(t.Context(), identity.Query{Realm: "main", Openid: openid})
		return err == nil && known.Openid.Version == 0
	})
	member, err := g.app.facts().Centre.User(t.Context(), "main", "m1")
	if err != nil || member.Root.ID != "m1" || len(member.Openids) != 0 {
		t.Errorf("the member is %+v, %v; he stays, and nobody comes to him through that WeChat account", member, err)
	}
	eventually(t, "nobody knows that he followed", func() bool {
		known, err := g.app.followers().Followers(t.Context(), appA, []string{openid.OpenID})
		return err == nil && len(known) == 0
	})
}

// TestChannels_erased holds what is left of a user whom an operator has erased.
func TestChannels_erased(t *testing.T) {
	t.Parallel()
	g := startChannels(t, "realm other\n\t\t\taccounts wx00000000000000aa", "realm other\n\t\t\taccounts wx00000000000000cc")
	key := g.apiKey(t, "main", allScopes)
	p := g.phone("ming")
	g.consents(t, p, appA)
	token, who := g.tokenAt(t, p, appA, "shop")
	if err := g.sim.Follow("ming", appA, true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is noted that he follows", func() bool {
		known, err := g.app.followers().Followers(t.Context(), appA, []string{g.sim.OpenID("ming", appA)})
		return err == nil && len(known) == 1
	})
	template := g.notice(t)
	g.askAt(t, key, "POST", "/v1/accounts/"+appA+"/templates/sync", "{}").want(t, 200)
	send := func(user string) string {
		order := `{"user":"` + user + `","site":"shop","template":"` + template + `","data":{"thing4":"Chocolate","amount2":"39.8元"}}`
		return "/v1/messages/" + g.askAt(t, key, "POST", "/v1/messages", order).want(t, 202).text("id")
	}
	before := send(who.Subject)
	g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1")).want(t, 200)
	after := send("m1")
	g.settle(t)
	openid := g.sim.OpenID("ming", appA)
	follows := func() bool {
		known, err := g.app.followers().Followers(t.Context(), appA, []string{openid})
		return err == nil && len(known) == 1
	}
	eventually(t, "it is noted that he follows", follows)

	g.ask(t, key, "DELETE", "main/users/"+who.Subject, because).wantCode(t, identity.CodeUserRetired)
	g.askAt(t, key, "GET", before, "").want(t, 200) // what was refused has changed nothing
	g.ask(t, key, "DELETE", "main/users/m1", because).want(t, 204)
	for _, message := range []string{before, after} {
		g.askAt(t, key, "GET", message, "").wantCode(t, "message_not_found")
	}
	if follows() {
		t.Error("he is still known to follow")
	}
}

func TestChannels_paused(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	key := g.apiKey(t, "*", allScopes)
	if err := g.sim.Follow("ming", appA, true); err != nil {
		t.Fatal(err)
	}
	p := g.phone("ming")
	_, who := g.tokenAt(t, p, appA, "shop")
	now := time.Now()
	pause := message.Pause{Lane: message.Lane{AppID: appA, Kind: message.KindCustom}, Until: now.Add(time.Hour), Reason: message.ReasonQuota, Detail: "45009"}
	if err := g.app.channelStore().PauseLane(t.Context(), pause, now); err != nil {
		t.Fatal(err)
	}
	account := "/v1/accounts/" + appA
	if rows := g.askAt(t, key, "GET", account, "").want(t, 200).list("paused"); len(rows) != 1 || rows[0]["kind"] != "custom" || rows[0]["reason"] != string(message.ReasonQuota) {
		t.Errorf("told is %v", rows)
	}
	sent := g.askAt(t, key, "POST", "/v1/messages", body("realm", "main", "user", who.Subject, "site", "shop", "text", "hello")).want(t, 202).text("id")
	g.askAt(t, key, "POST", account+"/messages/resume", "{}").want(t, 204)
	if rows := g.askAt(t, key, "GET", account, "").want(t, 200).list("paused"); len(rows) != 0 {
		t.Errorf("told is %v", rows)
	}
	eventually(t, "it is tried", func() bool {
		return g.askAt(t, key, "GET", "/v1/messages/"+sent+"?realm=main", "").want(t, 200).text("state") != "queued"
	})
}

func TestChannels_jssdk(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	ming := g.phone("ming")
	base := g.at(appA, "shop", "/")
	sign := func(page string) (int, string) {
		answer := ming.fetch("GET", base+"-/jssdk?url="+page)
		return answer.Status, answer.Body
	}
	t.Run("a page of the site is signed with the account's ticket", func(t *testing.T) {
		status, body := sign(strings.ReplaceAll(base+"list?page=2&sort=a", "&", "%26"))
		if status != 200 || !strings.Contains(body, `"appId":"`+appA+`"`) || !strings.Contains(body, `"nonceStr":"`) {
			t.Errorf("answered %d %s", status, body)
		}
	})
	t.Run("no other page is", func(t *testing.T) {
		for _, page := range []string{
			"https://evil.example/", strings.Replace(base, "127.0.0.1", "127.0.0.1.evil.example", 1), strings.Replace(base, "/shop/", "/game/", 1),
			g.url + "/", base + "..%2f..%2f", base + "%5c", "javascript:alert(1)", "//evil.example/", strings.Replace(base, "http:", "https:", 1),
			strings.Replace(base, "http://", "http://evil@", 1), "", base + "&url=" + base,
		} {
			if status, body := sign(page); status != 400 || strings.Contains(body, "signature") {
				t.Errorf("%q answered %d %s", page, status, body)
			}
		}
	})
	if n := g.sim.Calls("/cgi-bin/ticket/getticket"); n != 1 {
		t.Errorf("WeChat was asked for %d tickets", n)
	}
}
