package caddymodule

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// talks has the site keep connections open: a websocket of which only the beginning is true,
// and then says what it hears; a stream of events that never ends.
func (u *upstream) talks() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			w.Header().Set("Content-Type", "text/event-stream")
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "data: hello\n\n")
				_ = http.NewResponseController(w).Flush()
				<-tick.C
			}
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, buffered)
	}
}

// kept is a connection that is open.
type kept struct {
	net.Conn
	from io.Reader
}

// keep opens a connection as a browser with a cookie does, and hears the site once.
func (g *gateway) keep(t *testing.T, kind, value, ptid string, socket bool) *kept {
	t.Helper()
	u, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	how := "Accept: */*"
	if socket {
		how = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	}
	agent := uaAndroid
	if kind == cookieGuest {
		agent = uaDesktop
	}
	fmt.Fprintf(conn, "GET /wsite/%s/%s/live HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n%s\r\nCookie: %s%s=%s\r\n\r\n", appA, ptid, u.Host, agent, how, g.app.jar.prefix, kind, value)
	k := &kept{Conn: conn}
	buffered := bufio.NewReader(conn)
	answer, err := http.ReadResponse(buffered, nil)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case socket && answer.StatusCode == http.StatusSwitchingProtocols:
		k.from = buffered
	case !socket && answer.StatusCode == http.StatusOK:
		k.from = answer.Body
		t.Cleanup(func() { answer.Body.Close() })
		k.hears(t, "data: hello\n\n")
		return k
	default:
		t.Fatalf("it answers %s", answer.Status)
	}
	k.talks(t)
	return k
}

func (k *kept) hears(t *testing.T, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(k.from, got); err != nil || string(got) != want {
		t.Errorf("it hears %q, %v", got, err)
	}
}

// talks wants a socket to be open.
func (k *kept) talks(t *testing.T) {
	t.Helper()
	fmt.Fprint(k, "ping")
	k.hears(t, "ping")
}

// ends wants a connection to be cut.
func (k *kept) ends(t *testing.T, what string) {
	t.Helper()
	var late net.Error
	if _, err := io.Copy(io.Discard, k.from); errors.As(err, &late) && late.Timeout() {
		t.Errorf("%s: it is still open", what)
	}
}

// A websocket, and a stream of events, end within a second of what it was opened with, at
// every node; those of others go on.
func TestConnections(t *testing.T) {
	t.Parallel()
	sim, data := simulated(t), t.TempDir()
	one, two := startGatewayOn(t, sim, standard, data), startGatewayOn(t, sim, standard, data)
	guest := two.phone("")
	guest.ua = uaDesktop
	li := one.crowd("li0")[0]
	li.open(one.at(appA, "game", "/"))
	guest.open(two.at(appA, "shop", "/"))
	for i, tt := range []struct {
		name  string
		ends  func(user identity.Token, token string)
		guest bool // the guest's is cut as well
	}{
		{"a user is signed out", func(user identity.Token, _ string) { one.revoke(t, revokeIn{User: user.Subject, Realm: "main"}) }, false},
		{"a user is blocked", func(user identity.Token, _ string) {
			if err := one.app.telling().Block(t.Context(), "main", user.Subject, identity.By{Actor: "staff:root", Evidence: "e"}); err != nil {
				t.Error(err)
			}
		}, false},
		{"a user is erased", func(user identity.Token, _ string) {
			if err := one.app.telling().Erase(t.Context(), "main", user.Subject, identity.By{Actor: "staff:root"}); err != nil {
				t.Error(err)
			}
		}, false},
		{"a session is ended", func(_ identity.Token, token string) { one.revoke(t, revokeIn{Token: token, Realm: "main"}) }, false},
		{"a site is ended", func(identity.Token, string) { one.revoke(t, revokeIn{Site: "shop"}) }, true},
	} {
		ming := one.crowd(fmt.Sprint("ming", i))[0]
		ming.open(one.at(appA, "shop", "/"))
		user := one.who(ming.fetch("GET", one.at(appA, "shop", "/")))
		token := one.upstream.last().Header.Get(headerUser)
		guest.open(two.at(appA, "shop", "/"))
		one.upstream.talks()
		two.upstream.talks()
		var all []*kept
		for _, g := range []*gateway{one, two} {
			for _, socket := range []bool{true, false} {
				all = append(all, g.keep(t, appA, ming.cookie(one, appA), "shop", socket))
			}
		}
		others := []*kept{two.keep(t, appA, li.cookie(one, appA), "game", true)}
		if theirs := two.keep(t, cookieGuest, guest.cookie(two, cookieGuest), "shop", true); tt.guest {
			all = append(all, theirs)
		} else {
			others = append(others, theirs)
		}
		began := time.Now()
		tt.ends(user, token)
		for _, k := range all {
			k.ends(t, tt.name)
		}
		if took := time.Since(began); took > 5*time.Second { // a poll a second, on a busy machine
			t.Errorf("%s: it took %s", tt.name, took)
		}
		for _, k := range others {
			k.talks(t)
			k.Close()
		}
		for _, u := range []*upstream{one.upstream, two.upstream} {
			u.mu.Lock()
			u.answer = nil
			u.mu.Unlock()
		}
	}
	cutAfterOutage(t, one, two, li)
}

