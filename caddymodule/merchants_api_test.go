package caddymodule

import (
	"fmt"
	"sync"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestMerchants_list(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	t.Run("a request that is made again puts one on the list", func(t *testing.T) {
		in := body("id", "M1", "name", "Shop")
		first := o.ask(t, o.key, "POST", "main/merchants", in, "Idempotency-Key", "a").want(t, 201)
		if again := o.ask(t, o.key, "POST", "main/merchants", in, "Idempotency-Key", "a").want(t, 201); again.Body != first.Body {
			t.Errorf("first %s, again %s", first.Body, again.Body)
		}
		o.do("POST", "merchants", in).wantCode(t, "merchant_id_taken")
	})
	t.Run("of staff who edit at once one is told what the other has made of it", func(t *testing.T) {
		answers := make([]apiAnswer, 6)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() {
				answers[i] = o.ask(t, o.key, "POST", "main/merchants/M1", fmt.Sprintf(`{"name":"Shop %d","version":1}`, i))
			})
		}
		all.Wait()
		won := ""
		for _, a := range answers {
			if a.Status == 200 {
				if won != "" {
					t.Errorf("%s was written, too", a.Body)
				}
				won = a.text("name")
			}
		}
		for _, a := range answers {
			if a.Status == 200 {
				continue
			}
			a.wantCode(t, merchantChanged)
			if current, _ := a.JSON["current"].(map[string]any); current["name"] != won || current["version"] != 2.0 {
				t.Errorf("it is %q now, and one is told %s", won, a.Body)
			}
		}
	})
	t.Run("what is wrong is refused, with the field", func(t *testing.T) {
		for _, c := range []struct{ method, path, in, code, field string }{
			{"POST", "merchants", body("id", "a b", "name", "x"), "merchant_bad_field", "id"},
			{"POST", "merchants", body("id", "M9"), "merchant_bad_field", "name"},
			{"POST", "merchants", `{"id":"M9","name":"x","version":3}`, string(apiBadBody), ""},
			{"POST", "merchants/M1", `{"id":"M2","name":"x","version":2}`, string(apiBadBody), ""},
			{"POST", "merchants/M9", `{"name":"x","version":1}`, "merchant_not_found", ""},
			{"POST", "merchants/M1/disable", `{"version":1}`, merchantChanged, ""},
			{"POST", "merchants/M9/login", "{}", "merchant_not_found", ""},
			{"POST", "merchants/M1/codes", body("appid", appB+"0"), "merchant_wrong_account", ""},
			{"POST", "merchants/M1/codes", body("appid", appSub), "merchant_wrong_account", ""},
			{"POST", "merchants/M1/codes", `{"appid":"` + appA + `","expires_in":59}`, "merchant_bad_field", "expires_in"},
			{"GET", "merchants/M1/codes/nosuch", "", "merchant_not_found", ""},
			{"POST", "merchants/M1/codes/nosuch/replace", `{"version":1}`, "merchant_not_found", ""},
			{"GET", "merchants?shown=most", "", string(apiBadQuery), ""},
			{"GET", "merchants?after=M1", "", string(apiBadCursor), ""},
			{"POST", "merchant-notices", body("appid", appA, "template", "nosuch"), "merchant_bad_field", "merchants"},
			{"POST", "merchants/M1/notices", body("appid", appA, "template", "nosuch"), "merchant_unknown_template", ""},
			{"POST", "merchants/M1/notices", `{"appid":"` + appA + `","template":"t","all":true}`, string(apiBadBody), ""},
			{"GET", "merchant-forms?template=t&appid=" + appSub, "", "merchant_wrong_account", ""},
			{"GET", "merchant-notices/nosuch", "", "merchant_not_found", ""},
			{"GET", "merchant-notices/nosuch/recipients", "", "merchant_not_found", ""},
			{"GET", "merchant-notices/nosuch/recipients.csv", "", "merchant_not_found", ""},
			{"POST", "merchant-notices/nosuch/cancel", "{}", "merchant_not_found", ""},
			{"POST", "merchant-imports", body("csv", "name\nx\n"), "merchant_bad_table", ""},
		} {
			if a := o.do(c.method, c.path, c.in).wantCode(t, c.code); a.text("field") != c.field {
				t.Errorf("%s %s %s says %s", c.method, c.path, c.in, a.Body)
			}
		}
	})
	t.Run("a table is taken in line by line, and the list is read page by page", func(t *testing.T) {
		a := o.do("POST", "merchant-imports", body("csv", "编号,名称\nM2,二\nM1,Shop\nM 3,x\nM4,four\n")).want(t, 200)
		rows := a.list("rows")
		if a.JSON["created"] != 2.0 || a.JSON["updated"] != 1.0 || len(rows) != 1 || rows[0]["line"] != 4.0 || rows[0]["field"] != "id" {
			t.Errorf("it says %s", a.Body)
		}
		var ids []any
		for after := ""; ; {
			page := o.do("GET", "merchants?limit=2&after="+after, "").want(t, 200)
			for _, m := range page.list("merchants") {
				ids = append(ids, m["id"])
			}
			if after = page.text("after"); after == "" {
				break
			}
		}
		if fmt.Sprint(ids) != "[M1 M2 M4]" {
			t.Errorf("listed are %v", ids)
		}
	})
	t.Run("a login is noted, and what happened is told", func(t *testing.T) {
		o.do("POST", "merchants/M4/login", body("at", "2026-05-01T12:00:00Z")).want(t, 204)
		if m := o.do("GET", "merchants/M4", ""); m.text("last_login") != "2026-05-01T12:00:00Z" || m.JSON["version"] != 1.0 {
			t.Errorf("he is %s", m.Body)
		}
		if events := o.do("GET", "merchants/M1/history", "").want(t, 200).list("events"); len(events) != 3 || events[2]["what"] != "made" {
			t.Errorf("the history is %v", events)
		}
	})
	t.Run("nothing of it is there in another realm", func(t *testing.T) {
		other := o.apiKey(t, "other", "merchant")
		o.ask(t, other, "GET", "other/merchants/M1", "").wantCode(t, "merchant_not_found")
		o.ask(t, other, "GET", "main/merchant-notices/n/recipients.csv", "").wantCode(t, string(apiNoRealm))
		o.ask(t, o.apiKey(t, "main", "message"), "GET", "main/merchant-notices/n/recipients.csv", "").wantCode(t, string(apiScopeNeeded))
	})
}

