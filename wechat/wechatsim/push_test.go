package wechatsim

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestPushModes(t *testing.T) {
	t.Parallel()
	for _, mode := range pushModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := start(t, still)
			b := startBackend(t, s, appA, mode)
			ok(t, s.Follow("li", appA, true))
			b.last(t, s)
			ok(t, s.Say("li", appA, "a ]]> b <&> 你好"))
			g := b.last(t, s)
			if !g.genuine || g.query.Get("openid") != s.OpenID("li", appA) || g.query.Get("timestamp") != "1772366400" {
				t.Errorf("the address has %v", g.query)
			}
			want := "<xml><ToUserName><![CDATA[" + s.OriginalID(appA) + "]]></ToUserName><FromUserName><![CDATA[" + s.OpenID("li", appA) +
				"]]></FromUserName><CreateTime>1772366400</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[a ]]]]><![CDATA[> b <&> 你好]]></Content><MsgId>"
			encrypted := strings.Contains(g.raw, "<Encrypt>")
			open := strings.Contains(g.raw, "<Content>")
			if !strings.HasPrefix(g.plain, want) {
				t.Errorf("got\n%s, want\n%s…", g.plain, want)
			}
			if encrypted != (mode != PushPlain) || open != (mode != PushSafe) || encrypted != (g.query.Get("encrypt_type") == "aes") {
				t.Errorf("mode %s: %s", mode, g.raw)
			}
			pushes := s.Pushes(appA)
			p := pushes[len(pushes)-1]
			if len(pushes) != 2 || p.Outcome != PushAnswered || p.Type != "text" || p.Person != "li" || len(p.Tries) != 1 || p.Tries[0].Body != g.raw || p.Tries[0].Answer != "success" {
				t.Errorf("the history has %+v", pushes)
			}
		})
	}
}

func TestPushTargetIsChecked(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, answer := range map[string]func(w http.ResponseWriter, echo string){
		"a line break after the echo": func(w http.ResponseWriter, echo string) { _, _ = io.WriteString(w, echo+"\n") },
		"a quoted echo":               func(w http.ResponseWriter, echo string) { _, _ = fmt.Fprintf(w, "%q", echo) },
		"no echo":                     func(http.ResponseWriter, string) {},
		"a redirect": func(w http.ResponseWriter, _ string) {
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusFound)
		},
		"a cut connection": func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r.URL.Query().Get("echostr")) }))
			defer server.Close()
			if err := s.SetPush(appA, server.URL, pushToken, "", PushPlain); err == nil {
				t.Error("it was taken")
			}
			if s.PushTargetOf(appA).URL != "" {
				t.Error("the target changed")
			}
		})
	}
	for name, p := range map[string]PushTarget{
		"no address":    {URL: "nowhere", Token: pushToken},
		"a script":      {URL: "javascript:1", Token: pushToken},
		"a short token": {URL: "http://127.0.0.1:1/", Token: "ab"},
		"a broken key":  {URL: "http://127.0.0.1:1/", Token: pushToken, AESKey: "short", Mode: PushPlain},
		"no key":        {URL: "http://127.0.0.1:1/", Token: pushToken, Mode: PushSafe},
		"another mode":  {URL: "http://127.0.0.1:1/", Token: pushToken, AESKey: pushKey, Mode: "secret"},
	} {
		if err := s.SetPush(appA, p.URL, p.Token, p.AESKey, p.Mode); err == nil || len(s.Pushes(appA)) != 0 {
			t.Errorf("%s was taken: %v", name, err)
		}
	}
	b := startBackend(t, s, appA, PushSafe)
	sent := s.Sent()
	if check := sent[len(sent)-1]; check.Path != "/push" || check.Status != http.StatusOK || check.Body == "" || strings.Contains(check.String(), check.Body) {
		t.Errorf("the check isn't in the history, or its echo in the log: %v", check)
	}
	ok(t, s.SetPush(appA, "", "", "", ""))
	ok(t, s.Follow("li", appA, true))
	if settle(t, s); len(b.all()) != 0 || len(s.Pushes(appA)) != 0 {
		t.Error("a push went to a target that is gone")
	}
}

