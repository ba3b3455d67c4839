package wechatsim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestEvents has every event with its elements, their case and their oddities
// (wechat-api.md §8.4).
func TestEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := startBackend(t, s, appA, PushPlain)
	li := s.OpenID("li", appA)
	push := func(act func() error, wants ...string) {
		t.Helper()
		ok(t, act())
		if g := b.last(t, s); !g.has(wants...) || !g.has("<MsgType><![CDATA[event]]></MsgType>") == !g.has("<MsgId>") {
			t.Errorf("got %s, want %v", g.plain, wants)
		}
	}
	push(func() error { return s.Follow("li", appA, true) }, "<Event><![CDATA[subscribe]]></Event>", "<FromUserName><![CDATA["+li)
	ok(t, s.Follow("li", appA, true)) // again, which is nothing new
	if settle(t, s); len(b.all()) != 0 {
		t.Error("following twice is pushed twice")
	}
	push(func() error { return s.Say("li", appA, "hi") }, "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hi]]></Content><MsgId>3")
	push(func() error { return s.SendImage("li", appA, "http://mmbiz.qpic.cn/1") }, "<MsgType><![CDATA[image]]></MsgType><PicUrl><![CDATA[http://mmbiz.qpic.cn/1]]></PicUrl><MediaId><![CDATA[")
	push(func() error {
		return s.SendPlace("li", appA, Place{Latitude: 23.137466, Longitude: 113.5, Label: "广州"})
	},
		"<MsgType><![CDATA[location]]></MsgType><Location_X>23.137466</Location_X><Location_Y>113.500000</Location_Y><Scale>16</Scale><Label><![CDATA[广州]]></Label><MsgId>")
	push(func() error { return s.ReportPlace("li", appA, Place{23.137466, 113.352425, 119.38504, ""}) },
		"<Event><![CDATA[LOCATION]]></Event><Latitude>23.137466</Latitude><Longitude>113.352425</Longitude><Precision>119.385040</Precision></xml>")
	push(func() error { return s.Click("li", appA, "MENU_HELP") }, "<Event><![CDATA[CLICK]]></Event><EventKey><![CDATA[MENU_HELP]]></EventKey></xml>")
	push(func() error { return s.View("li", appA, "https://site.example/a") }, "<Event><![CDATA[VIEW]]></Event><EventKey><![CDATA[https://site.example/a]]></EventKey></xml>")
	notice := templateOf(t, s, appA, "30001")
	push(func() error { return s.Subscribe("li", appA, notice, true, false) },
		"<Event><![CDATA[subscribe_msg_popup_event]]></Event><SubscribeMsgPopupEvent><List><TemplateId><![CDATA["+notice+"]]></TemplateId><SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene><![CDATA[2]]></PopupScene></List></SubscribeMsgPopupEvent></xml>")
	push(func() error { return s.SwitchSubscription("li", appA, notice, false) },
		"<Event><![CDATA[subscribe_msg_change_event]]></Event><SubscribeMsgChangeEvent><List><TemplateId><![CDATA["+notice+"]]></TemplateId><SubscribeStatusString><![CDATA[reject]]>")
	push(func() error { return s.Follow("li", appA, false) }, "<Event><![CDATA[unsubscribe]]></Event><EventKey><![CDATA[]]></EventKey></xml>")
	for name, err := range map[string]error{
		"text": s.Say("li", appA, "hi"), "click": s.Click("li", appA, "x"), "view": s.View("li", appA, "x"),
		"place": s.SendPlace("li", appA, Place{}), "report": s.ReportPlace("li", appA, Place{}), "image": s.SendImage("li", appA, "x"),
	} {
		if !errors.Is(err, ErrNotFollowing) {
			t.Errorf("%s by a stranger: %v", name, err)
		}
	}
	if err := s.Say("nobody", appA, "hi"); !errors.Is(err, ErrUnknown) {
		t.Errorf("nobody says something: %v", err)
	}
}

func TestPersonalEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := startBackend(t, s, appA, PushSafe)
	lone := startBackend(t, s, appLone, PushSafe)
	ok(t, s.Add(Person{Name: "li", Follows: []string{appLone}, Granted: []string{appA}}))
	li, union := s.OpenID("li", appA), s.UnionID("li", appA)
	cases := map[string]bool{}
	for range 40 {
		ok(t, s.ModifyInfo("li", appA))
		g := b.last(t, s)
		low := g.has("<openid><![CDATA["+li+"]]></openid>", "<appid><![CDATA["+appA+"]]></appid>")
		high := g.has("<OpenID><![CDATA["+li+"]]></OpenID>", "<AppID><![CDATA["+appA+"]]></AppID>")
		if low == high || g.from == li || g.from == "" || !g.has("<Event><![CDATA[user_info_modified]]></Event>", "<UnionID><![CDATA["+union) {
			t.Fatalf("got %s", g.plain)
		}
		cases[fmt.Sprint(low)] = true
	}
	if len(cases) != 2 {
		t.Error("the names of the elements are always of one case")
	}
	ok(t, s.Revoke("li", appA, "205"))
	if g := b.last(t, s); !g.has("<Event><![CDATA[user_authorization_revoke]]></Event><OpenID><![CDATA["+li, "<RevokeInfo><![CDATA[205]]></RevokeInfo></xml>") {
		t.Errorf("got %s", g.plain)
	}
	if p, _ := s.person("li"); len(p.Granted) != 0 {
		t.Error("the consent is still there")
	}
	ok(t, s.Quit("li"))
	if g := lone.last(t, s); !g.has("<Event><![CDATA[user_authorization_cancellation]]></Event>") || g.has("<UnionID>") || len(b.all()) != 0 {
		t.Errorf("got %s, and the account that isn't concerned %v", g.plain, b.all())
	}
	if s.Revoke("li", appA, "everything") == nil || s.ModifyInfo("nobody", appA) == nil || s.Quit("nobody") == nil {
		t.Error("nonsense is taken")
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       Message // Kind "" is that the person is told of trouble
	}{
		{"text", "<MsgType>text</MsgType><Content><![CDATA[你好 <b>]]></Content>", Message{Kind: "text", Text: "你好 <b>"}},
		{"image", "<MsgType>image</MsgType><Image><MediaId>m1</MediaId></Image>", Message{Kind: "image", MediaID: "m1"}},
		{"voice", "<MsgType>voice</MsgType><Voice><MediaId>m1</MediaId></Voice>", Message{Kind: "voice", MediaID: "m1"}},
		{"video", "<MsgType>video</MsgType><Video><MediaId>m1</MediaId><Title>t</Title><Description>d</Description></Video>", Message{Kind: "video", MediaID: "m1", Title: "t", Text: "d"}},
		{"music", "<MsgType>music</MsgType><Music><Title>t</Title><Description>d</Description><MusicUrl>http://a/</MusicUrl><ThumbMediaId>m</ThumbMediaId></Music>", Message{Kind: "music", MediaID: "m", Title: "t", Text: "d", URL: "http://a/"}},
		{"news", "<MsgType>news</MsgType><ArticleCount>1</ArticleCount><Articles><item><Title>t</Title><Description>d</Description><PicUrl>http://p/</PicUrl><Url>http://u/</Url></item></Articles>", Message{Kind: "news", Title: "t", Text: "d", Picture: "http://p/", URL: "http://u/"}},
		{"a hand-over", "<MsgType>transfer_customer_service</MsgType>", Message{Kind: "transfer_customer_service"}},
		{"an empty text", "<MsgType>text</MsgType><Content></Content>", Message{}},
		{"a text too long", "<MsgType>text</MsgType><Content>" + strings.Repeat("a", 2049) + "</Content>", Message{}},
		{"an image without one", "<MsgType>image</MsgType>", Message{}},
		{"news without any", "<MsgType>news</MsgType><ArticleCount>1</ArticleCount>", Message{}},
		{"another kind", "<MsgType>poem</MsgType>", Message{}},
	} {
		for _, mode := range pushModes {
			t.Run(c.name+" in the mode "+mode, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				b := greeted(t, s, mode)
				b.answer = func(w http.ResponseWriter, _ *http.Request, g got) {
					text := replyTo(s, appA, g, c.body)
					if mode == PushSafe {
						text = seal(t, appA, text)
					}
					_, _ = w.Write([]byte(text))
				}
				ok(t, s.Say("li", appA, "hello"))
				settle(t, s)
				chat, p := s.Chat("li", appA), s.Pushes(appA)[1]
				m := chat[len(chat)-1]
				if c.want.Kind == "" {
					if m.Kind != KindNotice || p.Outcome != PushUnavailable || len(p.Tries) != 1 || p.Tries[0].Error == "" {
						t.Errorf("chat %+v, push %+v", chat, p)
					}
					return
				}
				if m.Kind != c.want.Kind || c.want.Text != "" && m.Text != c.want.Text || m.MediaID != c.want.MediaID || m.Title != c.want.Title || m.URL != c.want.URL || m.Picture != c.want.Picture || p.Outcome != PushReplied {
					t.Errorf("chat %+v, push %+v", chat, p)
				}
			})
		}
	}
}

