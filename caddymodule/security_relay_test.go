package caddymodule

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// relayAddress is the address of the relay that a login on a further host comes back to,
// with WeChat's code.
func (p *phone) relayAddress(address string) string {
	p.t.Helper()
	back := p.fromWeChat(p.toWeChat(address))
	if !strings.Contains(back, "/wsite/-/relay?") {
		p.t.Fatalf("WeChat leads to %s", back)
	}
	return back
}

func relayHandsOnTo(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	back := g.device("ming", uaAndroid).relayAddress(g.on("shop", appA, "shop", "/x"))
	rt, _, _ := g.app.route(context.Background(), "/wsite/"+appA+"/shop/")
	good := g.device("ming", uaAndroid).step(back)
	prefix := g.on("shop", appA, "shop", "/-/callback?")
	if location := good.Header.Get("Location"); good.Status != http.StatusSeeOther || !strings.HasPrefix(location, prefix) || !strings.HasSuffix(location, "#") ||
		good.Header.Get("Cache-Control") != "no-store" || good.Header.Get("Referrer-Policy") != "no-referrer" || good.Body != "" || good.Header["Set-Cookie"] != nil {
		t.Fatalf("the relay answers %d %v", good.Status, good.Header)
	}
	if location := good.Header.Get("Location"); strings.Contains(location, word(back, "code")) {
		t.Error("the code goes on as it is")
	}
	if n := g.sim.Calls("/sns/oauth2/access_token"); n != 0 {
		t.Errorf("the relay has used %d codes", n)
	}
	refused := func(name, address string) {
		t.Helper()
		page := g.device("ming", uaAndroid).step(address)
		if g.wantRefusal(t, page, codeBadCallback); page.Header.Get("Location") != "" || strings.Contains(page.Body, "evil") {
			t.Errorf("%s leads to %q", name, page.Header.Get("Location"))
		}
	}
	sealed := func(appID, ptid, host string) string {
		p := appendString(appendString(appendString(nil, appID), ptid), host)
		return b64.EncodeToString(g.app.tickets.relay.Seal(p, word(back, "r")))
	}
	port := strings.TrimPrefix(g.url, "http://127.0.0.1:")
	for name, to := range map[string]string{
		"nobody's host":               sealed(appA, "shop", "evil.example"),
		"the host of another site":    sealed(appA, "shop", "rival.localhost:"+port),
		"another site on our host":    sealed(appA, "bank", "shop.localhost:"+port),
		"another port":                sealed(appA, "shop", "shop.localhost:1"),
		"a host with a path":          sealed(appA, "shop", "evil.example/"),
		"no host":                     sealed(appA, "shop", ""),
		"an account not of the site":  sealed(appMini2, "shop", "shop.localhost:"+port),
		"an unknown account":          sealed("wx00000000000000ff", "shop", "shop.localhost:"+port),
		"an unknown site":             sealed(appA, "../x", "shop.localhost:"+port),
		"an account relayed elsehere": sealed(appB, "shop", "shop.localhost:"+port),
		"sealed for something else":   g.app.tickets.sealTarget(rt, target{Path: shopPath("/x")}),
		"nothing":                     "",
		"garbage":                     base64.RawURLEncoding.EncodeToString([]byte("https://evil.example/")),
	} {
		refused(name, changed(t, back, "to", to))
	}
	refused("with another target", changed(t, back, "r", g.app.tickets.sealTarget(rt, target{Path: shopPath("/y")})))
	for i := range word(back, "to") {
		b := []byte(word(back, "to"))
		b[i] ^= 1
		refused("with another byte", changed(t, back, "to", string(b)))
	}
	list := redirects("127.0.0.1:"+port, shopPath(""))
	for i := 0; i < len(list); i += 9 {
		for _, name := range []string{"to", "redirect_uri", "return", "host"} {
			query := url.Values{"state": {"x"}, "r": {"y"}, "code": {"z"}, name: {list[i]}}
			if page := g.device("", uaAndroid).step(g.url + "/wsite/-/relay?" + query.Encode()); page.Status < 400 || page.Header.Get("Location") != "" || strings.Contains(page.Body, "evil") {
				t.Errorf("%s=%.60q is answered with %d to %q", name, list[i], page.Status, page.Header.Get("Location"))
			}
		}
	}
	// A relay that isn't the account's: each host is asked as the other one.
	elsewhere := strings.Replace(back, g.url, strings.TrimSuffix(g.on("tenant", "", "", ""), "/wsite//"), 1)
	refused("on another host", elsewhere)
}

