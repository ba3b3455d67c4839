package inbox_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// subscribers configures an inbox with those of its account.
func subscribers(list ...inbox.Subscriber) func(*inbox.Config) {
	return func(c *inbox.Config) {
		c.Subscribers = func(id string) []inbox.Subscriber {
			if id != appID {
				return nil
			}
			return list
		}
	}
}

func TestForward(t *testing.T) {
	t.Parallel()
	for _, mode := range []push.Mode{push.Plain, push.Compatible, push.Safe} {
		for _, from := range []push.Mode{push.Plain, push.Compatible, push.Safe} {
			t.Run("a backend in the mode "+string(mode)+" takes a push of an account in the mode "+string(from)+" for WeChat's own", func(t *testing.T) {
				t.Parallel()
				b := subscribe(t, mode, nil)
				w := start(t, subscribers(b.as("crm")))
				w.keys.Mode = from
				w.push(text(1, "你好 ]]&gt; 😀"))
				w.step()
				if got := b.got(); len(got) != 1 || !strings.Contains(got[0], "你好 ]]&gt; 😀") {
					t.Errorf("it has read %q", got)
				}
				w.wantSeen(map[string]int{"accepted": 1, "delivered": 1})
			})
		}
	}
	t.Run("each gets the types that it wants", func(t *testing.T) {
		t.Parallel()
		all, events, texts, scans := subscribe(t, push.Safe, nil), subscribe(t, push.Safe, nil), subscribe(t, push.Plain, nil), subscribe(t, push.Plain, nil)
		w := start(t, subscribers(all.as("all"), events.as("events", "event"), texts.as("texts", "text", "image"), scans.as("scans", "event:SCAN")))
		w.push(text(1, "a"))
		w.push(event("SCAN", "<EventKey>1</EventKey>"))
		w.push(event("CLICK", "<EventKey>M</EventKey>"))
		w.step()
		for b, want := range map[*backend]int{all: 3, events: 2, texts: 1, scans: 1} {
			if got := b.got(); len(got) != want {
				t.Errorf("got %q, want %d", got, want)
			}
		}
		w.wantHeard("scan")
	})
	t.Run("what is about one visitor comes in its order, also after a failure", func(t *testing.T) {
		t.Parallel()
		b := subscribe(t, push.Safe, nil)
		var broken atomic.Bool
		broken.Store(true)
		front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if broken.Load() {
				rw.WriteHeader(http.StatusInternalServerError)
				return
			}
			b.Config.Handler.ServeHTTP(rw, r)
		}))
		defer front.Close()
		s := b.as("crm")
		s.URL = front.URL + "/wx?site=7"
		w := start(t, subscribers(s))
		for i := range 3 {
			w.push(text(i+1, "n"+string(rune('1'+i))))
			w.step()
		}
		broken.Store(false)
		w.step()
		if len(b.got()) != 0 {
			t.Error("it is tried again at once")
		}
		w.advance(time.Minute)
		w.step()
		got := b.got()
		if len(got) != 3 || !strings.Contains(got[0], "n1") || !strings.Contains(got[1], "n2") || !strings.Contains(got[2], "n3") {
			t.Errorf("got %q", got)
		}
		w.wantSeen(map[string]int{"accepted": 3, "failed status_500": 1, "delivered": 3})
	})
	t.Run("a backend that comes back gets all that has waited at once, and wasn't tried for all of it", func(t *testing.T) {
		t.Parallel()
		for _, visitors := range []int{8, 16} {
			comesBack(t, visitors)
		}
	})
	t.Run("a dead backend delays nobody else", func(t *testing.T) {
		t.Parallel()
		hanging := make(chan struct{})
		dead := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-hanging }))
		defer dead.Close()
		defer close(hanging)
		live := subscribe(t, push.Safe, nil)
		s := live.as("dead")
		s.URL = dead.URL
		w := start(t, subscribers(s, live.as("live")))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan struct{})
		go func() { defer close(ended); w.Run(ctx) }()
		w.push(event("subscribe", ""))
		until(t, func() bool { return len(live.got()) == 1 })
		until(t, func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.heard) == 1 })
		w.push(text(1, "a"))
		until(t, func() bool { return len(live.got()) == 2 })
		cancel()
		<-ended
	})
	t.Run("who is taken out of the configuration and put back gets what he has missed", func(t *testing.T) {
		t.Parallel()
		b := subscribe(t, push.Safe, nil)
		var there atomic.Bool
		there.Store(true)
		w := start(t, func(c *inbox.Config) {
			c.Subscribers = func(string) []inbox.Subscriber {
				if there.Load() {
					return []inbox.Subscriber{b.as("crm")}
				}
				return nil
			}
		})
		w.push(text(1, "a"))
		there.Store(false)
		w.step()
		there.Store(true)
		w.advance(time.Hour)
		w.step()
		if len(b.got()) != 1 {
			t.Errorf("got %q", b.got())
		}
		w.wantSeen(map[string]int{"accepted": 1, "failed no_subscriber": 1, "delivered": 1})
	})
}

