package wechat_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// fleet plays two hosts, each of which may be down, and notes who was asked.
type fleet struct {
	asked []string
	down  map[string]bool
}

func (f *fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	f.asked = append(f.asked, r.URL.Host)
	if f.down[r.URL.Host] {
		return nil, syscall.ECONNREFUSED
	}
	return reply(http.StatusOK, `{"openid":"`+openid+`","access_token":"T"}`), nil
}

// take gives what was asked since the last time.
func (f *fleet) take() string {
	s := strings.Join(f.asked, " ")
	f.asked = nil
	return s
}

// pass lets time go by, inside a bubble of synctest.
func pass(d time.Duration) { <-time.After(d) }

func TestABrokenHostIsLeftAloneForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{down: map[string]bool{}}
		c := newClient(t, wechat.Config{Hosts: []string{"https://a", "https://b"}, HTTP: &http.Client{Transport: f}, Trip: 3, Cool: 10 * time.Second})
		g := granted(t, c)
		info := func(want string) error {
			t.Helper()
			f.take()
			_, err := c.UserInfo(t.Context(), g)
			check(t, err)
			if got := f.take(); got != want {
				t.Errorf("asked %q, want %q", got, want)
			}
			return err
		}
		info("a")

		f.down["a"] = true
		for range 3 {
			info("a b")
		}
		info("b") // open
		pass(10*time.Second - 1)
		info("b")
		pass(2)
		info("a b") // half open, and it fails
		info("b")

		f.down["a"] = false
		pass(10*time.Second + 1)
		info("a") // half open, and it works
		info("a")

		f.down["a"], f.down["b"] = true, true
		for range 3 {
			if err := info("a b"); err == nil {
				t.Error("no error with both hosts down")
			}
		}
		if err := info(""); !errors.Is(err, wechat.ErrNoHost) {
			t.Errorf("both hosts left alone: %v", err)
		}
		_, err := exchange(c)
		if e := want(t, err, wechat.ClassRetry); !errors.Is(e, wechat.ErrNoHost) {
			t.Errorf("both hosts left alone: %v", e)
		}
	})
}

func TestFailuresInBetweenDoNotTrip(t *testing.T) {
	t.Parallel()
	f := &fleet{down: map[string]bool{}}
	c := newClient(t, wechat.Config{Hosts: []string{"https://a"}, HTTP: &http.Client{Transport: f}, Trip: 2})
	for i := range 20 {
		f.down["a"] = i%2 == 0
		f.take()
		_, _ = exchange(c)
		if f.take() != "a" {
			t.Fatal("the host was left alone")
		}
	}
}

// Errcodes and visitors who go away say nothing about a host.
func TestOnlyTroubleOfTheHostTripsIt(t *testing.T) {
	t.Parallel()
	t.Run("errcodes", func(t *testing.T) {
		t.Parallel()
		host := serve(t, says(refusal(40029, "invalid code")))
		c := newClient(t, wechat.Config{Hosts: []string{host.URL}, Trip: 1})
		for range 5 {
			_, err := exchange(c)
			want(t, err, wechat.ClassRestart)
		}
	})
	t.Run("visitors who go away", func(t *testing.T) {
		t.Parallel()
		leave := func() {}
		n := 0
		c := newClient(t, wechat.Config{Trip: 1, HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			n++
			leave()
			return nil, r.Context().Err()
		})}})
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			leave = cancel
			_, err := c.Exchange(ctx, appID, secret, code)
			want(t, err, wechat.ClassRetry)
			cancel()
		}
		if n != 5 {
			t.Errorf("the host was asked %d times", n)
		}
	})
	t.Run("but time-outs of callers do trip it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			n := 0
			c := newClient(t, wechat.Config{Hosts: []string{"https://a"}, Trip: 2, HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
				n++
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}})
			for range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				_, err := c.Exchange(ctx, appID, secret, code)
				want(t, err, wechat.ClassRetry)
				cancel()
			}
			if n != 2 {
				t.Errorf("the host was asked %d times", n)
			}
		})
	})
}

// Who runs out of time at one host leaves none for the next, which is not to blame.
func TestALateCallerDoesNotTripTheNextHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newScene(t, grantJSON).grant
		var asked []string
		c := newClient(t, wechat.Config{Hosts: []string{"https://a", "https://b"}, Trip: 1, HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Host)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.UserInfo(ctx, g)
		if want(t, err, wechat.ClassRetry); len(asked) != 1 {
			t.Errorf("asked %q", asked)
		}
	})
}

// Without Config.Sleep the client really waits, and wakes when it is told to.
func TestTheDefaultSleepWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := wechat.NewClient(wechat.Config{Rand: low, HTTP: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
			return reply(http.StatusOK, refusal(-1, "system error")), nil
		})}})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err = exchange(c)
		want(t, err, wechat.ClassRetry)
		if d := time.Since(begin); d != 150*time.Millisecond {
			t.Errorf("waited %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		begin = time.Now()
		_, err = c.Exchange(ctx, appID, secret, code)
		want(t, err, wechat.ClassRetry)
		if d := time.Since(begin); d != time.Millisecond {
			t.Errorf("waited %v", d)
		}
	})
}