// TestPushRetries: three tries in all, each five seconds by the simulator's clock
// after the one before, and then the person is told.
func TestPushRetries(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, got){
		"a status":         func(w http.ResponseWriter, _ *http.Request, _ got) { w.WriteHeader(http.StatusInternalServerError) },
		"a redirect":       func(w http.ResponseWriter, r *http.Request, _ got) { http.Redirect(w, r, "/", http.StatusFound) },
		"a cut connection": func(http.ResponseWriter, *http.Request, got) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, still)
			b := startBackend(t, s, appA, PushSafe)
			ok(t, s.Follow("li", appA, true))
			b.last(t, s)
			b.answer = answer
			ok(t, s.Say("li", appA, "hello"))
			for tries := 1; tries <= 3; tries++ {
				if settle(t, s); len(b.all()) != tries {
					t.Fatalf("%d tries, want %d", len(b.all()), tries)
				}
				s.Advance(5*time.Second - time.Millisecond)
				if settle(t, s); len(b.all()) != tries {
					t.Fatalf("it was tried again too early")
				}
				s.Advance(time.Millisecond)
			}
			settle(t, s)
			all := b.all()
			if len(all) != 3 || all[0].plain != all[2].plain || all[0].raw == all[2].raw || all[0].query.Get("nonce") == all[1].query.Get("nonce") {
				t.Errorf("three tries of one push, each sealed anew: %v", all)
			}
			told := s.Chat("li", appA)
			if p := s.Pushes(appA)[1]; p.Outcome != PushUnavailable || p.Tries[0].Error == "" || told[len(told)-1].Text != "该公众号提供的服务出现故障，请稍后再试" {
				t.Errorf("push %+v, chat %+v", p, told)
			}
		})
	}
}

// TestPushTimeout: a server that is too slow is hung up on after five seconds by
// the simulator's clock, and asked again at once.
func TestPushTimeout(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	b := startBackend(t, s, appA, PushPlain)
	ok(t, s.Follow("li", appA, true))
	b.last(t, s)
	entered := make(chan struct{})
	b.answer = func(_ http.ResponseWriter, r *http.Request, _ got) {
		entered <- struct{}{}
		<-r.Context().Done()
	}
	ok(t, s.Click("li", appA, "HELP"))
	for range 3 {
		<-entered
		s.Advance(5 * time.Second)
	}
	settle(t, s)
	p := s.Pushes(appA)[1]
	if p.Outcome != PushUnavailable || len(p.Tries) != 3 || p.Tries[2].Error != "pushing: "+errPushTimeout.Error() || len(s.Chat("li", appA)) != 1 {
		t.Errorf("push %+v, chat %v", p, s.Chat("li", appA))
	}
}

func TestPassStopsAtEverythingThatIsDue(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	b := startBackend(t, s, appA, PushPlain)
	tries := 0
	b.answer = func(w http.ResponseWriter, _ *http.Request, _ got) {
		if tries++; tries < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}
	ok(t, s.Follow("li", appA, true))
	begun := s.Now()
	ok(t, s.Pass(t.Context(), time.Hour))
	p := s.Pushes(appA)[0]
	if p.Outcome != PushAnswered || len(p.Tries) != 3 || !p.Tries[2].At.Equal(begun.Add(10*time.Second)) || !s.Now().Equal(begun.Add(time.Hour)) {
		t.Errorf("at %v: %+v", s.Now(), p)
	}
}

func TestPushesAreDecidedByTheSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		s := start(t, still, func(o *Options) { o.Seed = seed })
		b := startBackend(t, s, appA, PushSafe)
		ok(t, s.Follow("li", appA, true))
		settle(t, s)
		ok(t, s.Say("li", appA, "hello"))
		settle(t, s)
		var text strings.Builder
		for _, g := range b.all() {
			fmt.Fprintln(&text, g.query.Encode(), g.raw)
		}
		return text.String()
	}
	if one, two := run(7), run(7); one != two {
		t.Errorf("the same seed gave\n%s and\n%s", one, two)
	}
	if run(7) == run(8) {
		t.Error("another seed gave the same")
	}
}

func TestPushesOfOptionsAreTakenOnTrust(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) {
		o.Pushes = []PushTarget{{AppID: appA, URL: "http://127.0.0.1:1/push", Token: pushToken}}
	})
	if target := s.PushTargetOf(appA); target.Mode != PushPlain || target.URL == "" {
		t.Errorf("the target is %+v", target)
	}
	var o Options
	cast(&o)
	for _, bad := range []PushTarget{{AppID: "wx1", URL: "http://127.0.0.1:1/", Token: pushToken}, {AppID: appA, URL: "x", Token: pushToken}} {
		o.Pushes = []PushTarget{bad}
		if o.Check() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}

// TestDisorderLosesNothing: whoever comes first, the next push or the end of the
// wait, a push that is kept back is sent once.
func TestDisorderLosesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := greeted(t, s, PushPlain)
	for i := range 50 {
		s.Fail("push_disordered", Delay(0))
		ok(t, s.Say("li", appA, fmt.Sprintf("first %d", i)))
		ok(t, s.Say("li", appA, fmt.Sprintf("second %d", i)))
		settle(t, s)
		all := b.all()[2*i:]
		if len(all) != 2 || all[0].plain == all[1].plain {
			t.Fatalf("round %d: got %v", i, all)
		}
	}
}