// comesBack has a backend out of order for a while, and so many visitors wait for it.
func comesBack(t *testing.T, visitors int) {
	var broken atomic.Bool
	var took atomic.Int64
	broken.Store(true)
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		took.Add(1)
	}))
	defer front.Close()
	w := start(t, subscribers(inbox.Subscriber{Name: "crm", URL: front.URL, Keys: account}))
	for i := range visitors {
		w.push(strings.ReplaceAll(text(i+1, "a"), openID, "oVISITOR"+string(rune('a'+i))))
	}
	for range 4 {
		w.step()
		lines, err := w.store.PushLines(t.Context(), appID)
		if err != nil || lines[0].Waiting != int64(visitors) || lines[0].Error != "status_503" || !lines[0].Next.After(w.clock()) {
			t.Fatalf("the lines are %+v, %v", lines, err)
		}
		w.advance(lines[0].Next.Sub(w.clock()))
	}
	if n := w.count("failed status_503"); n > 4*15 {
		t.Errorf("although nobody answered it was tried %d times", n)
	}
	broken.Store(false)
	w.step()
	if took.Load() != int64(visitors) {
		t.Errorf("it gets %d of %d", took.Load(), visitors)
	}
}

// until polls something that goroutines bring about.
func until(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("it doesn't happen")
		}
	}
}

func TestSecurityForward(t *testing.T) {
	t.Parallel()
	code := func(t *testing.T, url string, change func(*inbox.Config)) map[string]int {
		t.Helper()
		s := inbox.Subscriber{Name: "crm", URL: url, Keys: account}
		w := start(t, subscribers(s), change)
		w.push(text(1, "a"))
		w.step()
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.seen
	}
	keep := func(*inbox.Config) {}
	public := func(c *inbox.Config) { c.Networks = nil }
	t.Run("T220 a redirect isn't followed", func(t *testing.T) {
		t.Parallel()
		inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
		defer inner.Close()
		outer := httptest.NewServer(http.RedirectHandler(inner.URL, http.StatusTemporaryRedirect))
		defer outer.Close()
		if seen := code(t, outer.URL, keep); seen["failed redirect"] != 1 {
			t.Errorf("observed %v", seen)
		}
	})
	t.Run("T220 a private address isn't reached unless it is allowed", func(t *testing.T) {
		t.Parallel()
		inner := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
		defer inner.Close()
		for _, url := range []string{inner.URL, strings.Replace(inner.URL, "127.0.0.1", "localhost", 1), "http://169.254.169.254/", "https://[::1]/", "file:///etc/passwd", "https://user:pw@example.com/"} {
			if seen := code(t, url, public); seen["failed address"] != 1 {
				t.Errorf("%s: observed %v", url, seen)
			}
		}
	})
	t.Run("T220 a name that leads to a private address reaches nothing, and plain http never leaves the networks", func(t *testing.T) {
		t.Parallel()
		for ip, url := range map[string]string{"127.0.0.1": "https://crm.example.com/", "169.254.169.254": "https://crm.example.com/", "93.184.216.34": "http://crm.example.com/"} {
			seen := code(t, url, func(c *inbox.Config) {
				c.Resolver = answering(t, ip)
				if strings.HasPrefix(url, "https") {
					c.Networks = nil
				}
			})
			if seen["failed private_address"] != 1 {
				t.Errorf("%s at %s: observed %v", url, ip, seen)
			}
		}
	})
	t.Run("T223 an answer that doesn't come ends", func(t *testing.T) {
		t.Parallel()
		hanging := make(chan struct{})
		slow := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusOK)
			rw.(http.Flusher).Flush()
			<-hanging
		}))
		defer slow.Close()
		defer close(hanging)
		if seen := code(t, slow.URL, func(c *inbox.Config) { c.Timeout = 50 * time.Millisecond }); seen["failed timeout"] != 1 {
			t.Errorf("observed %v", seen)
		}
	})
	t.Run("T223 an answer that doesn't end is cut, and is no reply", func(t *testing.T) {
		t.Parallel()
		var sent atomic.Int64
		huge := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			for chunk := []byte(strings.Repeat("a", 1<<16)); r.Context().Err() == nil && sent.Load() < 1<<30; sent.Add(1 << 16) {
				if _, err := rw.Write(chunk); err != nil {
					return
				}
			}
		}))
		defer huge.Close()
		w := start(t, subscribers(inbox.Subscriber{Name: "crm", URL: huge.URL, Keys: account, Reply: true}))
		if answer := w.push(text(1, "a")); len(answer.Body) != 0 || sent.Load() >= 1<<30 {
			t.Errorf("after %d bytes the answer is %q", sent.Load(), answer.Body)
		}
		w.wantSeen(map[string]int{"accepted": 1, "delivered": 1, "unreplied syntax": 1})
	})
	t.Run("T204 neither errors nor logs hold an openid, a URL or a key", func(t *testing.T) {
		t.Parallel()
		var log logged
		closed := httptest.NewServer(http.NotFoundHandler())
		closed.Close()
		w := start(t, subscribers(inbox.Subscriber{Name: "crm", URL: closed.URL + "/secret-path", Keys: account}), func(c *inbox.Config) {
			c.Log, c.DeadAfter = log.logger(), time.Second
		})
		w.push(text(1, "my-secret"))
		w.step()
		w.advance(time.Hour)
		w.step()
		lines := log.String()
		if !strings.Contains(lines, "unreachable") || !strings.Contains(lines, "dead letter") {
			t.Errorf("the log is %q", lines)
		}
		for _, secret := range []string{openID, "secret", aesKey, account.Token} {
			if strings.Contains(lines, secret) {
				t.Errorf("the log holds %q: %s", secret, lines)
			}
		}
		lettersOf := func() []inbox.Task {
			dead, err := w.store.DeadPushes(t.Context(), inbox.Line{AppID: appID, Target: "crm"}, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			return dead
		}
		if dead := lettersOf(); len(dead) != 1 || slices.Contains([]string{"", closed.URL}, dead[0].Error) {
			t.Errorf("the dead letters are %+v", dead)
		}
	})
}
