package inbox_test

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

func TestAccept(t *testing.T) {
	t.Parallel()
	t.Run("a push is written down before it is answered with nothing", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		answer := w.push(event("subscribe", ""))
		if len(answer.Body) != 0 {
			t.Errorf("the answer is %q", answer.Body)
		}
		lines, err := w.store.PushLines(t.Context(), appID)
		if err != nil || len(lines) != 1 || lines[0].Waiting != 1 {
			t.Errorf("the lines are %+v, %v", lines, err)
		}
		w.wantSeen(map[string]int{"accepted": 1})
	})
	t.Run("what can't be written down isn't taken, so that WeChat tries again", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		p := w.post(event("subscribe", ""))
		w.store.Close()
		answer, err := w.Accept(t.Context(), appID, p.Query, p.ContentType, p.Body)
		if answer.Status != 503 || !errors.Is(err, identity.ErrUnavailable) {
			t.Errorf("it is answered by %+v, %v", answer, err)
		}
		w.wantSeen(map[string]int{"lost": 1})
	})
	t.Run("what WeChat tries again is done once, encrypted again and on another node, too", func(t *testing.T) {
		t.Parallel()
		path := freshtest.SQLite(t)
		shared := cluster.NewMemory(time.Now)
		w, other := join(t, path, shared, "node1"), join(t, path, shared, "node2")
		p := w.post(event("subscribe", ""))
		for range 2 {
			if _, err := w.Accept(t.Context(), appID, p.Query, p.ContentType, p.Body); err != nil {
				t.Fatal(err)
			}
		}
		other.advance(5 * time.Second)
		other.push(event("subscribe", ""))
		w.step()
		other.step()
		w.push(event("subscribe", "")) // although it is done
		w.step()
		w.wantHeard("follow")
		other.wantHeard()
		other.wantSeen(map[string]int{"duplicate": 1})
		w.wantSeen(map[string]int{"accepted": 1, "duplicate": 2, "delivered": 1})
	})
	t.Run("two different events in one second are two", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(event("subscribe", ""))
		w.push(event("unsubscribe", ""))
		w.push(event("SCAN", "<EventKey>1</EventKey>"))
		w.push(event("SCAN", "<EventKey>2</EventKey>"))
		w.step()
		w.wantHeard("follow", "follow", "scan", "scan")
	})
	t.Run("what nobody wants isn't kept", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(text(1, "my secret"))
		w.wantSeen(map[string]int{"unwanted": 1})
		if lines, err := w.store.PushLines(t.Context(), appID); err != nil || len(lines) != 0 {
			t.Errorf("the lines are %+v, %v", lines, err)
		}
	})
	t.Run("what visitors write can't be read in the store", func(t *testing.T) {
		t.Parallel()
		path := freshtest.SQLite(t)
		w := join(t, path, nil, "node1", func(c *inbox.Config) {
			c.Subscribers = func(string) []inbox.Subscriber { return []inbox.Subscriber{{Name: "crm"}} }
		})
		w.push(text(1, "my-secret-text"))
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(raw), "my-secret-text") || !strings.Contains(string(raw), openID) {
			t.Errorf("it can, %v", err)
		}
	})
	t.Run("the check of the URL is answered with its echo alone", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		q := url.Values{"timestamp": {"1"}, "nonce": {"2"}, "echostr": {"4375120948345356249"}, "signature": {push.Sign(account.Token, "1", "2")}}
		answer, err := w.Echo(t.Context(), appID, q)
		if err != nil || answer.Status != 200 || string(answer.Body) != "4375120948345356249" || !strings.HasPrefix(answer.ContentType, "text/plain") {
			t.Errorf("got %+v, %v", answer, err)
		}
		q.Set("signature", "0")
		if answer, err = w.Echo(t.Context(), appID, q); err == nil || answer.Status != 403 || len(answer.Body) != 0 {
			t.Errorf("forged it is %+v, %v", answer, err)
		}
		if answer, err = w.Echo(t.Context(), "wxffffffffffffffff", q); err == nil || answer.Status != 403 {
			t.Errorf("for an unknown account it is %+v, %v", answer, err)
		}
		w.wantSeen(map[string]int{"refused signature": 1, "refused account": 1})
	})
}

