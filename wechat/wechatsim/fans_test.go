package wechatsim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func fanOf(t testing.TB, s *Server, person, appid string) map[string]any {
	t.Helper()
	return ask(t, s, fanPath, "access_token", tokenOf(t, s, appid), "openid", s.OpenID(person, appid), "lang", "zh_CN")
}

func follow(t testing.TB, s *Server, person, appid string, follow bool) {
	t.Helper()
	if err := s.Follow(person, appid, follow); err != nil {
		t.Fatal(err)
	}
}

func TestFan(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := fanOf(t, s, "li", appA)
	if fmt.Sprint(a["subscribe"]) != "0" || a["openid"] != s.OpenID("li", appA) || a["tagid_list"] == nil || a["unionid"] != nil || a["subscribe_time"] != nil {
		t.Errorf("who doesn't follow: %v", a)
	}
	s.Advance(time.Hour)
	follow(t, s, "li", appA, true)
	since := s.Now().Unix()
	a = fanOf(t, s, "li", appA)
	at, _ := a["subscribe_time"].(json.Number).Int64()
	if fmt.Sprint(a["subscribe"]) != "1" || since-at > 1 || at > since || a["subscribe_scene"] != "ADD_SCENE_SEARCH" || a["unionid"] != s.UnionID("li", appA) || a["nickname"] != "" || a["headimgurl"] != "" || a["qr_scene_str"] != "" {
		t.Errorf("a follower: %v", a)
	}
	follow(t, s, "li", appA, true) // already
	s.Advance(time.Hour)
	if again := fanOf(t, s, "li", appA); again["subscribe_time"] != a["subscribe_time"] {
		t.Error("following again moved the time")
	}
	follow(t, s, "li", appA, false)
	follow(t, s, "li", appA, true)
	if again := fanOf(t, s, "li", appA); again["subscribe_time"] == a["subscribe_time"] || again["openid"] != a["openid"] {
		t.Error("the time must be that of the latest follow, and the openid must stay")
	}
	follow(t, s, "li", appLone, true)
	if a := fanOf(t, s, "li", appLone); a["unionid"] != nil {
		t.Errorf("an account without a subject: %v", a)
	}
}

func TestFanWhoDoesntFollowMayHaveAUnionID(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) { o.StrangerUnionID = true })
	if a := fanOf(t, s, "li", appA); a["unionid"] != s.UnionID("li", appA) || fmt.Sprint(a["subscribe"]) != "0" {
		t.Errorf("answer %v", a)
	}
}

func TestFanMistakes(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := tokenOf(t, s, appA)
	errcode(t, ask(t, s, fanPath, "access_token", token), "41009")
	errcode(t, ask(t, s, fanPath, "access_token", token, "openid", s.OpenID("li", appB)), "40003")
	errcode(t, ask(t, s, fanPath, "access_token", tokenOf(t, s, appMini), "openid", s.OpenID("li", appMini)), "48001")
	if a := fanOf(t, s, "li", appSub); fmt.Sprint(a["subscribe"]) != "0" {
		t.Errorf("a verified subscription account: %v", a)
	}
	if err := s.ChangeAccount(appStrict, func(a *Account) { a.Unverified = true }); err != nil {
		t.Fatal(err)
	}
	errcode(t, fanOf(t, s, "li", appStrict), "48001")
	if err := s.Follow("li", appMini, true); err == nil {
		t.Error("a mini program can be followed")
	}
	if err := s.Add(Person{Name: "late"}); err != nil {
		t.Fatal(err)
	}
	if a := fanOf(t, s, "late", appA); fmt.Sprint(a["subscribe"]) != "0" {
		t.Errorf("who was let in later: %v", a)
	}
}

func TestFansInOneBatch(t *testing.T) {
	t.Parallel()
	s := start(t)
	follow(t, s, "li", appA, true)
	token := tokenOf(t, s, appA)
	list := func(openids ...string) string {
		parts := []string{}
		for _, o := range openids {
			parts = append(parts, `{"openid":"`+o+`","lang":"zh_CN"}`)
		}
		return `{"user_list":[` + strings.Join(parts, ",") + `]}`
	}
	a := tell(t, s, fansPath, token, list(s.OpenID("li", appA), s.OpenID("chen", appA)))
	told, _ := a["user_info_list"].([]any)
	if len(told) != 2 || told[0].(map[string]any)["unionid"] != s.UnionID("li", appA) || fmt.Sprint(told[1].(map[string]any)["subscribe"]) != "0" {
		t.Errorf("answer %v", a)
	}
	errcode(t, tell(t, s, fansPath, token, list()), "40031")
	errcode(t, tell(t, s, fansPath, token, list(make([]string, 101)...)), "40032")
	errcode(t, tell(t, s, fansPath, token, list(s.OpenID("li", appA), "x")), "40003")
	errcode(t, ask(t, s, fansPath, "access_token", token), "43002")
}

