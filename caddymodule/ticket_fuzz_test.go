package caddymodule

import (
	"bytes"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

func testSealer(t testing.TB) *identity.Sealer {
	s, err := identity.NewSealer(bytes.Repeat([]byte{1, 2}, identity.MasterKeySize/2))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// FuzzCookie puts any bytes under a right seal, as an older or a newer version of
// this program might have: they are read as what they say, or not at all.
func FuzzCookie(f *testing.F) {
	box := newCookieBox(testSealer(f))
	at := time.Unix(1_800_000_000, 0).UTC()
	for _, s := range []*session{
		{AppID: appA, OpenID: "oABC", Granted: grantedBase, At: at},
		{AppID: appA, OpenID: "oABC", UnionID: "oDEF", Granted: grantedUserInfo, At: at, Refused: at},
	} {
		plain, err := open(box.session, box.sealSession(s), appA)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
	}
	plain, err := open(box.login, box.sealLogin(&loginCookie{LastAppID: appA, Done: 2, Since: at, SignedOut: []string{appA, appB}}), "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, plain []byte) {
		if s, err := box.openSession(b64.EncodeToString(box.session.Seal(plain, appA)), appA); err == nil {
			again, err := box.openSession(box.sealSession(s), appA)
			if err != nil || *again != *s {
				t.Errorf("read as %+v, and then as %+v, %v", s, again, err)
			}
			if s.OpenID == "" || s.Granted < grantedBase || s.Granted > grantedSnapshot {
				t.Errorf("nobody's session was read: %+v", s)
			}
		}
		if l, err := box.openLogin(b64.EncodeToString(box.login.Seal(plain, ""))); err == nil && len(l.SignedOut) < 200 && len(plain) < maxCookie/2 {
			again, err := box.openLogin(box.sealLogin(l))
			if err != nil || again.ID != l.ID || again.LastAppID != l.LastAppID || again.Done != l.Done || len(again.SignedOut) != len(l.SignedOut) {
				t.Errorf("read as %+v, and then as %+v, %v", l, again, err)
			}
		}
		if _, err := box.openGuest(b64.EncodeToString(box.guest.Seal(plain, ""))); (err == nil) != (len(plain) == 16) {
			t.Errorf("a guest of %d bytes: %v", len(plain), err)
		}
	})
}

// FuzzState tries any text for a state and for a sealed target: only what we made
// for this account, site, browser and target holds.
func FuzzState(f *testing.F) {
	tickets := newTickets(testSealer(f))
	rt := route{site: &directory.Site{PTID: "shop"}, account: &directory.Account{AppID: appA}, base: "/wsite/" + appA + "/shop"}
	now := time.Unix(1_800_000_000, 0)
	login := [16]byte{7}
	sealed := tickets.sealTarget(rt, target{Path: rt.base + "/a?b=c", Fragment: "/d", UserInfo: true, Attempt: 1})
	state := tickets.sealState(rt, login, sealed, now)
	f.Add(state, sealed)
	f.Add("", "")
	f.Add(state[:len(state)-1], sealed[1:])
	f.Add(state+"A", sealed+"A")
	f.Fuzz(func(t *testing.T, someState, someTarget string) {
		if tickets.stateHolds(rt, someState, login, someTarget, now) != (someState == state && someTarget == sealed) {
			t.Errorf("a state of another making holds: %q with %q", someState, someTarget)
		}
		tg, ok := tickets.openTarget(rt, someTarget)
		if ok != (someTarget == sealed) {
			t.Errorf("a target of another making opens: %q gives %+v", someTarget, tg)
		}
		// Any bytes under the right seal, too, lead nowhere but into the site.
		if tg, ok := tickets.openTarget(rt, b64.EncodeToString(tickets.target.Seal([]byte(someTarget), rt.place()))); ok && !rt.contains(tg.Path) {
			t.Errorf("a target leads away: %+v", tg)
		}
	})
}
