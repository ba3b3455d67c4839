package wechat_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

const (
	tokenPath  = "/cgi-bin/stable_token"
	fanPath    = "/cgi-bin/user/info"
	createPath = "/cgi-bin/qrcode/create"
	sendPath   = "/cgi-bin/message/template/send"
	miniPath   = "/sns/jscode2session"
)

// notOurs is a fault of pushes, which the client doesn't take: package push and the
// inbox are held to it.
func notOurs(*testing.T, *stage, string) {}

// struck makes a call of an office, and a fault strikes it.
func struck(t *testing.T, name, path string, must outcome, call func(*office) error) (*office, *wechat.Error) {
	t.Helper()
	s := newOffice(t)
	s.Fail(name, wechatsim.On(path))
	e := s.verdict(t, path, call(s), must, s.OpenID("ming", appID), s.as.Token)
	if len(s.Armed()) != 0 {
		t.Errorf("it never struck: %v", s.Armed())
	}
	return s, e
}

func atToken(must outcome) func(*testing.T, *stage, string) {
	return func(t *testing.T, _ *stage, name string) {
		_, e := struck(t, name, tokenPath, must, func(s *office) error {
			_, err := s.client.StableToken(t.Context(), appID, secret, false)
			return err
		})
		if e.Hint == "" {
			t.Error("the operator isn't told")
		}
	}
}

func atFan(must outcome) func(*testing.T, *stage, string) {
	return func(t *testing.T, _ *stage, name string) {
		struck(t, name, fanPath, must, func(s *office) error { return s.fan(t) })
	}
}

func (s *office) fan(t *testing.T) error {
	_, err := s.client.Fan(t.Context(), s.as, s.OpenID("ming", appID))
	return err
}

// The answer says two hours, WeChat thinks better of it, and 42001 is the truth.
func playTokenExpiresEarly(t *testing.T, _ *stage, name string) {
	s := newOffice(t)
	s.Fail(name)
	f, err := s.client.AccessToken(t.Context(), appID, secret)
	if check(t, err) != nil || f.Life != 2*time.Hour || len(s.Armed()) != 0 {
		t.Fatalf("got %v, %v", f, err)
	}
	s.as.Token = f.Token
	s.ok(t, s.fan(t))
	s.Advance(2 * time.Minute)
	s.forget()
	s.verdict(t, fanPath, s.fan(t), outcome{wechat.ClassRefresh, 42001, 1}, f.Token)
}

func playTokenStale(t *testing.T, _ *stage, name string) {
	s := newOffice(t)
	s.KillTokens(appID)
	s.Fail(name)
	dead, err := s.client.StableToken(t.Context(), appID, secret, false)
	if check(t, err) != nil || len(s.Armed()) != 0 {
		t.Fatal(err)
	}
	s.as.Token = dead.Token
	s.verdict(t, fanPath, s.fan(t), outcome{wechat.ClassRefresh, 40001, 1}, dead.Token)
	good, err := s.client.StableToken(t.Context(), appID, secret, true)
	if check(t, err) != nil || good.Token == dead.Token {
		t.Fatalf("forced: %v", err)
	}
	s.as.Token = good.Token
	s.ok(t, s.fan(t))
}

func playQuotaSpent(t *testing.T, _ *stage, name string) {
	s, e := struck(t, name, fanPath, outcome{wechat.ClassRetry, 45009, 1}, func(s *office) error { return s.fan(t) })
	china := time.FixedZone("", 8*60*60)
	if h, m, sec := e.Until.In(china).Clock(); h+m+sec != 0 || !e.Until.After(s.Now()) || e.Until.Sub(s.Now()) > 24*time.Hour {
		t.Errorf("until %v", e.Until)
	}
	u := s.client.Usage()
	if len(u) != 1 || u[0].Today != 1 || u[0].LastCode != 45009 || !u[0].SpentUntil.Equal(e.Until) {
		t.Errorf("usage %+v", u)
	}
}

func playUserAtRisk(t *testing.T, _ *stage, name string) {
	struck(t, name, miniPath, outcome{wechat.ClassUser, 40226, 1}, func(s *office) error {
		_, err := s.client.Code2Session(t.Context(), miniApp, secret, s.MiniLogin("ming", miniApp))
		return err
	})
}

func playQRExhausted(t *testing.T, _ *stage, name string) {
	_, e := struck(t, name, createPath, outcome{wechat.ClassConfig, 45029, 1}, func(s *office) error {
		_, err := s.client.CreateQR(t.Context(), s.as, wechat.QROrder{Scene: "a", Permanent: true})
		return err
	})
	if !strings.Contains(e.Hint, "temporary") {
		t.Errorf("hint %q", e.Hint)
	}
}

// What becomes of a message is told later, or never: to the client it is sent.
func playTemplate(t *testing.T, _ *stage, name string) {
	struck(t, name, sendPath, outcome{calls: 1}, func(s *office) error {
		id, err := s.client.SendTemplate(t.Context(), s.as, wechat.TemplateMessage{
			To: s.OpenID("ming", appID), TemplateID: s.parcelTemplate(t, false), Data: parcel,
		})
		if err == nil && id <= 1<<53 {
			t.Errorf("msgid %d", id)
		}
		return err
	})
}
