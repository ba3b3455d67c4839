package wechat_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// -1 means that WeChat didn't look at the request, so a code may be sent again.
func TestABusyWeChatIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		busy  int
		rand  func(int) int
		class wechat.Class
		calls int
		waits []time.Duration
	}{
		{"not at all", 0, low, "", 1, nil},
		{"once", 1, low, "", 2, []time.Duration{50 * time.Millisecond}},
		{"twice, without luck", 2, high, "", 3, []time.Duration{150*time.Millisecond - 1, 300*time.Millisecond - 1}},
		{"for ever", 1000, low, wechat.ClassRetry, 3, []time.Duration{50 * time.Millisecond, 100 * time.Millisecond}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			var waits []time.Duration
			c := newClient(t, wechat.Config{
				HTTP: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
					if calls++; calls <= tc.busy {
						return reply(http.StatusOK, refusal(-1, "system error")), nil
					}
					return reply(http.StatusOK, grantJSON), nil
				})},
				Rand:  tc.rand,
				Sleep: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil },
			})
			_, err := exchange(c)
			if e := check(t, err); (e == nil) != (tc.class == "") || e != nil && (e.Class != tc.class || e.Code != -1) {
				t.Errorf("got %v", e)
			}
			if calls != tc.calls || len(waits) != len(tc.waits) {
				t.Fatalf("%d calls, waits %v", calls, waits)
			}
			for i := range waits {
				if waits[i] != tc.waits[i] {
					t.Errorf("waits %v, want %v", waits, tc.waits)
				}
			}
		})
	}
	t.Run("until the caller goes away", func(t *testing.T) {
		t.Parallel()
		host := serve(t, says(refusal(-1, "system error")))
		c := newClient(t, wechat.Config{
			Hosts: []string{host.URL},
			Sleep: func(context.Context, time.Duration) error { return context.Canceled },
		})
		_, err := exchange(c)
		want(t, err, wechat.ClassRetry)
		if n := host.calls(); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

func low(int) int    { return 0 }
func high(n int) int { return n - 1 }
