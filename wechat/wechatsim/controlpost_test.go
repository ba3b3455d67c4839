package wechatsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// order gives an order to the control API; want is the status.
func order(t testing.TB, s *Server, method, path, body string, want int) page {
	t.Helper()
	req, err := http.NewRequest(method, s.ControlURL+path, strings.NewReader(body))
	ok(t, err)
	p := send(t, req)
	if p.status != want {
		t.Fatalf("%s %s: %d %s, want %d", method, path, p.status, p.body, want)
	}
	return p
}

// TestPhoneByTheControlAPI does all that a person can, from another process.
func TestPhoneByTheControlAPI(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	b := startBackend(t, s, appA, PushPlain)
	ok(t, s.SetPush(appA, "", "", "", ""))
	order(t, s, "PUT", "/push", fmt.Sprintf(`{"appid":%q,"url":%q,"token":%q,"aes_key":%q,"mode":"safe"}`, appA, b.URL+"/push", pushToken, pushKey), 204)
	if p := order(t, s, "GET", "/push?appid="+appA, "", 200); !strings.Contains(p.body, `"mode":"safe"`) {
		t.Error(p.body)
	}
	order(t, s, "PUT", "/push", fmt.Sprintf(`{"appid":%q,"url":%q,"token":"wrongToken"}`, appA, b.URL+"/push"), 400)
	a := makeQR(t, s, "QR_STR_SCENE", `{"scene_str":"door"}`, "")
	if p := order(t, s, "POST", "/scan", fmt.Sprintf(`{"person":"li","code":%q,"follow":true}`, a["url"]), 200); !strings.Contains(p.body, `"follow":true`) {
		t.Error(p.body)
	}
	who := fmt.Sprintf(`"person":"li","appid":%q`, appA)
	notice := templateOf(t, s, appA, "30001")
	for _, c := range []struct{ path, further, want string }{
		{"/say", `,"text":"hi"`, "<![CDATA[hi]]>"},
		{"/image", `,"url":"http://p/1"`, "<PicUrl>"},
		{"/place", `,"place":{"latitude":1,"longitude":2,"label":"x"}`, "<Location_X>1.000000<"},
		{"/place", `,"place":{"latitude":1,"longitude":2},"report":true`, "<Latitude>1.000000<"},
		{"/click", `,"key":"K"`, "<![CDATA[CLICK]]>"},
		{"/click", `,"url":"https://x.example/"`, "<![CDATA[VIEW]]>"},
		{"/subscribe", `,"template_id":"` + notice + `","on":true`, "subscribe_msg_popup_event"},
		{"/subscriptions", `,"template_id":"` + notice + `","on":false`, "subscribe_msg_change_event"},
		{"/modify", "", "user_info_modified"},
		{"/revoke", `,"what":"205"`, "<RevokeInfo><![CDATA[205]]>"},
		{"/quit", "", "user_authorization_cancellation"},
	} {
		body := "{" + who + c.further + "}"
		order(t, s, "POST", c.path, body, 204)
		order(t, s, "POST", "/settle", "", 204)
		pushes := s.Pushes(appA)
		if p := pushes[len(pushes)-1]; !strings.Contains(p.XML, c.want) || p.Outcome != PushAnswered {
			t.Errorf("%s pushed %+v", c.path, p)
		}
	}
	order(t, s, "POST", "/block", "{"+who+`,"on":true}`, 204)
	if !s.Blocked("li", appA) {
		t.Error("the account isn't blocked")
	}
	if p := order(t, s, "POST", "/templates", fmt.Sprintf(`{"appid":%q,"template":{"title":"通知","content":"内容:{{thing1.DATA}}"}}`, appA), 200); !strings.Contains(p.body, `"title":"通知"`) {
		t.Error(p.body)
	}
	for path, n := range map[string]int{"/pushes": 12, "/scenes": 1, "/templates": 4} {
		var list []any
		ok(t, json.Unmarshal([]byte(order(t, s, "GET", path+"?appid="+appA, "", 200).body), &list))
		if len(list) != n {
			t.Errorf("%s lists %d, want %d", path, len(list), n)
		}
	}
	var chat []Message
	ok(t, json.Unmarshal([]byte(order(t, s, "GET", "/chat?person=li&appid="+appA, "", 200).body), &chat))
	if len(chat) != 3 || chat[0].Text != "hi" {
		t.Errorf("chat %+v", chat)
	}
	now := s.Now()
	order(t, s, "POST", "/settle", `{"seconds":90}`, 204)
	if got := s.Now().Sub(now).Seconds(); got != 90 {
		t.Errorf("%v s passed", got)
	}
	order(t, s, "POST", "/say", `{"person":"nobody","appid":"`+appA+`","text":"x"}`, 404)
	order(t, s, "POST", "/say", `{"person":"ming","appid":"`+appA+`","text":"x"}`, 400)
	order(t, s, "POST", "/settle", `{"seconds":-1}`, 400)
	order(t, s, "POST", "/templates", `{"appid":"wx1","template":{"title":"x"}}`, 404)
}
