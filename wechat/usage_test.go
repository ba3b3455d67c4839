package wechat_test

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// counted is a client with a clock and an answer that the test moves.
type counted struct {
	*wechat.Client
	now  time.Time
	body string
}

func newCounted(t testing.TB) *counted {
	t.Helper()
	// 23:30:15 in China.
	s := &counted{now: time.Date(2026, 5, 1, 15, 30, 15, 0, time.UTC), body: `{"openid":"` + openid + `","subscribe":0}`}
	s.Client = newClient(t, wechat.Config{HTTP: plays(&s.body), Now: func() time.Time { return s.now }})
	return s
}

func (s *counted) fan(t testing.TB) error {
	t.Helper()
	_, err := s.Fan(t.Context(), bearer, openid)
	return err
}

func TestUsageCountsWhatReachesWeChat(t *testing.T) {
	t.Parallel()
	s := newCounted(t)
	is := func(want ...wechat.Usage) {
		t.Helper()
		if got := s.Usage(); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	const info = "cgi-bin/user/info"
	is()
	_ = s.fan(t)
	_ = s.fan(t)
	is(wechat.Usage{AppID: appID, API: info, Today: 2, Minute: 2})
	_, _ = s.Fan(t.Context(), bearer, "a b") // is never sent
	is(wechat.Usage{AppID: appID, API: info, Today: 2, Minute: 2})
	s.body = refusal(40003, "invalid openid")
	_ = s.fan(t)
	s.body = refusal(-1, "system error")
	_ = s.fan(t) // three times
	is(wechat.Usage{AppID: appID, API: info, Today: 6, Minute: 6, Failed: 4, LastCode: -1})
	s.now = s.now.Add(45 * time.Second) // the next minute
	is(wechat.Usage{AppID: appID, API: info, Today: 6, Failed: 4, LastCode: -1})
	s.body = refusal(40003, "invalid openid")
	_ = s.fan(t)
	is(wechat.Usage{AppID: appID, API: info, Today: 7, Minute: 1, Failed: 5, LastCode: 40003})
	s.body = `{"errcode":0}`
	if err := s.Typing(t.Context(), wechat.Bearer{AppID: miniApp, Token: token}, openid, true); err != nil {
		t.Fatal(err)
	}
	_, _ = exchange(s.Client) // nonsense
	is(
		wechat.Usage{AppID: miniApp, API: "cgi-bin/message/custom/typing", Today: 1, Minute: 1},
		wechat.Usage{AppID: appID, API: info, Today: 7, Minute: 1, Failed: 5, LastCode: 40003},
		wechat.Usage{AppID: appID, API: "sns/oauth2/access_token", Today: 1, Minute: 1, Failed: 0},
	)
	s.now = s.now.Add(29 * time.Minute) // midnight in China
	is()
	_ = s.fan(t)
	is(wechat.Usage{AppID: appID, API: info, Today: 1, Minute: 1})
}

// An attempt that never left costs nothing, one without an answer does.
func TestUsageCountsByWhetherItLeft(t *testing.T) {
	t.Parallel()
	second := serve(t, hangsUp)
	c := newClient(t, wechat.Config{Hosts: []string{refused(t), refused(t), second.URL}})
	_, err := c.Fan(t.Context(), bearer, openid)
	want(t, err, wechat.ClassRetry)
	if u := c.Usage(); len(u) != 1 || u[0].Today != 1 || u[0].Failed != 1 || u[0].LastCode != 0 {
		t.Errorf("got %+v", u)
	}
}

func TestASpentQuotaSaysUntilWhen(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 5, 1, 16, 0, 0, 0, time.UTC)
	minute := time.Date(2026, 5, 1, 15, 31, 0, 0, time.UTC)
	for _, tc := range []struct {
		code    int
		message string
		until   time.Time
		spent   bool
	}{
		{45009, "reach max api daily quota limit, rid: 6949fe38-0627ff0d-47df91c7", midnight, true},
		{45009, "api freq out of limit", midnight, true},
		{45009, "reach max api minute quota limit", minute, true},
		{45011, "api minute-quota reach limit  mustslower", minute, true},
		{89507, "refused", minute.Add(59*time.Minute + 15*time.Second), false},
		{89506, "refused", minute.Add(24*time.Hour - 45*time.Second), false},
		{40003, "invalid openid", time.Time{}, false},
	} {
		t.Run(fmt.Sprintf("%d %s", tc.code, tc.message), func(t *testing.T) {
			t.Parallel()
			s := newCounted(t)
			s.body = refusal(tc.code, tc.message)
			if e := check(t, s.fan(t)); !e.Until.Equal(tc.until) {
				t.Errorf("until %v, want %v", e.Until, tc.until)
			}
			spent := tc.until
			if !tc.spent {
				spent = time.Time{}
			}
			if got := s.Usage()[0].SpentUntil; !got.Equal(spent) {
				t.Errorf("spent until %v, want %v", got, spent)
			}
			if s.now = tc.until; tc.until.Before(midnight) && tc.spent {
				if u := s.Usage(); len(u) != 1 || !u[0].SpentUntil.IsZero() {
					t.Errorf("a minute later: %+v", u)
				}
			}
		})
	}
}

func TestAClearedQuotaIsNoLongerSpent(t *testing.T) {
	t.Parallel()
	spent := func(t *testing.T) *counted {
		s := newCounted(t)
		s.body = refusal(45009, "reach max api daily quota limit")
		for _, as := range []wechat.Bearer{bearer, {AppID: miniApp, Token: token}} {
			_, _ = s.Fan(t.Context(), as, openid)
			_, _ = s.FanPage(t.Context(), as, "")
		}
		s.body = `{"errcode":0}`
		return s
	}
	left := func(s *counted) int {
		n := 0
		for _, u := range s.Usage() {
			if !u.SpentUntil.IsZero() {
				n++
			}
		}
		return n
	}
	for _, tc := range []struct {
		name  string
		clear func(*counted) error
		left  int
	}{
		{"all of the account", func(s *counted) error { return s.ClearQuota(t.Context(), bearer) }, 2},
		{"all of the account, by its secret", func(s *counted) error { return s.ClearQuotaBySecret(t.Context(), appID, secret) }, 2},
		{"one API", func(s *counted) error { return s.ClearAPIQuota(t.Context(), bearer, "/cgi-bin/user/info") }, 3},
		{"a refusal clears nothing", func(s *counted) error {
			s.body = refusal(48006, "forbid to clear quota because of reaching the limit")
			if err := s.ClearQuota(t.Context(), bearer); err == nil {
				return http.ErrAbortHandler
			}
			return nil
		}, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := spent(t)
			if err := tc.clear(s); err != nil {
				t.Fatal(err)
			}
			if n := left(s); n != tc.left {
				t.Errorf("%d are spent, want %d", n, tc.left)
			}
		})
	}
}
