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

// FuzzState changes a byte of a state or of a sealed target, and tries any other text
// for both: only what we made for this account, site, browser and target holds.
func FuzzState(f *testing.F) {
	tickets := newTickets(testSealer(f))
	rt := route{site: &directory.Site{PTID: "shop"}, account: &directory.Account{AppID: appA}, base: "/wsite/" + appA + "/shop"}
	now := time.Unix(1_800_000_000, 0)
	login := [16]byte{7}
	sealed := tickets.sealTarget(rt, target{Path: rt.base + "/a?b=c", Fragment: "/d", UserInfo: true, Attempt: 1})
	state := tickets.sealState(rt, login, sealed, now)
	with := func(text string, at uint16, b byte) string {
		i := int(at) % len(text)
		return text[:i] + string(rune(b%128)) + text[i+1:]
	}
	f.Add(uint16(0), byte('A'), "")
	f.Add(uint16(57), byte('7'), rt.base+"/")
	f.Add(uint16(30), byte('='), "\x01\x05/evil")
	f.Fuzz(func(t *testing.T, at uint16, b byte, text string) {
		if s := with(state, at, b); tickets.stateHolds(rt, s, login, sealed, now) != (s == state) {
			t.Errorf("a changed state holds: %q for %q", s, state)
		}
		tg := with(sealed, at, b)
		if _, ok := tickets.openTarget(rt, tg); ok != (tg == sealed) {
			t.Errorf("a changed target opens: %q for %q", tg, sealed)
		}
		if tickets.stateHolds(rt, state, login, tg, now) != (tg == sealed) {
			t.Errorf("a state holds for another target: %q for %q", tg, sealed)
		}
		if _, ok := tickets.openTarget(rt, text); ok || tickets.stateHolds(rt, text, login, sealed, now) {
			t.Errorf("%q is taken for ours", text)
		}
		// Any bytes under the right seal lead nowhere but into the site.
		if tg, ok := tickets.openTarget(rt, b64.EncodeToString(tickets.target.Seal([]byte(text), rt.place()))); ok && !rt.contains(tg.Path) {
			t.Errorf("a target leads away: %+v", tg)
		}
	})
}
