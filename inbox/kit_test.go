package inbox_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

const (
	appID  = "wx0123456789abcdef"
	openID = "oABCDuHd9pJ6xsn4mS7GyL4HxqI4"
	origin = "gh_0a1b2c3d4e5f"
	aesKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// account are the keys of the account of the tests, which is in the mode safe.
var account = push.Keys{AppID: appID, Token: "AAAAA", AESKeys: []string{aesKey}, Mode: push.Safe}

// t0 is when the tests begin.
var t0 = time.Unix(1700000000, 0).UTC()

// random fills in real randomness.
func random(b []byte) { _, _ = rand.Read(b) }

// world is an inbox with all that it needs, on a clock of its own.
type world struct {
	*inbox.Inbox
	t     *testing.T
	store *sqlstore.Store

	mu    sync.Mutex
	now   time.Time
	keys  push.Keys
	seen  map[string]int // "what code", counted
	heard []string       // what handlers were told, in order
	fail  func(what string) error
}

// start makes an inbox on empty facts. change may alter its configuration.
func start(t *testing.T, change ...func(*inbox.Config)) *world {
	t.Helper()
	return join(t, freshtest.SQLite(t), cluster.NewMemory(time.Now), "node1", change...)
}

// join makes an inbox on facts that another one may have, too.
func join(t *testing.T, path string, shared inbox.Shared, holder string, change ...func(*inbox.Config)) *world {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w := &world{t: t, store: store, now: t0, keys: account, seen: map[string]int{}}
	networks, err := outbox.ParseNetworks([]string{"private"})
	if err != nil {
		t.Fatal(err)
	}
	c := inbox.Config{
		Store: store, Sealer: sealer(t), Followers: store, Shared: shared, Networks: networks, Holder: holder, Now: w.clock, Random: random,
		Keys: func(id string) (push.Keys, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.keys, id == appID
		},
		Observe: func(o inbox.Observation) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen[strings.TrimSpace(o.What+" "+o.Code)]++
		},
		Handlers: inbox.Handlers{
			Follow:   func(_ context.Context, f inbox.Follow) error { return w.hear("follow %+v", f) },
			Scan:     func(_ context.Context, s inbox.Scan) error { return w.hear("scan %+v", s) },
			Sent:     func(_ context.Context, s inbox.Sent) error { return w.hear("sent %+v", s) },
			Personal: func(_ context.Context, p inbox.Personal) error { return w.hear("personal %+v", p) },
		},
	}
	for _, alter := range change {
		alter(&c)
	}
	w.Inbox = inbox.New(c)
	return w
}

func sealer(t testing.TB) inbox.Sealer {
	t.Helper()
	s, err := identity.NewSealer(bytes.Repeat([]byte{7}, identity.MasterKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s.Box("inbox")
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// advance moves the clock.
func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// hear notes what a handler was told, unless it is to fail.
func (w *world) hear(format string, what any) error {
	text := fmt.Sprintf(format, what)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		if err := w.fail(text); err != nil {
			return err
		}
	}
	w.heard = append(w.heard, text)
	return nil
}

// wantHeard compares what handlers were told with the beginnings of what they should
// have been, in any order where sorted isn't said.
func (w *world) wantHeard(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	same := len(w.heard) == len(want)
	for i := range want {
		same = same && strings.HasPrefix(w.heard[i], want[i])
	}
	if !same {
		w.t.Errorf("handlers were told %q, want %q", w.heard, want)
	}
}

// wantSeen compares what was observed.
func (w *world) wantSeen(want map[string]int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !maps.Equal(w.seen, want) {
		w.t.Errorf("observed %v, want %v", w.seen, want)
	}
}

// event is an event as WeChat writes it, with what follows its name.
func event(name, rest string) string {
	return "<xml><ToUserName><![CDATA[" + origin + "]]></ToUserName><FromUserName><![CDATA[" + openID + "]]></FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[" + name + "]]></Event>" + rest + "</xml>"
}

// text is a message as WeChat writes it.
func text(id int, content string) string {
	return fmt.Sprintf("<xml><ToUserName><![CDATA[%s]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[%s]]></Content><MsgId>%d</MsgId></xml>", origin, openID, content, id)
}

// post is a push as WeChat would post it now.
func (w *world) post(plain string) push.Post {
	w.t.Helper()
	m, err := push.Read([]byte(plain))
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.keys.Post(m, w.now, random)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// push pushes as WeChat does, and wants it to be taken.
func (w *world) push(plain string) inbox.Answer {
	w.t.Helper()
	p := w.post(plain)
	answer, err := w.Accept(w.t.Context(), appID, p.Query, p.ContentType, p.Body)
	if err != nil || answer.Status != 200 {
		w.t.Fatalf("the push %s is answered by %+v, %v", plain, answer, err)
	}
	return answer
}

// step hands on what is due on all lines, until nothing is.
func (w *world) step() {
	w.t.Helper()
	for range 100 {
		lines, err := w.store.DueLines(w.t.Context(), w.clock(), 100)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(lines) == 0 {
			return
		}
		for _, line := range lines {
			for again := true; again; {
				if again, err = w.Step(w.t.Context(), line); err != nil {
					w.t.Fatal(err)
				}
			}
		}
	}
	w.t.Fatal("lines stay due for ever")
}

// refused pushes anything, and returns the code of the refusal.
func (w *world) refused(query url.Values, body []byte) string {
	w.t.Helper()
	answer, err := w.Accept(w.t.Context(), appID, query, "text/xml", body)
	var r *push.Refusal
	if !errors.As(err, &r) {
		w.t.Fatalf("it is answered by %+v, %v", answer, err)
	}
	if answer.Status != 403 || len(answer.Body) != 0 {
		w.t.Errorf("the refusal %s is answered by %+v: it can be told from others", r.Code, answer)
	}
	return r.Code
}
