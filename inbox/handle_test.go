package inbox_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// logged keeps what is logged.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

var own = inbox.Line{AppID: appID, Target: inbox.Own}

func (w *world) letters() []inbox.Task {
	w.t.Helper()
	dead, err := w.store.DeadPushes(w.t.Context(), own, 0, 10)
	if err != nil {
		w.t.Fatal(err)
	}
	return dead
}

func TestHandle(t *testing.T) {
	t.Parallel()
	t.Run("a scan by which somebody follows is a follow and a scan", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(event("subscribe", "<EventKey><![CDATA[qrscene_login_5f2c]]></EventKey><Ticket><![CDATA[gQHr8A==]]></Ticket>"))
		w.step()
		w.wantHeard(
			"follow {AppID:"+appID+" OpenID:"+openID+" Following:true At:2023-11-14 22:13:20 +0000 UTC Scene:login_5f2c Ticket:gQHr8A==}",
			"scan {AppID:"+appID+" OpenID:"+openID+" Scene:login_5f2c Ticket:gQHr8A== Followed:true At:2023-11-14 22:13:20 +0000 UTC Key:"+appID+"/")
		known, err := w.store.Followers(t.Context(), appID, []string{openID})
		if f := known[openID]; err != nil || !f.Following || f.Scene != "login_5f2c" {
			t.Errorf("the follower is %+v, %v", f, err)
		}
	})
	t.Run("a scan is heard at once though the follow is tried again", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.fail = func(what string) error {
			if strings.HasPrefix(what, "follow") {
				return errors.New("out of order")
			}
			return nil
		}
		w.push(event("subscribe", "<EventKey><![CDATA[qrscene_1]]></EventKey>"))
		w.step()
		w.wantHeard("scan")
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		w.advance(time.Minute)
		w.step()
		w.wantHeard("scan", "follow", "scan")
	})
	t.Run("a follower's scan is a scan, and says that he follows", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(event("SCAN", "<EventKey><![CDATA[login_5f2c]]></EventKey><Ticket><![CDATA[gQHr8A==]]></Ticket>"))
		w.step()
		w.wantHeard("scan {AppID:" + appID + " OpenID:" + openID + " Scene:login_5f2c Ticket:gQHr8A== Followed:false")
		if n, err := w.store.CountFollowers(t.Context(), appID); err != nil || n != 1 {
			t.Errorf("there are %d followers, %v", n, err)
		}
	})
	t.Run("an unfollow is heard", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(event("unsubscribe", "<EventKey></EventKey>"))
		w.step()
		w.wantHeard("follow {AppID:" + appID + " OpenID:" + openID + " Following:false")
	})
	t.Run("the result of a template message", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(event("TEMPLATESENDJOBFINISH", "<MsgID>3428411849815982087</MsgID><Status><![CDATA[failed: user block]]></Status>"))
		w.step()
		w.wantHeard("sent {AppID:" + appID + " OpenID:" + openID + " MsgID:3428411849815982087 Status:failed:user block")
	})
	t.Run("the three events about personal information", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(event("user_info_modified", "<openid>oUSER1</openid><appid>"+appID+"</appid>"))
		w.push(event("user_authorization_revoke", "<OpenID>oUSER2</OpenID><UnionID>oUNION</UnionID><AppID>"+appID+"</AppID><RevokeInfo>205</RevokeInfo>"))
		w.push(event("user_authorization_cancellation", "<OpenID>oUSER3</OpenID>"))
		w.step()
		w.mu.Lock()
		got := strings.Join(w.heard, "\n")
		w.mu.Unlock()
		for _, want := range []string{
			"OpenID:oUSER1 UnionID: Kind:user_info_modified Revoked: ",
			"OpenID:oUSER2 UnionID:oUNION Kind:user_authorization_revoke Revoked:205 ",
			"OpenID:oUSER3 UnionID: Kind:user_authorization_cancellation Revoked: ",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q isn't in %s", want, got)
			}
		}
	})
	t.Run("who is to be erased at another account, or isn't named, is left to people", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.push(event("user_authorization_cancellation", "<OpenID>oUSER</OpenID><AppID>wxffffffffffffffff</AppID>"))
		w.push(event("user_info_modified", ""))
		w.step()
		w.wantHeard()
		if dead := w.letters(); len(dead) != 2 || dead[0].Error+dead[1].Error != "foreign_accountnobody" {
			t.Errorf("the dead letters are %+v", dead)
		}
		w.wantSeen(map[string]int{"accepted": 2, "failed foreign_account": 1, "failed nobody": 1, "dead foreign_account": 1, "dead nobody": 1})
	})
	t.Run("what fails is tried again, later and later, and is a dead letter after a day", func(t *testing.T) {
		t.Parallel()
		var log logged
		w := start(t, func(c *inbox.Config) { c.Log = log.logger() })
		w.fail = func(string) error { return errors.New("out of order") }
		w.push(event("subscribe", ""))
		var tries []time.Duration
		for begin := w.clock(); w.clock().Sub(begin) < 26*time.Hour; w.advance(time.Second) {
			before := w.count("failed handler")
			if w.dueNow() {
				w.step()
			}
			if w.count("failed handler") > before {
				tries = append(tries, w.clock().Sub(begin))
			}
		}
		if len(tries) < 100 || len(tries) > 400 {
			t.Errorf("it was tried %d times", len(tries))
		}
		for i := 2; i < 8; i++ {
			if a, b := tries[i]-tries[i-1], tries[i-1]-tries[i-2]; a < b-time.Second {
				t.Errorf("it was tried again after %v, and before that after %v", a, b)
			}
		}
		if last := tries[len(tries)-1]; last < 24*time.Hour || last > 24*time.Hour+10*time.Minute || len(w.letters()) != 1 {
			t.Errorf("the last try is after %v, and the dead letters are %+v", last, w.letters())
		}
		if strings.Count(log.String(), "out of order") != 1 || strings.Count(log.String(), "dead letter") != 1 {
			t.Errorf("the log is %s", log.String())
		}
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		if n, err := w.store.ReplayPushes(t.Context(), own, nil, w.clock()); err != nil || n != 1 {
			t.Errorf("replayed %d, %v", n, err)
		}
		w.step()
		w.wantHeard("follow")
	})
	t.Run("a visitor whose event fails delays no other, and his own events keep their order", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.fail = func(what string) error {
			if strings.Contains(what, openID) {
				return &inbox.Failure{Code: "no"}
			}
			return nil
		}
		w.push(event("subscribe", ""))
		w.push(event("SCAN", "<EventKey>1</EventKey>"))
		w.push(strings.ReplaceAll(event("subscribe", ""), openID, "oOTHER"))
		w.step()
		w.wantHeard("follow {AppID:" + appID + " OpenID:oOTHER")
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		w.advance(time.Minute)
		w.step()
		w.wantHeard("follow", "follow", "scan")
	})
	t.Run("a handler that panics fails", func(t *testing.T) {
		t.Parallel()
		var log logged
		w := start(t, func(c *inbox.Config) { c.Log = log.logger() })
		w.fail = func(string) error { panic("broken") }
		w.push(event("subscribe", ""))
		w.step()
		w.wantSeen(map[string]int{"accepted": 1, "failed panic": 1})
		if !strings.Contains(log.String(), "handle_test.go") {
			t.Error("the log doesn't say where")
		}
	})
}

func (w *world) count(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[what]
}

func (w *world) dueNow() bool {
	w.t.Helper()
	lines, err := w.store.DueLines(w.t.Context(), w.clock(), 1)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(lines) > 0
}
