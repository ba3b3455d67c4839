package caddymodule

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// office is where the staff of a test deal with merchants.
type office struct {
	*gateway
	t   testing.TB
	key string
}

func openOffice(t testing.TB) *office {
	t.Helper()
	g := startChannels(t)
	return &office{g, t, g.apiKey(t, "main", "merchant message")}
}

// do asks the API about merchants.
func (o *office) do(method, path, in string) apiAnswer {
	o.t.Helper()
	return o.ask(o.t, o.key, method, "main/"+path, in)
}

// lists puts a merchant on the list.
func (o *office) lists(id string, also ...string) {
	o.t.Helper()
	o.do("POST", "merchants", body(append([]string{"id", id, "name", "Shop " + id}, also...)...)).want(o.t, 201)
}

// makes makes a code.
func (o *office) makes(id string) apiAnswer {
	o.t.Helper()
	return o.do("POST", "merchants/"+id+"/codes", body("appid", appA)).want(o.t, 200)
}

// scans scans a code, and follows if that is what is offered.
func (o *office) scans(person, url string) {
	o.t.Helper()
	s, err := o.sim.Scan(person, url)
	if err == nil && s.Follow {
		err = o.sim.FollowScanned(person, s.Ticket)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	o.settle(o.t)
	o.sim.Advance(time.Second) // two scans in one second are one
}

// stands waits until a code stands as it should.
func (o *office) stands(id string, code apiAnswer, state merchant.State, reason merchant.Reason) {
	o.t.Helper()
	eventually(o.t, "the code is "+string(state)+" "+string(reason), func() bool {
		a := o.do("GET", "merchants/"+id+"/codes/"+code.text("id"), "").want(o.t, 200)
		return a.text("state") == string(state) && a.text("reason") == string(reason) && (reason == "" || a.text("says") != "")
	})
}

// hears waits until a person has been told something by the account.
func (o *office) hears(person, phrase string) {
	o.t.Helper()
	eventually(o.t, person+" hears "+phrase, func() bool {
		for _, m := range o.got(person, "text") {
			if strings.Contains(m.Text, phrase) {
				return true
			}
		}
		return false
	})
}

// bound are who is bound to a merchant.
func (o *office) bound(id string) []map[string]any {
	o.t.Helper()
	return o.do("GET", "merchants/"+id, "").want(o.t, 200).list("bindings")
}

// table gets the recipients of a notice as a table.
func (o *office) table(notice string) string {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), "GET", o.url+"/v1/realms/main/merchant-notices/"+notice+"/recipients.csv", nil)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Host = strings.Replace(strings.TrimPrefix(o.url, "http://"), "127.0.0.1", "api.localhost", 1)
	req.Header.Set("Authorization", "Bearer "+o.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		o.t.Fatalf("the table: %s %v %v", resp.Status, resp.Header, err)
	}
	return string(text)
}

