package wechatsim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// site counts the callbacks that reach it, with what they carried.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func startSite(t testing.TB) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// login opens the authorize page for this site.
func (st *site) login(t testing.TB, s *Server, after string) page {
	t.Helper()
	return open(t, s, "ming", s.URL+"/connect/oauth2/authorize?appid="+appA+"&redirect_uri="+url.QueryEscape(st.URL+"/cb?r=1")+"&response_type=code&scope=snsapi_base&state=St4te"+after)
}

// called settles the simulator and returns the only request it made itself.
func (st *site) called(t testing.TB, s *Server) *http.Request {
	t.Helper()
	settle(t, s)
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.seen) != 1 || len(s.Sent()) != 1 || s.Sent()[0].Status != http.StatusOK {
		t.Fatalf("the site saw %d requests, the simulator sent %v", len(st.seen), s.Sent())
	}
	r := st.seen[0]
	if len(r.Cookies()) != 0 || !inWeChat(r) || r.URL.Query().Get("state") != "St4te" || r.URL.Query().Get("r") != "1" {
		t.Errorf("the site saw %s by %s with %d cookies", r.URL, r.UserAgent(), len(r.Cookies()))
	}
	return r
}

// atExchange checks a fault that answers an exchange with an errcode, and that the
// code stays good.
func atExchange(name, want string) func(*testing.T, *Server) {
	return func(t *testing.T, s *Server) {
		code := codeOf(t, s, "ming", appA, scopeBase)
		s.Fail(name)
		errcode(t, exchange(t, s, appA, code), want)
		if a := exchange(t, s, appA, code); a["openid"] == nil {
			t.Errorf("the code was used up: %v", a)
		}
	}
}

// atCall sends an exchange and returns what came, before JSON.
func atCall(t *testing.T, s *Server, name string) (page, error) {
	t.Helper()
	code := codeOf(t, s, "ming", appA, scopeBase)
	s.Fail(name)
	res, err := client(t).Get(s.URL + exchangePath + "?appid=" + appA + "&secret=" + secret + "&grant_type=authorization_code&code=" + code)
	if err != nil {
		return page{}, err
	}
	_ = res.Body.Close()
	return page{status: res.StatusCode, header: res.Header}, nil
}

