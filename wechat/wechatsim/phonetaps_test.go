package wechatsim

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestPhoneTaps taps everything that a person finds in chats and at the scanner.
func TestPhoneTaps(t *testing.T) {
	t.Parallel()
	const mini = "wx00000000000000a1"
	s := start(t, func(o *Options) {
		o.Accounts = append(o.Accounts, Account{AppID: mini, Secret: secret, Name: "点单", Kind: KindMini})
	})
	b := startBackend(t, s, appA, PushSafe)
	a := makeQR(t, s, "QR_STR_SCENE", `{"scene_str":"door"}`, "")
	ticket, notice := a["ticket"].(string), templateOf(t, s, appA, "30001")
	chat := chatPath(appA)
	with := func(pairs ...string) url.Values {
		form := url.Values{"appid": {appA}}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return form
	}
	for _, c := range []struct {
		name, path string
		form       url.Values
		status     int
		to, pushed string
	}{
		{"write before following", "/phone/say", with("text", "hi"), 400, "", ""},
		{"scan as a stranger", "/phone/scan", with("code", ticket), 303, "/phone/account/" + appA + "?ticket=" + url.QueryEscape(ticket), ""},
		{"follow by the code", "/phone/follow", with("follow", "1", "ticket", ticket), 303, chat, "qrscene_door"},
		{"scan as a follower", "/phone/scan", with("code", a["url"].(string)), 303, chat, "[SCAN]"},
		{"scan a page", "/phone/scan", with("code", "https://shop.example/"), 303, "https://shop.example/", ""},
		{"scan a website's code", "/phone/scan", with("code", confirmPath+"?ticket=x"), 303, confirmPath + "?ticket=x", ""},
		{"scan nonsense", "/phone/scan", with("code", "gQ"), 200, "", ""},
		{"write", "/phone/say", with("text", "hi"), 303, chat, "[hi]"},
		{"write nothing", "/phone/say", with(), 400, "", ""},
		{"send a picture", "/phone/say", with("picture", "http://p/1"), 303, chat, "<PicUrl>"},
		{"tap a key", "/phone/menu", with("entry", "HELP"), 303, chat, "[CLICK]"},
		{"tap a link", "/phone/menu", with("entry", "https://shop.example/"), 303, "https://shop.example/", "[VIEW]"},
		{"send a place", "/phone/place", with("do", "send"), 303, chat, "<Location_X>"},
		{"report a place", "/phone/place", with("do", "report"), 303, chat, "[LOCATION]"},
		{"subscribe", "/phone/subscribe", with("template", notice, "do", "once"), 303, chat, "[accept]"},
		{"subscribe to nothing", "/phone/subscribe", with("template", "x", "do", "once"), 404, "", ""},
		{"don't subscribe", "/phone/subscribe", with("template", notice, "do", "refuse"), 303, chat, "[reject]"},
		{"refuse messages", "/phone/block", with("block", "1"), 303, chat, ""},
		{"open a mini program", "/phone/mini", url.Values{"appid": {mini}, "do": {"login"}}, 200, "", ""},
		{"open what is none", "/phone/mini", with("do", "login"), 404, "", ""},
		{"leave", "/phone/follow", with("follow", "0"), 303, "/phone/me", "[unsubscribe]"},
	} {
		before := len(b.all())
		p := post(t, s, c.path, c.form)
		if p.status != c.status || p.header.Get("Location") != c.to {
			t.Errorf("%s: %d to %q, want %d to %q", c.name, p.status, p.header.Get("Location"), c.status, c.to)
		}
		settle(t, s)
		all := b.all()[before:]
		if (c.pushed != "") != (len(all) == 1) || len(all) == 1 && !all[0].has(c.pushed) {
			t.Errorf("%s: pushed %v, want %q", c.name, all, c.pushed)
		}
	}
	if !s.Blocked("ming", appA) {
		t.Error("messages aren't refused")
	}
	code := post(t, s, "/phone/mini", url.Values{"appid": {mini}, "do": {"phone"}})
	if !strings.Contains(code.body, "getPhoneNumber") || !strings.Contains(code.body, `<p class="word"><code>0`) {
		t.Error(code.body)
	}
	if p := open(t, s, "", s.URL+"/phone/code?word="+url.QueryEscape(a["url"].(string))); p.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the code's image: %v", p.header)
	}
	if p := post(t, s, "/phone/say", with("text", "hi"), "Sec-Fetch-Site", "cross-site"); p.status != http.StatusForbidden {
		t.Errorf("another site's form: %d", p.status)
	}
}

// TestPhoneHearsNews: a page that waits is answered when something changes.
func TestPhoneHearsNews(t *testing.T) {
	t.Parallel()
	s := start(t)
	live := func(since string) string { return open(t, s, "ming", s.URL+"/phone/live?since="+since).body }
	version := live("none")
	if got := phonePage(t, s, "ming", "/phone/").body; !strings.Contains(got, `data-version="`+version+`"`) {
		t.Errorf("the page isn't of version %s", version)
	}
	heard := make(chan string)
	go func() { heard <- live(version) }()
	ok(t, s.Follow("ming", appA, true))
	first := <-heard
	if first == version {
		t.Error("nothing was heard")
	}
	go func() { heard <- live(live("none")) }()
	s.Close() // lets go of those who wait
	<-heard
}
