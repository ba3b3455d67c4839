package wechatsim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func sendText(t testing.TB, s *Server, person, text string) map[string]any {
	t.Helper()
	return tell(t, s, sendCustomPath, tokenOf(t, s, appA), fmt.Sprintf(`{"touser":%q,"msgtype":"text","text":{"content":%q}}`, s.OpenID(person, appA), text))
}

// TestAllowances is who may write how often after what (wechat-api.md §10.3).
func TestAllowances(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		act   func(s *Server) error
		times int
		until time.Duration
	}{
		"a message": {func(s *Server) error { return s.Say("li", appA, "hi") }, 5, 48 * time.Hour},
		"a tap":     {func(s *Server) error { return s.Click("li", appA, "x") }, 3, time.Minute},
		"a link":    {func(s *Server) error { return s.View("li", appA, "https://x.example/") }, 0, time.Minute},
		"a report":  {func(s *Server) error { return s.ReportPlace("li", appA, Place{}) }, 0, time.Minute},
		"following": {func(s *Server) error { ok(t, s.Follow("li", appA, false)); return s.Follow("li", appA, true) }, 3, time.Minute},
		"a scan": {func(s *Server) error {
			_, err := s.Scan("li", makeQR(t, s, "QR_SCENE", `{"scene_id":7}`, "")["ticket"].(string))
			return err
		}, 3, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, still)
			ok(t, s.Follow("li", appA, true))
			s.Advance(time.Hour)
			errcode(t, sendText(t, s, "li", "x"), "45015")
			ok(t, c.act(s))
			if c.times == 0 {
				errcode(t, sendText(t, s, "li", "x"), "45015")
				return
			}
			if n := s.Allowance("li", appA); n != c.times {
				t.Errorf("allowed are %d", n)
			}
			for range c.times {
				errcode(t, sendText(t, s, "li", "x"), "0")
			}
			errcode(t, sendText(t, s, "li", "x"), "45047")
			ok(t, c.act(s))
			s.Advance(c.until - time.Millisecond)
			errcode(t, sendText(t, s, "li", "x"), "0")
			s.Advance(time.Millisecond)
			errcode(t, sendText(t, s, "li", "x"), "45015")
		})
	}
}

func TestCustomerMessages(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	ok(t, s.Follow("li", appA, true))
	li := s.OpenID("li", appA)
	for _, c := range []struct{ body, want, kind, text string }{
		{`"msgtype":"text","text":{"content":"你好 <&>"}`, "0", "text", "你好 <&>"},
		{`"msgtype":"image","image":{"media_id":"m"}`, "0", "image", ""},
		{`"msgtype":"voice","voice":{"media_id":"m"}`, "0", "voice", ""},
		{`"msgtype":"video","video":{"media_id":"m","thumb_media_id":"m","title":"t","description":"d"}`, "0", "video", "d"},
		{`"msgtype":"music","music":{"musicurl":"http://a/","title":"t","description":"d","thumb_media_id":"m"}`, "0", "music", "d"},
		{`"msgtype":"news","news":{"articles":[{"title":"t","description":"d","url":"http://u/","picurl":"http://p/"}]}`, "0", "news", "d"},
		{`"msgtype":"mpnews","mpnews":{"media_id":"m"}`, "0", "mpnews", ""},
		{`"msgtype":"mpnewsarticle","mpnewsarticle":{"article_id":"a"}`, "0", "mpnewsarticle", ""},
		{`"msgtype":"msgmenu","msgmenu":{"head_content":"满意吗？","list":[{"id":"1","content":"是"},{"id":"2","content":"否"}],"tail_content":"谢谢"}`, "0", KindMenuAnswer, "满意吗？"},
		{`"msgtype":"wxcard","wxcard":{"card_id":"c"}`, "0", "wxcard", ""},
		{`"msgtype":"miniprogrampage","miniprogrampage":{"title":"t","appid":"wx1","pagepath":"p","thumb_media_id":"m"}`, "0", KindMiniPage, ""},
		{`"msgtype":"text","text":{"content":""}`, "44004", "", ""},
		{`"msgtype":"text","text":{"content":"` + strings.Repeat("字", 683) + `"}`, "45002", "", ""},
		{`"msgtype":"image"`, "40007", "", ""},
		{`"msgtype":"news","news":{"articles":[]}`, "44003", "", ""},
		{`"msgtype":"news","news":{"articles":[{"title":"a"},{"title":"b"}]}`, "45008", "", ""},
		{`"msgtype":"poem"`, "40008", "", ""},
	} {
		ok(t, s.Say("li", appA, "hi"))
		before := len(s.Chat("li", appA))
		errcode(t, tell(t, s, sendCustomPath, tokenOf(t, s, appA), fmt.Sprintf(`{"touser":%q,%s}`, li, c.body)), c.want)
		chat := s.Chat("li", appA)
		if c.want != "0" {
			if len(chat) != before {
				t.Errorf("%s is shown", c.body)
			}
			continue
		}
		if m := chat[len(chat)-1]; len(chat) != before+1 || m.Kind != c.kind || m.Text != c.text || m.By != ByAccount {
			t.Errorf("%s shows %+v", c.body, m)
		}
	}
	errcode(t, sendText(t, s, "ming", "x"), "45015") // doesn't follow
	ok(t, s.Block("li", appA, true))
	errcode(t, sendText(t, s, "li", "x"), "48002")
	errcode(t, tell(t, s, sendCustomPath, tokenOf(t, s, appA), `{"touser":"oX","msgtype":"text","text":{"content":"x"}}`), "40003")
}

