package caddymodule

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestDoor_mini(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.program(appMini, "shop")
	in := p.login(g.sim.MiniLogin("ming", appMini))
	if !strings.HasPrefix(in.Token, "ws1.") || in.ExpiresIn < 43100 || in.ExpiresIn > 43200 || in.RenewAfter != in.ExpiresIn/2 || !in.Linked || in.Kind != "virtual" {
		t.Errorf("the answer is %+v", in)
	}
	user := g.who(p.get("/api/cart"))
	if user.OpenID != g.sim.OpenID("ming", appMini) || user.AppID != appMini || user.Subject != in.ID || user.AMR[0] != "wx_mini" {
		t.Errorf("the site saw %+v", user)
	}
	if seen := g.upstream.last(); seen.Header["Authorization"] != nil || seen.Header["Cookie"] != nil {
		t.Errorf("the site saw %v", seen.Header)
	}
	t.Run("a page of the Official Account is the same user's", func(t *testing.T) {
		g.sim.Answer("allow")
		phone := g.phone("ming")
		page := g.who(phone.press(g, phone.open(g.at(appA, "shop", "/ask/x")), "allow"))
		if page.Subject != in.ID || page.OpenID == user.OpenID {
			t.Errorf("he is %+v, and was %s", page, in.ID)
		}
	})
	t.Run("he is told who he is", func(t *testing.T) {
		if me := p.get("/-/me"); me.Status != http.StatusOK || !strings.Contains(me.Body, in.ID) || !strings.Contains(me.Body, `"signed_in":true`) {
			t.Errorf("/-/me answers %d %s", me.Status, me.Body)
		}
	})
	t.Run("without a token nobody is known, and no cookie is set", func(t *testing.T) {
		stranger := g.program(appMini, "shop")
		page := stranger.get("/api/cart")
		if g.wantRefusal(t, page, codeLoginRequired); page.Header["Set-Cookie"] != nil {
			t.Errorf("cookies: %v", page.Header["Set-Cookie"])
		}
		if page := stranger.get("/maybe"); page.Status != http.StatusOK || g.upstream.last().Header[headerUser] != nil {
			t.Errorf("an optional path answers %d", page.Status)
		}
	})
}

func TestDoor_miniRenews(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.mini("ming", "shop")
	old := p.token
	first := g.who(p.get("/"))
	g.advance(7 * time.Hour)
	p.login(g.sim.MiniLogin("ming", appMini)) // with the old token
	if again := g.who(p.get("/")); again.Subject != first.Subject || p.token == old {
		t.Errorf("he is %+v", again)
	}
	next := p.token
	p.token = old
	g.who(p.get("/")) // for what is under way
	g.advance(2 * time.Minute)
	g.wantRefusal(t, p.get("/"), codeLoginRequired)
	p.token = next
	g.who(p.get("/"))
	t.Run("another person with the same token ends it at once", func(t *testing.T) {
		p.login(g.sim.MiniLogin("li", appMini))
		if li := g.who(p.get("/")); li.OpenID != g.sim.OpenID("li", appMini) {
			t.Errorf("li is %+v", li)
		}
		p.token = next
		g.wantRefusal(t, p.get("/"), codeLoginRequired)
	})
	t.Run("it is over after a session's life", func(t *testing.T) {
		p := g.mini("ming", "shop")
		g.advance(12*time.Hour + time.Minute)
		g.wantRefusal(t, p.get("/"), codeLoginRequired)
	})
}

func TestDoor_miniSignsOut(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.mini("ming", "shop")
	g.who(p.get("/"))
	if page := p.post("/-/logout", nil); page.Status != http.StatusNoContent {
		t.Errorf("signing out answers %d %s", page.Status, page.Body)
	}
	g.wantRefusal(t, p.get("/"), codeLoginRequired)
	g.wantRefusal(t, p.post("/-/ticket", map[string]string{}), codeLoginRequired)
	if again := p.post("/-/logout", nil); again.Status != http.StatusNoContent {
		t.Errorf("signing out again answers %d", again.Status)
	}
}

