package caddymodule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// securityMerchants is what who holds a code, or a key of somebody else's, could do to a
// merchant.
func securityMerchants(t *testing.T) {
	t.Run("T036 a code binds to its own merchant only, and its scan takes nobody's place", codesOfMerchants)
	t.Run("T036 a key sends no notices through an account of another realm", noticesApart)
	t.Run("T036 a scan doesn't become the merchant's user who is somebody else's", takenUser)
	t.Run("T207 no log holds an openid or what a merchant's code says", scansLogged)
}

func codesOfMerchants(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.lists("M1")
	o.lists("M2")
	code := o.makes("M1")
	for _, call := range []struct{ method, rest, in string }{{"GET", "", ""}, {"POST", "/cancel", "{}"}, {"POST", "/replace", `{"version":1}`}} {
		o.do(call.method, "merchants/M2/codes/"+code.text("id")+call.rest, call.in).wantCode(t, "merchant_not_found")
	}
	o.scans("li", code.text("url"))
	o.stands("M1", code, merchant.Bound, "")
	held := o.bound("M1")[0]
	o.do("POST", "merchants/M2/unbind", fmt.Sprintf(`{"appid":%q,"code":%q}`, appA, held["code"])).wantCode(t, merchantChanged)
	o.scans("ming", code.text("url"))
	o.hears("ming", "This code has been used already")
	if now := o.bound("M1"); len(now) != 1 || now[0]["person"] != held["person"] || len(o.bound("M2")) != 0 {
		t.Errorf("bound are %v", now)
	}
}

func noticesApart(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	key := g.apiKey(t, "other", "merchant") // the standard account is of both realms, the second is not
	g.ask(t, key, "POST", "other/merchants", body("id", "M1", "name", "Shop")).want(t, 201)
	g.ask(t, key, "POST", "other/merchants/M1/codes", body("appid", appB)).wantCode(t, "merchant_wrong_account")
	g.ask(t, key, "POST", "other/merchants/M1/notices", body("appid", appB, "template", "t")).wantCode(t, "merchant_wrong_account")
	g.ask(t, key, "GET", "other/merchant-forms?template=t&appid="+appB, "").wantCode(t, "merchant_wrong_account")
	k := identity.APIKey{Realm: "main", Name: "x", Scopes: []identity.Scope{identity.ScopeMerchant}, Sites: []string{"shop"}}
	if _, _, err := identity.NewAPIKey(k, g.app.random); err == nil {
		t.Error("a key for a site reaches the merchants of all")
	}
}

func takenUser(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.member(t, "wang", "member-1")
	o.lists("M1", "user", "member-1")
	code := o.makes("M1")
	o.scans("li", code.text("url"))
	o.stands("M1", code, merchant.Refused, merchant.ReasonIdentity)
	o.hears("li", "belongs to another user")
	if known := o.known(t, "wang", appA); known.UnionUser.ID != "member-1" || len(o.bound("M1")) != 0 {
		t.Errorf("he is %+v", known.UnionUser)
	}
}

func scansLogged(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.lists("M1")
	code := o.makes("M1")
	o.scans("li", code.text("url"))
	o.stands("M1", code, merchant.Bound, "")
	o.do("POST", "merchants/M1/unbind", fmt.Sprintf(`{"appid":%q,"code":%q}`, appA, code.text("id"))).want(t, 204)
	scene := ""
	for _, s := range o.sim.Scenes(appA) {
		if s.URL == code.text("url") {
			scene = s.Scene
		}
	}
	for _, entry := range o.logs.All() {
		line := fmt.Sprint(entry.Message, entry.ContextMap())
		hides(t, line, o.sim.OpenID("li", appA), scene, strings.TrimPrefix(code.text("url"), "http://"))
	}
}