// TestSecurity are the threats of the catalogue that pushes could open. Each refusal looks
// like all others from outside (world.refused), and is counted by its code.
func TestSecurity(t *testing.T) {
	t.Parallel()
	signed := func(k push.Keys) url.Values {
		return url.Values{"timestamp": {"1700000000"}, "nonce": {"1"}, "signature": {push.Sign(k.Token, "1700000000", "1")}}
	}
	t.Run("T105 document types, entities, size, depth and number of elements", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.keys.Mode = push.Plain
		want := map[string]int{}
		for body, code := range map[string]string{
			`<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml/>`:                                            push.CodeDoctype,
			`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><xml><C>&b;</C></xml>`:   push.CodeDoctype,
			text(1, strings.Repeat("a", 10<<20)):                                                          push.CodeSize,
			"<xml>" + strings.Repeat("<a>", 100_000):                                                      push.CodeDepth,
			"<xml>" + strings.Repeat("<a/>", 100_000):                                                     push.CodeElements,
			"<xml><FromUserName>":                                                                         push.CodeSyntax,
			text(1, "\xc3\x28"):                                                                           push.CodeEncoding,
			`<?xml version="1.0" encoding="UTF-16"?><xml/>`:                                               push.CodeEncoding,
			strings.Replace(text(1, "a"), "<MsgType>", "<FromUserName>oOTHER</FromUserName><MsgType>", 1): push.CodeField,
		} {
			if got := w.refused(signed(account), []byte(body)); got != code {
				t.Errorf("%.60s is refused for its %s, want %s", body, got, code)
			}
			want["refused "+code]++
		}
		w.wantSeen(want)
	})
	t.Run("forged, stale and plain pushes, and those for others", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		good := w.post(event("subscribe", ""))
		forged := signed(account)
		forged.Set("encrypt_type", "aes")
		forged.Set("msg_signature", forged.Get("signature"))
		if got := w.refused(forged, good.Body); got != push.CodeSignature {
			t.Errorf("forged it is refused for its %s", got)
		}
		if got := w.refused(signed(account), []byte(event("subscribe", ""))); got != push.CodeMode {
			t.Errorf("plain it is refused for its %s", got)
		}
		w.advance(push.DefaultWindow + time.Second)
		if got := w.refused(good.Query, good.Body); got != push.CodeStale {
			t.Errorf("stale it is refused for its %s", got)
		}
		if answer, err := w.Accept(t.Context(), "wxffffffffffffffff", good.Query, "text/xml", good.Body); err == nil || answer.Status != 403 || len(answer.Body) != 0 {
			t.Errorf("for another account it is %+v, %v", answer, err)
		}
		w.step()
		w.wantHeard()
	})
	t.Run("a plain push's signature is good for one body", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.keys.Mode = push.Plain
		q := signed(account)
		for range 2 { // the same again is a retry
			if _, err := w.Accept(t.Context(), appID, q, "text/xml", []byte(event("subscribe", ""))); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.refused(q, []byte(event("unsubscribe", ""))); got != inbox.CodeReplayed {
			t.Errorf("another body is refused for its %s", got)
		}
		q.Set("signature", strings.ToUpper(q.Get("signature")))
		if got := w.refused(q, []byte(event("unsubscribe", ""))); got != push.CodeSignature {
			t.Errorf("with an upper-case signature it is refused for its %s", got)
		}
		w.step()
		w.wantHeard("follow")
	})
	t.Run("T123 the signature of a check of the URL is no plain push's", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.keys.Mode = push.Plain
		q := signed(account)
		q.Set("echostr", "1")
		if answer, err := w.Echo(t.Context(), appID, q); err != nil || answer.Status != 200 {
			t.Fatalf("the check is answered by %+v, %v", answer, err)
		}
		if got := w.refused(q, []byte(event("subscribe", ""))); got != inbox.CodeReplayed {
			t.Errorf("it is refused for its %s", got)
		}
		w.step()
		w.wantHeard()
	})
	t.Run("T109 an unfollow deletes nothing, and a late follow doesn't undo it", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(event("unsubscribe", ""))
		w.push(strings.Replace(event("subscribe", ""), "1700000000", "1699999999", 1))
		w.step()
		known, err := w.store.Followers(t.Context(), appID, []string{openID})
		if f, there := known[openID]; err != nil || !there || f.Following || !f.At.Equal(t0) {
			t.Errorf("got %+v, %v", known, err)
		}
	})
}
