package wechatsim

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// greeted is a server whose account is followed by li already.
func greeted(t *testing.T, s *Server, mode string) *backend {
	t.Helper()
	b := startBackend(t, s, appA, mode)
	ok(t, s.Follow("li", appA, true))
	b.last(t, s)
	return b
}

// phoneFaultTests are the tests of the faults between phones, WeChat and servers.
var phoneFaultTests = map[string]func(*testing.T, *Server){
	"push_duplicated": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushSafe)
		// Both are there before one is answered.
		both, arrived := make(chan struct{}), make(chan struct{}, 2)
		go func() { <-arrived; <-arrived; close(both) }()
		b.answer = func(http.ResponseWriter, *http.Request, got) { arrived <- struct{}{}; <-both }
		s.Fail("push_duplicated")
		ok(t, s.Say("li", appA, "once"))
		settle(t, s)
		all := b.all()
		if len(all) != 2 || !all[0].genuine || !all[1].genuine || all[0].plain != all[1].plain || all[0].raw == all[1].raw {
			t.Errorf("got %v", all)
		}
	},
	"push_disordered": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushPlain)
		s.Fail("push_disordered")
		ok(t, s.Say("li", appA, "first"))
		ok(t, s.Say("li", appA, "second"))
		settle(t, s)
		all := b.all()
		if len(all) != 2 || !all[0].has("second") || !all[1].has("first") {
			t.Errorf("got %v", all)
		}
		s.Fail("push_disordered")
		ok(t, s.Say("li", appA, "alone"))
		ok(t, s.Pass(t.Context(), 3*time.Second))
		if all := b.all(); len(all) != 3 {
			t.Errorf("%d pushes, and the last never came", len(all))
		}
	},
	"push_lost_answer": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushSafe)
		s.Fail("push_lost_answer")
		ok(t, s.Say("li", appA, "hello"))
		ok(t, s.Pass(t.Context(), 10*time.Second))
		if all := b.all(); len(all) != 2 || all[0].plain != all[1].plain || s.Pushes(appA)[1].Outcome != PushAnswered {
			t.Errorf("got %v", all)
		}
	},
	"push_slow": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushPlain)
		s.Fail("push_slow")
		ok(t, s.Say("li", appA, "hello"))
		if settle(t, s); len(b.all()) != 0 {
			t.Error("it came at once")
		}
		happened := s.Pushes(appA)[1].At
		ok(t, s.Pass(t.Context(), 30*time.Second))
		g := b.last(t, s)
		if g.query.Get("timestamp") == "" || !g.has("<CreateTime>"+decimal(happened.Unix())+"<") || g.query.Get("timestamp") < decimal(happened.Unix()+30) {
			t.Errorf("got %v", g)
		}
	},
	"push_truncated": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushPlain)
		b.answer = func(w http.ResponseWriter, _ *http.Request, g got) {
			if !strings.HasSuffix(g.raw, "</xml>") {
				w.WriteHeader(http.StatusBadRequest)
			}
		}
		s.Fail("push_truncated")
		ok(t, s.Say("li", appA, "hello"))
		ok(t, s.Pass(t.Context(), 5*time.Second))
		if all := b.all(); len(all) != 2 || !all[0].genuine || strings.HasSuffix(all[0].raw, "</xml>") || !all[1].has("hello") {
			t.Errorf("got %v", all)
		}
	},
	"push_foreign": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushSafe)
		b.answer = func(w http.ResponseWriter, _ *http.Request, g got) {
			if g.plain == "" {
				w.WriteHeader(http.StatusForbidden)
			}
		}
		s.Fail("push_foreign")
		ok(t, s.Say("li", appA, "hello"))
		ok(t, s.Pass(t.Context(), 5*time.Second))
		if all := b.all(); len(all) != 2 || all[0].plain != "" || !all[0].genuine || !all[1].has("hello") {
			t.Errorf("got %v", all)
		}
	},
	"push_forged": func(t *testing.T, s *Server) {
		for _, mode := range pushModes {
			if err := s.SetPush(appA, "", "", "", ""); err != nil {
				t.Fatal(err)
			}
			ok(t, s.Follow("li", appA, false))
			b := greeted(t, s, mode)
			s.Fail("push_forged")
			ok(t, s.Say("li", appA, "hello"))
			settle(t, s)
			all := b.all()
			if len(all) != 2 || all[0].genuine || !all[1].genuine || !all[0].has("hello") {
				t.Errorf("%s: got %v", mode, all)
			}
			pushes := s.Pushes(appA)
			if p := pushes[len(pushes)-1]; !p.Tries[0].Forged || p.Tries[1].Forged || p.Outcome != PushAnswered {
				t.Errorf("%s: %+v", mode, p)
			}
		}
	},
	"push_replayed": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushSafe)
		s.Fail("push_replayed")
		ok(t, s.Say("li", appA, "hello"))
		first := b.last(t, s)
		ok(t, s.Pass(t.Context(), 10*time.Minute))
		again := b.last(t, s)
		if first.raw != again.raw || first.query.Encode() != again.query.Encode() {
			t.Errorf("%v came back as %v", first, again)
		}
	},
	"qr_exhausted": func(t *testing.T, s *Server) {
		s.Fail("qr_exhausted")
		errcode(t, tell(t, s, qrPath, tokenOf(t, s, appA), `{"action_name":"QR_LIMIT_SCENE","action_info":{"scene":{"scene_id":1}}}`), "45029")
	},
	"template_failed": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushPlain)
		s.Fail("template_failed")
		errcode(t, sendLogin(t, s, "li", ""), "0")
		ok(t, s.Pass(t.Context(), 5*time.Second))
		if g := b.last(t, s); !g.has("<Status><![CDATA[failed: system failed]]></Status>") || len(s.Chat("li", appA)) != 0 {
			t.Errorf("got %v, chat %v", g, s.Chat("li", appA))
		}
	},
	"template_result_lost": func(t *testing.T, s *Server) {
		b := greeted(t, s, PushPlain)
		s.Fail("template_result_lost")
		errcode(t, sendLogin(t, s, "li", ""), "0")
		ok(t, s.Pass(t.Context(), time.Minute))
		if len(b.all()) != 0 || len(s.Chat("li", appA)) != 1 {
			t.Errorf("got %v, chat %v", b.all(), s.Chat("li", appA))
		}
	},
}