func TestMerchants(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.lists("M1", "user", "member-1")
	o.lists("M2")
	template := o.notice(t)
	o.askAt(t, o.key, "POST", "/v1/accounts/"+appA+"/templates/sync", "{}").want(t, 200)
	notice := `{"appid":"` + appA + `","template":"` + template + `","client_id":"may","data":{"thing4":"Tea","amount2":"39.8元"}}`
	t.Run("who follows by the code is bound, known by his unionid, linked with the merchant's user, and told", func(t *testing.T) {
		code := o.makes("M1")
		if !strings.HasPrefix(code.text("image"), "data:image/png;base64,") || code.text("state") != "waiting" {
			t.Errorf("the code is %s", code.Body)
		}
		o.scans("li", code.text("url"))
		o.stands("M1", code, merchant.Bound, "")
		o.hears("li", "Shop M1")
		held := o.bound("M1")
		if len(held) != 1 || held[0]["user"] != "member-1" || held[0]["following"] != "yes" {
			t.Errorf("bound are %v", held)
		}
		if known := o.known(t, "li", appA); known.Openid.UnionID != o.sim.UnionID("li", appA) || known.UnionUser.ID != "member-1" {
			t.Errorf("she is %+v", known)
		}
		hides(t, o.do("GET", "merchants/M1", "").Body+o.do("GET", "merchants/M1/history", "").Body+o.do("GET", "merchants/M1/codes", "").Body, o.sim.OpenID("li", appA), code.text("url"))
	})
	t.Run("who follows already is bound by a scan", func(t *testing.T) {
		if err := o.sim.Follow("ming", appA, true); err != nil {
			t.Fatal(err)
		}
		o.settle(t)
		code := o.makes("M2")
		o.scans("ming", code.text("url"))
		o.stands("M2", code, merchant.Bound, "")
		o.hears("ming", "Shop M2")
		eventually(t, "both are counted", func() bool { return o.counted(t, "wsite_merchant_scans_total", "bound") == 2 })
	})
	t.Run("a notice reaches her, once", func(t *testing.T) {
		sent := o.do("POST", "merchants/M1/notices", notice).want(t, 202)
		if again := o.do("POST", "merchants/M1/notices", notice).want(t, 202); again.text("id") != sent.text("id") || sent.JSON["persons"] != 1.0 {
			t.Errorf("first %s, again %s", sent.Body, again.Body)
		}
		eventually(t, "it is delivered", func() bool {
			o.sim.Advance(time.Second)
			states, _ := o.do("GET", "merchant-notices/"+sent.text("id"), "").want(t, 200).JSON["states"].(map[string]any)
			return states["delivered"] == 1.0
		})
		if got := o.got("li", wechatsim.KindTemplate); len(got) != 1 {
			t.Errorf("she got %v", got)
		}
		list := o.do("GET", "merchant-notices/"+sent.text("id")+"/recipients", "").want(t, 200).list("recipients")
		if len(list) != 1 || list[0]["merchant"] != "M1" || list[0]["state"] != "delivered" {
			t.Errorf("the recipients are %v", list)
		}
		if table := o.table(sent.text("id")); !strings.Contains(table, "\nM1,Shop M1,1,delivered,") {
			t.Errorf("the table is %s", table)
		}
	})
	t.Run("the list shows who has ceased to follow, and that he follows again", func(t *testing.T) {
		for _, follows := range []bool{false, true} {
			if err := o.sim.Follow("li", appA, follows); err != nil {
				t.Fatal(err)
			}
			o.settle(t)
			o.sim.Advance(time.Second) // WeChat's moments are seconds
			eventually(t, "it is shown", func() bool {
				gone := o.do("GET", "merchants?shown=unfollowed", "").want(t, 200).list("merchants")
				return (len(gone) == 1 && gone[0]["id"] == "M1") == !follows && len(o.bound("M1")) == 1
			})
		}
	})
	t.Run("who is unbound is parted from the merchant's user, and gets nothing", func(t *testing.T) {
		held := o.bound("M1")[0]
		o.do("POST", "merchants/M1/unbind", body("appid", appA, "code", "another")).wantCode(t, merchantChanged)
		o.do("POST", "merchants/M1/unbind", fmt.Sprintf(`{"appid":%q,"code":%q}`, appA, held["code"])).want(t, 204)
		if known := o.known(t, "li", appA); known.UnionUser.ID == "member-1" {
			t.Error("she is the merchant's user still")
		}
		o.do("POST", "merchants/M1/notices", strings.Replace(notice, "may", "june", 1)).wantCode(t, "merchant_nobody")
		o.do("POST", "merchant-notices", strings.Replace(notice, `"client_id":"may"`, `"all":true`, 1)).want(t, 202)
	})
}