// TestDoor_bindHeader holds a login that a site tells to the token that the program
// goes on with, where nothing but the session leads to the user.
func TestDoor_bindHeader(t *testing.T) {
	t.Parallel()
	const secret = "secret secret-of-mini2-0123456789abcdef"
	g := startDoors(t, secret, secret+"\n\t\t\tsubject lonely")
	p := g.program(appMini2, "alone")
	p.login(g.sim.MiniLogin("ming", appMini2))
	g.upstream.mu.Lock()
	g.upstream.answer = func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(headerBind, "member-17") }
	g.upstream.mu.Unlock()
	if page := p.get("/login"); page.Header["Set-Cookie"] != nil {
		t.Errorf("a program was given cookies: %v", page.Header)
	}
	g.upstream.mu.Lock()
	g.upstream.answer = nil
	g.upstream.mu.Unlock()
	if user := g.whoami(p.get("/"), "alone"); user.Subject != "member-17" || user.Linked {
		t.Errorf("after the login he is %+v", user)
	}
}

func TestDoor_miniRefuses(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.program(appMini, "shop")
	spent := g.sim.MiniLogin("ming", appMini)
	p.login(spent)
	p.token = ""
	fresh := func() string { return g.sim.MiniLogin("ming", appMini) }
	for name, c := range map[string]struct {
		body any
		want code
	}{
		"a code that is spent":             {map[string]string{"code": spent}, codeBadCode},
		"a code of another mini program":   {map[string]string{"code": g.sim.MiniLogin("ming", appMini2)}, codeBadCode},
		"a code of an app":                 {map[string]string{"code": g.sim.AppLogin("ming", appApp)}, codeBadCode},
		"no code":                          {map[string]string{}, codeBadCode},
		"a code that is none":              {map[string]string{"code": "../../x&appid=1"}, codeBadCode},
		"an openid beside it":              {map[string]string{"code": fresh(), "openid": g.sim.OpenID("li", appMini)}, codeBadBody},
		"a unionid beside it":              {map[string]string{"code": fresh(), "unionid": g.sim.UnionID("li", appMini)}, codeBadBody},
		"a user beside it":                 {map[string]string{"code": fresh(), "user": "member-1"}, codeBadBody},
		"half a proof":                     {map[string]string{"code": fresh(), "iv": "AAAA"}, codeBadBody},
		"a body that is no object":         {[]string{fresh()}, codeBadBody},
		"a body of megabytes":              {map[string]string{"code": strings.Repeat("x", 1<<20)}, codeBadBody},
		"a proof that isn't one":           {map[string]string{"code": fresh(), "iv": "AAAAAAAAAAAAAAAAAAAAAA==", "encrypted_data": "AAAAAAAAAAAAAAAAAAAAAA=="}, codeBadProof},
		"a code that stands there as list": {map[string][]string{"code": {fresh()}}, codeBadBody},
	} {
		page := p.post("/-/login", c.body)
		if g.wantRefusal(t, page, c.want); page.Header["Set-Cookie"] != nil || strings.Contains(page.Body, "ws1.") {
			t.Errorf("%s: %v %s", name, page.Header, page.Body)
		}
	}
	g.wantRefusal(t, p.send(http.MethodPost, p.site+"/-/login", strings.NewReader(`{"code":"x"}`), "Content-Type", "text/plain"), codeBadBody)
	g.wantRefusal(t, p.send(http.MethodPost, p.site+"/-/login", strings.NewReader(`{"code":"x","code":"y"}`), "Content-Type", "application/json"), codeBadBody)
	g.wantRefusal(t, p.send(http.MethodPut, p.site+"/-/login", strings.NewReader(`{"code":"x"}`), "Content-Type", "application/json"), codeBadMethod)
	g.wantRefusal(t, p.get("/-/login"), codeBadMethod)

	g.sim.Fail("code_invalid", wechatsim.Times(1))
	g.wantRefusal(t, p.post("/-/login", map[string]string{"code": fresh()}), codeBadCode)
	g.sim.Fail("secret_changed", wechatsim.Times(1))
	g.wantRefusal(t, p.post("/-/login", map[string]string{"code": fresh()}), codeWechatSetup)
	g.sim.Fail("missing_openid", wechatsim.Times(1))
	g.wantRefusal(t, p.post("/-/login", map[string]string{"code": fresh()}), codeWechatNonsense)
}