// cutAfterOutage has a gateway be without the facts for so long that it can't know who was
// ended meanwhile: it cuts all, and then holds nothing any more.
func cutAfterOutage(t *testing.T, one, two *gateway, li *phone) {
	t.Helper()
	two.upstream.talks()
	open := []*kept{two.keep(t, appA, li.cookie(one, appA), "game", true), two.keep(t, appA, li.cookie(one, appA), "game", false)}
	waitFor(t, "nothing to be held", func() bool {
		two.app.factsSeen.Store(time.Now().Add(-time.Hour).UnixNano())
		for _, g := range []*gateway{one, two} {
			g.app.visitors.mu.Lock()
			left := len(g.app.visitors.open)
			g.app.visitors.mu.Unlock()
			if left > 0 {
				return false
			}
		}
		return true
	})
	for _, k := range open {
		k.ends(t, "the facts were gone for an hour")
	}
}

// Whoever is forgotten between the look at his cookie and the site's answer is cut too; what
// others do meanwhile is nothing to him.
func TestConnections_forgottenMeanwhile(t *testing.T) {
	t.Parallel()
	vs := newVisitors(100)
	for name, want := range map[string]bool{userName("main", "m1"): true, userName("main", "m2"): false} {
		v := &visitor{site: &directory.Site{PTID: "shop", Realm: "main"}, answer: identity.Answer{User: identity.User{ID: "m1"}}}
		mark := vs.mark()
		vs.forget(name)
		vs.put(visitorKey{cookie: name}, v, mark)
		c := &connection{visitor: v}
		vs.hold(c)()
		if cut := c.isCut(); cut != want || (vs.get(visitorKey{cookie: name}) == nil) != want {
			t.Errorf("%s was forgotten: cut %t", name, cut)
		}
	}
	v := &visitor{site: &directory.Site{PTID: "shop", Realm: "main"}, answer: identity.Answer{User: identity.User{ID: "m1"}}}
	mark := vs.mark()
	for range len(vs.last) + 1 {
		vs.forget("somebody")
	}
	if vs.put(visitorKey{}, v, mark); !v.gone.Load() {
		t.Error("nobody can know whether he was among so many")
	}
	mark, v = vs.mark(), &visitor{site: &directory.Site{PTID: "shop", Realm: "main"}}
	vs.forgetAll()
	if vs.put(visitorKey{}, v, mark); !v.gone.Load() {
		t.Error("all were forgotten, and he wasn't")
	}
}