// faultTests has one test for every fault; TestFaults insists.
var faultTests = map[string]func(*testing.T, *Server){
	"code_used":      atExchange("code_used", "40163"),
	"code_invalid":   atExchange("code_invalid", "40029"),
	"secret_changed": atExchange("secret_changed", "40125"),
	"busy":           atExchange("busy", "-1"),
	"rate_limited":   atExchange("rate_limited", "45011"),
	"ip_not_listed": func(t *testing.T, s *Server) {
		atExchange("ip_not_listed", "40164")(t, s)
		for _, r := range s.Requests() {
			if r.ErrCode() == 40164 && strings.Contains(r.Body, "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist") {
				return
			}
		}
		t.Errorf("no text with the address in %v", s.Requests())
	},
	"callback_twice": func(t *testing.T, s *Server) {
		st := startSite(t)
		s.Fail("callback_twice")
		code := codeIn(t, st.login(t, s, "&connect_redirect=1"))
		if r := st.called(t, s); r.URL.Query().Get("code") != code || r.UserAgent() == agents[0] {
			t.Errorf("the site saw %s by %s", r.URL, r.UserAgent())
		}
	},
	"two_codes": func(t *testing.T, s *Server) {
		st := startSite(t)
		s.Fail("two_codes")
		codeIn(t, st.login(t, s, "&connect_redirect=1"))
		if settle(t, s); len(s.Sent()) != 0 || len(s.Armed()) != 1 {
			t.Fatalf("it struck in spite of connect_redirect=1: %v", s.Sent())
		}
		code := codeIn(t, st.login(t, s, ""))
		first := st.called(t, s).URL.Query().Get("code")
		if first == code {
			t.Fatal("both codes are one")
		}
		for _, c := range []string{first, code} {
			if a := exchange(t, s, appA, c); a["openid"] != s.OpenID("ming", appA) {
				t.Errorf("answer %v", a)
			}
		}
	},
	"rerequest": func(t *testing.T, s *Server) {
		st := startSite(t)
		s.Fail("rerequest")
		code := codeIn(t, st.login(t, s, "&connect_redirect=1"))
		if len(s.Sent()) != 0 {
			t.Error("it didn't wait for the clock")
		}
		s.Advance(2 * time.Second)
		if r := st.called(t, s); r.URL.Query().Get("code") != code || r.UserAgent() == agents[0] {
			t.Errorf("the site saw %s by %s", r.URL, r.UserAgent())
		}
	},
	"snapshot": func(t *testing.T, s *Server) {
		s.Fail("snapshot")
		a := exchange(t, s, appA, codeIn(t, open(t, s, "ming", loginURL(s, appA, scopeUserInfo)))) // nobody is asked
		if a["is_snapshotuser"] != json.Number("1") || a["openid"] == s.OpenID("ming", appA) || len(a["openid"].(string)) != 28 || a["unionid"] == nil || a["unionid"] == s.UnionID("ming", appA) {
			t.Errorf("answer %v", a)
		}
		info := userInfo(t, s, a)
		if info["openid"] != a["openid"] || info["nickname"] == "小明" || info["is_snapshotuser"] != nil {
			t.Errorf("user info %v", info)
		}
		if b := exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeBase)); b["is_snapshotuser"] != nil || b["unionid"] != nil {
			t.Errorf("the next login: %v", b)
		}
	},
	"refuse_closes": func(t *testing.T, s *Server) {
		s.Answer(ConsentRefuse)
		s.Fail("refuse_closes")
		if p := open(t, s, "ming", loginURL(s, appA, scopeUserInfo)); p.status != http.StatusOK || p.header.Get("Location") != "" {
			t.Errorf("%d %v", p.status, p.header)
		}
	},
	"timeout_after_use": func(t *testing.T, s *Server) {
		code := codeOf(t, s, "ming", appA, scopeBase)
		s.Fail("timeout_after_use")
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		req := request(t, "GET", s.URL+exchangePath+"?appid="+appA+"&secret="+secret+"&grant_type=authorization_code&code="+code, nil)
		res, err := client(t).Do(req.WithContext(ctx))
		if err == nil {
			_ = res.Body.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		errcode(t, exchange(t, s, appA, code), "40163")
	},
	"missing_openid": func(t *testing.T, s *Server) {
		code := codeOf(t, s, "ming", appA, scopeBase)
		s.Fail("missing_openid")
		if a := exchange(t, s, appA, code); a["openid"] != nil || a["access_token"] == nil || a["errcode"] != nil {
			t.Errorf("answer %v", a)
		}
	},
	"slow": func(t *testing.T, s *Server) {
		code := codeOf(t, s, "ming", appA, scopeBase)
		s.Fail("slow", Delay(time.Hour))
		done := make(chan map[string]any)
		go func() { done <- exchange(t, s, appA, code) }()
		for { // until the clock has been moved after the call began to wait
			select {
			case a := <-done:
				if a["errcode"] == nil || a["errcode"] == json.Number("42003") {
					return // the code grew old meanwhile, as it should
				}
				t.Errorf("answer %v", a)
				return
			case <-time.After(time.Millisecond):
				s.Advance(time.Hour)
			}
		}
	},
	"host_down": func(t *testing.T, s *Server) {
		if p, err := atCall(t, s, "host_down"); err == nil {
			t.Errorf("an answer came: %d", p.status)
		}
		if last := s.Requests()[len(s.Requests())-1]; last.Status != 0 || !strings.Contains(last.String(), " cut fault host_down") {
			t.Errorf("recorded as %s", last)
		}
	},
	"http_500": func(t *testing.T, s *Server) {
		if p, err := atCall(t, s, "http_500"); err != nil || p.status != http.StatusInternalServerError {
			t.Errorf("%d, %v", p.status, err)
		}
	},
	"not_json": func(t *testing.T, s *Server) {
		p, err := atCall(t, s, "not_json")
		if err != nil || p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
			t.Errorf("%d %v, %v", p.status, p.header, err)
		}
	},
	"numbers_as_strings": func(t *testing.T, s *Server) {
		code := codeOf(t, s, "ming", appA, scopeBase)
		s.Fail("numbers_as_strings", Times(2))
		if a := exchange(t, s, appA, code); a["expires_in"] != "7200" {
			t.Errorf("answer %v", a)
		}
		if a := exchange(t, s, appA, code); a["errcode"] != "40163" {
			t.Errorf("answer %v", a)
		}
	},
	"unknown_fields": func(t *testing.T, s *Server) {
		code := codeOf(t, s, "ming", appA, scopeBase)
		s.Fail("unknown_fields")
		a := exchange(t, s, appA, code)
		if _, ok := a["new_in_2031"].(map[string]any); !ok || a["openid"] != s.OpenID("ming", appA) {
			t.Errorf("answer %v", a)
		}
	},
}