// TestDoor_miniProof reads a unionid that WeChat tells only encrypted.
func TestDoor_miniProof(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	post := func(code string, sealed wechatsim.Sealed) seenPage {
		return g.program(appMini, "shop").post("/-/login", map[string]string{"code": code, "encrypted_data": sealed.Data, "iv": sealed.IV})
	}
	code := g.sim.MiniLogin("ming", appMini)
	if out := decoded[codeOut](t, post(code, g.sim.MiniData("ming", appMini))); !out.Linked {
		t.Errorf("the answer is %+v", out)
	}
	t.Run("another one's data is refused", func(t *testing.T) {
		// It is his own key, over an openid that isn't his.
		code := g.sim.MiniLogin("li", appMini)
		forged := g.sim.MiniSeal("li", appMini, `{"openId":"`+g.sim.OpenID("ming", appMini)+`","unionId":"`+g.sim.UnionID("ming", appMini)+`","watermark":{"appid":"`+appMini+`","timestamp":`+itoa(int(g.now().Unix()))+`}}`)
		g.wantRefusal(t, post(code, forged), codeBadProof)
		code = g.sim.MiniLogin("li", appMini)
		forged = g.sim.MiniSeal("li", appMini, `{"openId":"`+g.sim.OpenID("li", appMini)+`","unionId":"`+g.sim.UnionID("ming", appMini)+`","watermark":{"appid":"`+appMini+`","timestamp":`+itoa(int(g.now().Unix()))+`}}`)
		g.wantRefusal(t, post(code, forged), codeBadProof)
		code = g.sim.MiniLogin("li", appMini)
		forged = g.sim.MiniSeal("li", appMini, `{"openId":"`+g.sim.OpenID("ming", appMini)+`","watermark":{"appid":"`+appMini+`","timestamp":`+itoa(int(g.now().Unix()))+`}}`)
		g.wantRefusal(t, post(code, forged), codeBadProof)
		code = g.sim.MiniLogin("li", appMini)
		g.sim.MiniLogin("ming", appMini)
		g.wantRefusal(t, post(code, g.sim.MiniData("ming", appMini)), codeBadProof)
	})
}

// TestDoor_blocked has somebody log in who may not.
func TestDoor_blocked(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.program(appMini, "shop")
	in := p.login(g.sim.MiniLogin("ming", appMini))
	if err := g.app.facts().Block(t.Context(), "main", in.ID, identity.By{Actor: "operator", Evidence: "test"}); err != nil {
		t.Fatal(err)
	}
	p.token = ""
	page := p.post("/-/login", map[string]string{"code": g.sim.MiniLogin("ming", appMini)})
	if g.wantRefusal(t, page, codeBlocked); strings.Contains(page.Body, "ws1.") {
		t.Errorf("he got %s", page.Body)
	}
}

func TestDoor_app(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.program(appApp, "shop")
	in := p.login(g.sim.AppLogin("ming", appApp))
	if user := g.who(p.get("/")); user.OpenID != g.sim.OpenID("ming", appApp) || user.AMR[0] != "wx_app" || !user.Linked {
		t.Errorf("the site saw %+v", user)
	}
	if mini := g.mini("ming", "shop"); g.who(mini.get("/")).Subject != in.ID {
		t.Error("in the mini program he is somebody else")
	}
	g.wantRefusal(t, g.program(appApp, "shop").post("/-/login", map[string]string{"code": g.sim.MiniLogin("ming", appMini)}), codeBadCode)
	g.wantRefusal(t, p.post("/-/phone", map[string]string{"code": "x"}), codeNoPage)
}

func TestDoor_phone(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.mini("ming", "shop")
	got := decoded[phoneOut](t, p.post("/-/phone", map[string]string{"code": g.sim.MiniPhone("ming", appMini)}))
	if len(got.Pure) != 11 || got.Country != "86" || !strings.HasSuffix(got.Phone, got.Pure) {
		t.Errorf("the number is %+v", got)
	}
	code := g.sim.MiniPhone("ming", appMini)
	g.wantRefusal(t, g.program(appMini, "shop").post("/-/phone", map[string]string{"code": code}), codeLoginRequired)
	g.wantRefusal(t, g.mini("ming", "bank").post("/-/phone", map[string]string{"code": code}), codeNoPage) // which doesn't want it
	g.wantRefusal(t, p.post("/-/phone", map[string]string{"code": g.sim.MiniLogin("ming", appMini)}), codeBadCode)
	webView := g.device("", uaMiniView)
	g.who(webView.enter(p.ticket("/").URL))
	page := webView.send(http.MethodPost, p.site+"/-/phone", strings.NewReader(`{"code":"`+code+`"}`), "Content-Type", "application/json")
	g.wantRefusal(t, page, codeLoginRequired) // a cookie won't do
}