// relayedCodeStolen is a tenant who points his host to a server of his own, and has a
// victim's login come back there.
func relayedCodeStolen(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	// The attacker begins a login at his own site and host, and sends the victim the
	// address of WeChat's page.
	attacker := g.device("li", uaAndroid)
	authorize := attacker.toWeChat(g.on("rival", appA, "rival", "/x"))
	victim := g.device("ming", uaAndroid)
	stolen := victim.step(victim.fromWeChat(authorize)).Header.Get("Location")
	if !strings.HasPrefix(stolen, g.on("rival", appA, "rival", "/-/callback?")) {
		t.Fatalf("the relay leads to %q", stolen)
	}
	// With what came to his server he tries the callbacks of everybody else.
	for _, address := range []string{g.at(appA, "shop", "/x"), g.on("shop", appA, "shop", "/x"), g.at(appA, "bank", "/x")} {
		thief := g.device("li", uaAndroid)
		own := thief.toWeChat(address)
		back := thief.fromWeChat(own)
		if strings.Contains(back, "/-/relay") {
			back = thief.step(back).Header.Get("Location")
		}
		thief.step(changed(t, back, "code", word(stolen, "code")))
		thief.step(changed(t, changed(t, back, "code", word(stolen, "code")), "state", word(stolen, "state")))
		for _, at := range []string{g.url + "/", address} {
			if thief.cookies(at)[g.app.jar.prefix+appA] != "" {
				t.Errorf("at %s he is signed in", address)
			}
		}
	}
	// A code is of its own login alone, and of its own host.
	another := g.device("li", uaAndroid)
	own := another.step(another.relayAddress(g.on("rival", appA, "rival", "/x"))).Header.Get("Location")
	g.wantRefusal(t, another.step(changed(t, own, "code", word(stolen, "code"))), codeBadCallback)
	moved := another.step(another.relayAddress(g.on("tenant", appA, "shop", "/x"))).Header.Get("Location")
	g.wantRefusal(t, another.step(strings.Replace(moved, "//tenant.", "//shop.", 1)), codeBadCallback)
	// On the origin WeChat was asked about the sealed code, and knew nothing of it.
	calls := g.sim.Calls("/sns/oauth2/access_token")
	// A raw code, as WeChat gave it to him before, is none on a further host.
	raw := g.device("ming", uaAndroid).relayAddress(g.on("shop", appA, "shop", "/x"))
	owner := g.device("li", uaAndroid)
	callback := owner.step(owner.relayAddress(g.on("shop", appA, "shop", "/x"))).Header.Get("Location")
	g.wantRefusal(t, owner.step(changed(t, callback, "code", word(raw, "code"))), codeBadCallback)
	if n := g.sim.Calls("/sns/oauth2/access_token") - calls; n != 0 {
		t.Errorf("%d codes were used", n)
	}
	// At his own site he gets a session, of that host alone: cookies of it are worth
	// nothing elsewhere.
	attacker.step(stolen)
	value := attacker.cookies(g.on("rival", appA, "rival", "/"))[g.app.jar.prefix+appA]
	if value == "" {
		t.Fatal("the test has no session to try elsewhere")
	}
	thief := g.device("", uaAndroid)
	thief.plant(g, appA, value)
	g.wantRefusal(t, thief.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
	g.wantRefusal(t, thief.fetch("GET", g.at(appA, "bank", "/")), codeLoginRequired)
	// The victim's own browser, sent on to that callback, didn't ask for it.
	if victim.step(stolen); victim.cookies(g.on("rival", appA, "rival", "/"))[g.app.jar.prefix+appA] != "" {
		t.Error("the victim is signed in by somebody else's login")
	}
}

func relayPollution(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.device("ming", uaAndroid)
	back := p.relayAddress(g.on("shop", appA, "shop", "/x"))
	for _, tail := range []string{"&code=x", "&state=x", "&r=x", "&to=x", "&%63ode=x", "&to=" + word(back, "to"), ";x=y", "&x=%zz"} {
		if page := p.step(back + tail); page.Status != http.StatusBadRequest || page.Header.Get("Location") != "" {
			t.Errorf("%s is answered with %d to %q", tail, page.Status, page.Header.Get("Location"))
		}
	}
	for _, name := range []string{"state", "r", "to"} {
		g.wantRefusal(t, p.step(strings.Replace(back, name+"=", "x=", 1)), codeBadCallback)
	}
	g.wantRefusal(t, p.step(changed(t, back, "code", strings.Repeat("c", 300))), codeBadCallback)
	for _, method := range []string{"HEAD", "POST", "PUT", "OPTIONS"} {
		if page := p.send(method, back, nil, "Accept", "application/json"); page.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s is answered with %d", method, page.Status)
		}
	}
	if user := g.who(p.open(back)); user.OpenID != g.sim.OpenID("ming", appA) { // the code is still good
		t.Errorf("he is %+v", user)
	}
}