func TestTyping(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	ok(t, s.Follow("li", appA, true))
	typing := func(command string) map[string]any {
		return tell(t, s, typingPath, tokenOf(t, s, appA), fmt.Sprintf(`{"touser":%q,"command":%q}`, s.OpenID("li", appA), command))
	}
	errcode(t, typing("Typing"), "45080")
	ok(t, s.Say("li", appA, "hi"))
	errcode(t, typing("Drawing"), "45072")
	errcode(t, typing("Typing"), "0")
	if errcode(t, typing("Typing"), "45081"); !s.Typing("li", appA) {
		t.Error("nobody types")
	}
	if errcode(t, typing("CancelTyping"), "0"); s.Typing("li", appA) {
		t.Error("somebody types still")
	}
	errcode(t, typing("Typing"), "0")
	if errcode(t, sendText(t, s, "li", "x"), "0"); s.Typing("li", appA) {
		t.Error("somebody types after the message")
	}
	s.Advance(31 * time.Second)
	errcode(t, typing("Typing"), "45080")
}

func TestSubscriptionNotifications(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := greeted(t, s, PushPlain)
	notice, login := templateOf(t, s, appA, "30001"), templateOf(t, s, appA, "43217")
	send := func(template string) map[string]any {
		return tell(t, s, sendSubscribedPath, tokenOf(t, s, appA), fmt.Sprintf(
			`{"touser":%q,"template_id":%q,"page":"https://site.example/n","data":{"thing1":{"value":"读书会"},"date2":{"value":"2024-09-22 15:01"},"name3":{"value":"李娜"}}}`, s.OpenID("li", appA), template))
	}
	errcode(t, send(notice), "43101")
	errcode(t, send(login), "43102")
	errcode(t, send("x"), "40037")
	ok(t, s.Subscribe("li", appA, notice, false, false))
	errcode(t, send(notice), "43101")
	ok(t, s.Subscribe("li", appA, notice, true, false))
	errcode(t, send(notice), "0")
	errcode(t, send(notice), "43101") // it was for one
	ok(t, s.Pass(t.Context(), 5*time.Second))
	all := b.all()
	if g := all[len(all)-1]; !g.has("<Event><![CDATA[subscribe_msg_sent_event]]></Event><SubscribeMsgSentEvent><List><TemplateId><![CDATA["+notice, "<ErrorCode><![CDATA[0]]></ErrorCode><ErrorStatus><![CDATA[success]]></ErrorStatus></List>") {
		t.Errorf("got %s", g.plain)
	}
	ok(t, s.Subscribe("li", appA, notice, true, true))
	for range 3 {
		errcode(t, send(notice), "0")
	}
	ok(t, s.SwitchSubscription("li", appA, notice, false))
	errcode(t, send(notice), "43101")
	ok(t, s.SwitchSubscription("li", appA, notice, true))
	if errcode(t, send(notice), "0"); s.Notices("li", appA, notice) != -1 || len(s.Chat("li", appA)) != 5 || s.Chat("li", appA)[0].Kind != KindSubscribed {
		t.Errorf("%d left, chat %v", s.Notices("li", appA, notice), s.Chat("li", appA))
	}
	if s.Subscribe("li", appA, login, true, false) == nil {
		t.Error("somebody subscribes to a template message")
	}
	token := tokenOf(t, s, appA)
	if data := ask(t, s, newTemplatesPath, "access_token", token)["data"].([]any); len(data) != 1 || data[0].(map[string]any)["priTmplId"] != notice {
		t.Errorf("templates %v", data)
	}
	a := tell(t, s, addNewTemplatePath, token, `{"tid":"30001","kidList":[1,2],"sceneDesc":"x"}`)
	if id, _ := a["priTmplId"].(string); len(id) != 43 {
		t.Errorf("added %v", a)
	}
	errcode(t, tell(t, s, delNewTemplatePath, token, `{"priTmplId":"`+notice+`"}`), "0")
	errcode(t, send(notice), "40037")
}

func TestLeavingEndsAllowances(t *testing.T) {
	t.Parallel()
	s := start(t)
	ok(t, s.Follow("li", appA, true))
	ok(t, s.Say("li", appA, "hi"))
	ok(t, s.Follow("li", appA, false))
	errcode(t, sendText(t, s, "li", "x"), "45015")
	ok(t, s.Follow("li", appA, true))
	if n := s.Allowance("li", appA); n != 3 {
		t.Errorf("allowed are %d, of which some are older than the follow", n)
	}
}