// TestMerchants_refused holds what a scan that binds nobody tells both sides.
func TestMerchants_refused(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	for _, id := range []string{"M1", "M2", "M3", "M4"} {
		o.lists(id)
	}
	first := o.makes("M1")
	o.scans("li", first.text("url"))
	o.stands("M1", first, merchant.Bound, "")
	t.Run("a code that was used", func(t *testing.T) {
		o.scans("ming", first.text("url"))
		o.hears("ming", "This code has been used already")
		o.stands("M1", first, merchant.Bound, "")
	})
	t.Run("a code of a merchant who has somebody takes nothing from him, until staff decide", func(t *testing.T) {
		code := o.makes("M1")
		o.scans("ming", code.text("url"))
		o.hears("ming", "bound to another WeChat already")
		o.stands("M1", code, merchant.Refused, merchant.ReasonFull)
		if held := o.bound("M1"); len(held) != 1 || held[0]["code"] != first.text("id") {
			t.Errorf("bound are %v", held)
		}
		at := "merchants/M1/codes/" + code.text("id")
		version := o.do("GET", at, "").JSON["version"]
		o.do("POST", at+"/replace", `{"version":99}`).wantCode(t, "merchant_wrong_state")
		o.do("POST", at+"/replace", fmt.Sprintf(`{"version":%v}`, version)).want(t, 200)
		o.hears("ming", "绑定成功")
		if held := o.bound("M1"); len(held) != 1 || held[0]["code"] != code.text("id") {
			t.Errorf("bound are %v", held)
		}
	})
	t.Run("who is bound elsewhere", func(t *testing.T) {
		code := o.makes("M2")
		o.scans("ming", code.text("url"))
		o.stands("M2", code, merchant.Refused, merchant.ReasonElsewhere)
		o.hears("ming", "bound to another merchant already")
	})
	t.Run("a code that a newer one has superseded", func(t *testing.T) {
		old := o.makes("M3")
		o.makes("M3")
		o.scans("wang", old.text("url"))
		o.stands("M3", old, merchant.Superseded, "")
		o.hears("wang", "newer code")
	})
	t.Run("a code that was cancelled", func(t *testing.T) {
		code := o.makes("M3")
		o.do("POST", "merchants/M3/codes/"+code.text("id")+"/cancel", "{}").want(t, 200)
		o.do("POST", "merchants/M1/codes/"+first.text("id")+"/cancel", "{}").wantCode(t, "merchant_wrong_state")
		o.scans("wang", code.text("url"))
		o.hears("wang", "not valid any more")
	})
	t.Run("a merchant who is disabled", func(t *testing.T) {
		code := o.makes("M4")
		o.do("POST", "merchants/M4/disable", `{"version":1}`).want(t, 200)
		o.scans("wang", code.text("url"))
		o.stands("M4", code, merchant.Refused, merchant.ReasonDisabled)
		o.hears("wang", "can't be bound at the moment")
		o.do("POST", "merchants/M4/codes", body("appid", appA)).wantCode(t, "merchant_disabled")
	})
	t.Run("a code that had expired, and one of which nothing is on record", func(t *testing.T) {
		code := o.makes("M3")
		var last wechatsim.Scene
		for _, s := range o.sim.Scenes(appA) {
			if s.URL == code.text("url") {
				last = s
			}
		}
		s := scene.Scan{AppID: appA, OpenID: o.sim.OpenID("wang", appA), Scene: last.Scene, At: last.Made.Add(31 * 24 * time.Hour), Key: "late"}
		if err := o.app.codes.Scanned(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		o.hears("wang", "This code has expired")
		s.Scene, s.Key = "merchant.0000000000000000", "unknown"
		if err := o.app.codes.Scanned(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		o.hears("wang", "is not known here")
	})
	t.Run("of another system's code nothing is said", func(t *testing.T) {
		queued := func() int {
			list, err := o.app.channelStore().Messages(t.Context(), message.Filter{Realm: "main", Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		before := queued()
		s := scene.Scan{AppID: appA, OpenID: o.sim.OpenID("wang", appA), Scene: "merchants-of-the-crm", At: o.now(), Key: "foreign"}
		if err := o.app.codes.Scanned(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if after := queued(); after != before {
			t.Errorf("%d messages were sent", after-before)
		}
	})
}

func TestMerchants_forgotten(t *testing.T) {
	t.Parallel()
	for sentence, forget := range map[string]func(o *office, user string) error{
		"WeChat demands it": func(o *office, _ string) error {
			return o.app.personal(t.Context(), inbox.Personal{AppID: appA, OpenID: o.sim.OpenID("li", appA), Kind: closedAccount})
		},
		"the user is erased": func(o *office, user string) error {
			return o.app.forgetUser(t.Context(), o.app.telling(), "main", user, identity.By{Actor: "test", Via: "test", Evidence: "1"})
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t)
			o.lists("M1", "user", "member-1")
			code := o.makes("M1")
			o.scans("li", code.text("url"))
			o.stands("M1", code, merchant.Bound, "")
			if err := forget(o, "member-1"); err != nil {
				t.Fatal(err)
			}
			if held := o.bound("M1"); len(held) != 0 {
				t.Errorf("bound are %v", held)
			}
			if a := o.do("GET", "merchants/M1/codes/"+code.text("id"), ""); a.text("person") != "" {
				t.Errorf("the code is %s", a.Body)
			}
		})
	}
}