// TestUnfitReplies are answers that make no sense as a whole.
func TestUnfitReplies(t *testing.T) {
	t.Parallel()
	text := "<MsgType>text</MsgType><Content>x</Content>"
	for name, answer := range map[string]func(t *testing.T, s *Server, g got) string{
		"words":       func(*testing.T, *Server, got) string { return "SUCCESS" },
		"JSON":        func(*testing.T, *Server, got) string { return `{"a":1}` },
		"in the open": func(_ *testing.T, s *Server, g got) string { return replyTo(s, appA, g, text) },
		"for another": func(t *testing.T, s *Server, g got) string { return seal(t, appB, replyTo(s, appA, g, text)) },
		"not swapped": func(t *testing.T, s *Server, g got) string { return seal(t, appA, g.plain) },
		"to another": func(t *testing.T, s *Server, g got) string {
			g.from = "oX"
			return seal(t, appA, replyTo(s, appA, g, text))
		},
		"without a time": func(t *testing.T, s *Server, g got) string {
			return seal(t, appA, strings.Replace(replyTo(s, appA, g, text), "CreateTime", "Time", 2))
		},
		"badly signed": func(t *testing.T, s *Server, g got) string {
			return strings.Replace(seal(t, appA, replyTo(s, appA, g, text)), "<MsgSignature><![CDATA[", "<MsgSignature><![CDATA[0", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			b := greeted(t, s, PushSafe)
			b.answer = func(w http.ResponseWriter, _ *http.Request, g got) { _, _ = w.Write([]byte(answer(t, s, g))) }
			ok(t, s.Say("li", appA, "hello"))
			settle(t, s)
			chat := s.Chat("li", appA)
			if p := s.Pushes(appA)[1]; p.Outcome != PushUnavailable || len(p.Tries) != 1 || chat[len(chat)-1].Kind != KindNotice {
				t.Errorf("push %+v, chat %v", p, chat)
			}
			// What nobody waits for troubles nobody.
			ok(t, s.ReportPlace("li", appA, Place{}))
			if settle(t, s); len(s.Chat("li", appA)) != len(chat) {
				t.Errorf("chat %v", s.Chat("li", appA))
			}
		})
	}
}

func TestQuietAnswers(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"", "success"} {
		s := start(t)
		b := greeted(t, s, PushSafe)
		b.answer = func(w http.ResponseWriter, _ *http.Request, _ got) { _, _ = w.Write([]byte(answer)) }
		ok(t, s.Say("li", appA, "hello"))
		if settle(t, s); len(s.Chat("li", appA)) != 1 || s.Pushes(appA)[1].Outcome != PushAnswered {
			t.Errorf("%q: %v", answer, s.Chat("li", appA))
		}
		ok(t, s.Pass(t.Context(), time.Minute))
		if len(b.all()) != 1 {
			t.Errorf("%q: it was pushed again", answer)
		}
	}
}
