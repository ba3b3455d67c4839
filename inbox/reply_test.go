package inbox_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// says is a backend's answer: a text to the visitor, in the mode of its keys.
func says(t *testing.T, keys push.Keys, content string) string {
	t.Helper()
	plain, err := push.Reply{To: openID, From: origin, At: t0, Type: "text", Content: content}.XML()
	if err != nil {
		t.Error(err)
	}
	body, err := keys.Seal(push.Message{}, plain, "77", t0, random)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

// heardBack is the text that the visitor gets.
func (w *world) heardBack(answer inbox.Answer) string {
	w.t.Helper()
	plain, err := w.keys.OpenReply(answer.Body)
	if err != nil {
		w.t.Fatalf("%s: %v", answer.Body, err)
	}
	if plain == nil {
		return ""
	}
	reply, err := push.ReadReply(plain)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply.Content
}

func TestReply(t *testing.T) {
	t.Parallel()
	replying := func(s inbox.Subscriber) inbox.Subscriber {
		s.Reply = true
		return s
	}
	for _, mode := range []push.Mode{push.Plain, push.Compatible, push.Safe} {
		for _, to := range []push.Mode{push.Plain, push.Compatible, push.Safe} {
			t.Run("what a backend in the mode "+string(mode)+" answers, the visitor of an account in the mode "+string(to)+" hears", func(t *testing.T) {
				t.Parallel()
				b := subscribe(t, mode, nil)
				b.answer = func(string) string { return says(t, b.keys, "好的") }
				w := start(t, subscribers(replying(b.as("crm", "text"))))
				w.keys.Mode = to
				answer := w.push(text(1, "a"))
				if got := w.heardBack(answer); got != "好的" || !strings.HasPrefix(answer.ContentType, "text/xml") {
					t.Errorf("he hears %q, as %s", got, answer.ContentType)
				}
				w.advance(time.Hour)
				w.step()
				if got := b.got(); len(got) != 1 {
					t.Errorf("the backend was asked %d times", len(got))
				}
				w.wantSeen(map[string]int{"accepted": 1, "delivered": 1, "replied": 1})
			})
		}
	}
	t.Run("a backend with nothing to say, or with nonsense, leaves the answer empty", func(t *testing.T) {
		t.Parallel()
		other, err := push.Reply{To: "oSOMEBODYELSE", From: origin, At: t0, Type: "text", Content: "a"}.XML()
		if err != nil {
			t.Fatal(err)
		}
		for answer, code := range map[string]string{"": "", "success": "", "<html>Error</html>": "syntax", "<xml></xml>": "reply", string(other): "reply"} {
			b := subscribe(t, push.Plain, func(string) string { return answer })
			w := start(t, subscribers(replying(b.as("crm"))))
			if got := w.push(text(1, "a")); len(got.Body) != 0 {
				t.Errorf("%q is answered by %q", answer, got.Body)
			}
			want := map[string]int{"accepted": 1, "delivered": 1}
			if code != "" {
				want["unreplied "+code] = 1
			}
			w.wantSeen(want)
		}
	})
	t.Run("a slow backend leaves the answer empty in time, and gets the push again", func(t *testing.T) {
		t.Parallel()
		hanging := make(chan struct{})
		var asked atomic.Int64
		b := subscribe(t, push.Safe, func(string) string {
			if asked.Add(1) == 1 {
				<-hanging
			}
			return "success"
		})
		defer close(hanging)
		w := start(t, subscribers(replying(b.as("crm"))), func(c *inbox.Config) { c.ReplyWithin = 50 * time.Millisecond })
		if got := w.push(text(1, "a")); len(got.Body) != 0 {
			t.Errorf("the answer is %q", got.Body)
		}
		w.step()
		if asked.Load() != 1 {
			t.Error("it is asked again while it may still answer")
		}
		w.advance(time.Minute)
		w.step()
		if asked.Load() != 2 {
			t.Errorf("it was asked %d times", asked.Load())
		}
		w.wantSeen(map[string]int{"accepted": 1, "unreplied timeout": 1, "delivered": 1})
	})
	for name, elsewhere := range map[string]bool{"joins the first try that still waits": false, "joins it on another node, too": true} {
		t.Run("WeChat's retry "+name, func(t *testing.T) {
			t.Parallel()
			begun, answering := make(chan struct{}), make(chan struct{})
			var asked atomic.Int64
			b := subscribe(t, push.Safe, nil)
			b.answer = func(string) string {
				if asked.Add(1) == 1 {
					close(begun)
				}
				<-answering
				return says(t, b.keys, "好的")
			}
			path, shared := freshtest.SQLite(t), cluster.NewMemory(time.Now)
			w := join(t, path, shared, "node1", subscribers(replying(b.as("crm"))), patient)
			second := w
			if elsewhere {
				second = join(t, path, shared, "node2", subscribers(replying(b.as("crm"))), patient)
			}
			answers := make(chan string, 2)
			send := func(w *world) {
				p := w.post(text(1, "a"))
				answer, err := w.Accept(t.Context(), appID, p.Query, p.ContentType, p.Body)
				if err != nil {
					t.Error(err)
				}
				answers <- w.heardBack(answer)
			}
			go send(w)
			<-begun
			go send(second)
			until(t, func() bool { second.mu.Lock(); defer second.mu.Unlock(); return second.seen["duplicate"] == 1 })
			close(answering)
			for range 2 {
				if got := <-answers; got != "好的" {
					t.Errorf("the visitor hears %q", got)
				}
			}
			send(second) // a third try, after it is over
			if got := <-answers; got != "好的" || asked.Load() != 1 {
				t.Errorf("the third time he hears %q, and the backend was asked %d times", got, asked.Load())
			}
		})
	}
	t.Run("of several who may reply the first one does, and the others hear it all the same", func(t *testing.T) {
		t.Parallel()
		one, two := subscribe(t, push.Plain, nil), subscribe(t, push.Plain, nil)
		one.answer = func(string) string { return says(t, one.keys, "one") }
		two.answer = func(string) string { return says(t, two.keys, "two") }
		w := start(t, subscribers(replying(one.as("one", "text")), replying(two.as("two"))))
		if got := w.heardBack(w.push(text(1, "a"))); got != "one" {
			t.Errorf("the visitor hears %q", got)
		}
		if got := w.heardBack(w.push(event("CLICK", ""))); got != "two" {
			t.Errorf("after a click he hears %q", got)
		}
		w.step()
		if len(one.got()) != 1 || len(two.got()) != 2 {
			t.Errorf("they got %q and %q", one.got(), two.got())
		}
	})
}

// patient waits longer for replies than a slow machine needs.
func patient(c *inbox.Config) { c.ReplyWithin = 20 * time.Second }