func TestFollowersPageByPage(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) {
		o.FanPage = 2
		o.People = nil
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			o.People = append(o.People, Person{Name: name, Follows: []string{appA}})
		}
		o.People = append(o.People, Person{Name: "f"})
	})
	page := func(after string) (openids []string, next string) {
		t.Helper()
		a := ask(t, s, followersPath, "access_token", tokenOf(t, s, appA), "next_openid", after)
		data, has := a["data"].(map[string]any)
		if has {
			for _, o := range data["openid"].([]any) {
				openids = append(openids, o.(string))
			}
		}
		next, _ = a["next_openid"].(string)
		if fmt.Sprint(a["count"]) != fmt.Sprint(len(openids)) {
			t.Errorf("the count is wrong: %v", a)
		}
		return openids, next
	}
	seen := []string{}
	for after, n := "", 0; ; n++ {
		openids, next := page(after)
		seen = append(seen, openids...)
		if next == "" {
			break
		}
		if after = next; n == 1 {
			follow(t, s, "d", appA, false) // whose openid is where the next page begins
		}
		if n > 9 {
			t.Fatal("the pages never end")
		}
	}
	want := []string{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		want = append(want, s.OpenID(name, appA))
	}
	if strings.Join(seen, " ") != strings.Join(want, " ") {
		t.Errorf("seen %v, want %v", seen, want)
	}
	errcode(t, ask(t, s, followersPath, "access_token", tokenOf(t, s, appA), "next_openid", "x"), "40003")
	if err := s.Change(func(set *Settings) { set.FanPage = maxFanPage + 1 }); err == nil {
		t.Error("a page may be of any size")
	}
}

func TestMigration(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, name := range []string{"ming", "li"} {
		follow(t, s, name, appB, true)
	}
	follow(t, s, "ming", appA, true)
	body := `{"from_appid":"` + appB + `","openid_list":["` + s.OpenID("ming", appB) + `","` + s.OpenID("chen", appB) + `","` + s.OpenID("li", appB) + `","x"]}`
	errcode(t, tell(t, s, changeOpenIDPath, tokenOf(t, s, appA), body), "63178")
	if err := s.Migrate(appB, appA); err != nil {
		t.Fatal(err)
	}
	a := tell(t, s, changeOpenIDPath, tokenOf(t, s, appA), body)
	errcode(t, a, "0")
	list, _ := a["result_list"].([]any)
	for i, want := range []string{s.OpenID("ming", appA), "", s.OpenID("li", appA), ""} {
		one := list[i].(map[string]any)
		got, _ := one["new_openid"].(string)
		if got != want || (one["err_msg"] == "ok") != (want != "") || one["ori_openid"] == nil {
			t.Errorf("%d: %v", i, one)
		}
	}
	how, follows := s.Following("li", appA)
	if _, still := s.Following("li", appB); !follows || how.Scene != "ADD_SCENE_ACCOUNT_MIGRATION" || still {
		t.Errorf("li follows %t by %s, the old one %t", follows, how.Scene, still)
	}
	if how, _ := s.Following("ming", appA); how.Scene != "ADD_SCENE_SEARCH" {
		t.Errorf("who followed before came by %s", how.Scene)
	}
	errcode(t, stableToken(t, s, appB, false), "50007")
	errcode(t, tell(t, s, changeOpenIDPath, tokenOf(t, s, appLone), body), "63178")
	errcode(t, tell(t, s, changeOpenIDPath, tokenOf(t, s, appA), `{"from_appid":"`+appB+`","openid_list":[]}`), "40031")
	many, _ := json.Marshal(make([]string, 101))
	errcode(t, tell(t, s, changeOpenIDPath, tokenOf(t, s, appA), `{"from_appid":"`+appB+`","openid_list":`+string(many)+`}`), "40032")
	s.Advance(migrationLife - time.Minute)
	errcode(t, tell(t, s, changeOpenIDPath, tokenOf(t, s, appA), body), "0")
	s.Advance(time.Minute)
	errcode(t, tell(t, s, changeOpenIDPath, tokenOf(t, s, appA), body), "63178")
	for from, to := range map[string]string{appA: appA, "wx1": appA, appLone: appMini, appMini: "wx1"} {
		if s.Migrate(from, to) == nil {
			t.Errorf("%s migrates to %s", from, to)
		}
	}
}