// TestMerchants_codes holds that codes are made for several at once, and who gets none is told.
func TestMerchants_codes(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.lists("M1")
	o.lists("M2")
	o.do("POST", "merchants/M2/disable", `{"version":1}`).want(t, 200)
	older := o.do("POST", "merchants/M1/codes", body("appid", appA)).want(t, 200)
	a := o.do("POST", "merchant-codes", `{"appid":"`+appA+`","merchants":["M1","M2","M9"]}`).want(t, 200)
	made, refused := a.list("codes"), a.list("refused")
	if len(made) != 1 || made[0]["merchant"] != "M1" || made[0]["url"] == "" || len(refused) != 2 || refused[0]["code"] != "disabled" || refused[1]["code"] != "not_found" || refused[1]["says"] == "" {
		t.Errorf("it says %s", a.Body)
	}
	if was := o.do("GET", "merchants/M1/codes/"+older.text("id"), "").want(t, 200); was.text("state") != "superseded" {
		t.Errorf("the older code is %s", was.Body)
	}
	for _, c := range []struct{ in, code, field string }{
		{`{"appid":"` + appA + `","merchants":[]}`, "merchant_bad_field", "merchants"},
		{`{"appid":"` + appA + `","merchants":["M1"],"expires_in":59}`, "merchant_bad_field", "expires_in"},
		{`{"appid":"` + appSub + `","merchants":["M1"]}`, "merchant_wrong_account", ""},
	} {
		if a := o.do("POST", "merchant-codes", c.in).wantCode(t, c.code); a.text("field") != c.field {
			t.Errorf("%s says %s", c.in, a.Body)
		}
	}
	o.ask(t, o.apiKey(t, "main", "message"), "POST", "main/merchant-codes", `{"appid":"`+appA+`","merchants":["M1"]}`).wantCode(t, string(apiScopeNeeded))
}

// TestMerchants_form holds that a form names what a template needs.
func TestMerchants_form(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	made, err := o.sim.AddTemplate(appA, wechatsim.Template{Title: "Bill", Content: "商品: {{thing4.DATA}}\n金额: {{amount2.DATA}}"})
	if err != nil {
		t.Fatal(err)
	}
	o.askAt(t, o.apiKey(t, identity.AllRealms, allScopes), "POST", "/v1/accounts/"+appA+"/templates/sync", "{}").want(t, 200)
	a := o.do("GET", "merchant-forms?appid="+appA+"&template="+made.ID, "").want(t, 200)
	blanks := a.list("blanks")
	if a.text("title") != "Bill" || len(blanks) != 2 || blanks[0]["label"] != "商品" || blanks[1]["field"] != "amount2" || blanks[1]["required"] != true {
		t.Errorf("the form is %s", a.Body)
	}
	o.lists("M1")
	o.do("POST", "merchants/M1/notices", `{"appid":"`+appA+`","template":"`+made.ID+`","data":{"thing4":"x"}}`).wantCode(t, "message_missing")
}
