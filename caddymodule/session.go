package caddymodule

import (
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// session is step 2: do we already know this browser, or this program? What holds it, a
// cookie or a bearer token, proves a WeChat identity of one account, and nothing else;
// who that is for us, the facts say.
type session struct {
	ID      [16]byte
	AppID   string
	OpenID  string
	UnionID string // as far as WeChat told it in this session
	Granted grant
	// At is when WeChat vouched for the visitor.
	At time.Time
	// Refused is when the visitor last refused to give his unionid; zero if never.
	Refused time.Time

	// host is the host that it is for; empty for the origin's. No other can use it.
	host string
	// bearer says that it came as a bearer token: nobody else can have put it there.
	bearer bool
}

// grant says what kind of login a session comes from.
type grant byte

const (
	grantedBase     grant = 1 + iota // snsapi_base
	grantedUserInfo                  // snsapi_userinfo
	grantedSnapshot                  // made-up ids for a preview
	grantedMini                      // the code of a mini program's wx.login
	grantedApp                       // the code of a mobile app
	grantedScan                      // a website's QR code
)

// grantWords name grants: in metrics, and behind `wx_` in tokens.
var grantWords = [...]string{grantedBase: "base", grantedUserInfo: "userinfo", grantedSnapshot: "snapshot", grantedMini: "mini", grantedApp: "app", grantedScan: "scan"}

func (g grant) word() string { return grantWords[g] }

// snapshotLife bounds the session of a preview, whose cookies WeChat wipes anyway.
const snapshotLife = 10 * time.Minute

// askPause is how long a refusal holds.
const askPause = 24 * time.Hour

// seatOf is what a session is sealed for.
func seatOf(appID, host string) string {
	if host == "" {
		return appID
	}
	return appID + "@" + host
}

func (s *session) key() string { return hex.EncodeToString(s.ID[:]) }

// amr says how the visitor was recognised (RFC 8176 has no words for WeChat).
func (s *session) amr() []string {
	return []string{"wx_" + s.Granted.word()}
}

// ends is when the session is over by itself.
func (s *session) ends(life time.Duration) time.Time {
	if s.Granted == grantedSnapshot {
		life = min(life, snapshotLife)
	}
	return s.At.Add(life)
}

// loginCookie is shared by all tabs and all accounts of a browser.
type loginCookie struct {
	ID        [16]byte
	LastAppID string // the account last used here
	// Done counts the logins to that account finished since Since without a
	// session to show for it, to break a loop.
	Done  int
	Since time.Time
	// RenewAfter holds back silent renewals after one has gone wrong.
	RenewAfter time.Time
	// RefusedAt is when consent was last refused, to the account RefusedAppID: a
	// refusal holds longer than the session in which it was said.
	RefusedAppID string
	RefusedAt    time.Time
	// SignedOut are accounts that are not to be signed in to silently.
	SignedOut []string
}

const (
	loginCookieLife = 365 * 24 * time.Hour
	guestCookieLife = 400 * 24 * time.Hour // the longest that browsers keep
	// maxCookie bounds the value of one cookie of ours; a longer one isn't ours.
	maxCookie = 512
	// skew is how far the clocks of two nodes may be apart.
	skew = 2 * time.Minute
)

// session reads the session of an account from the request; nil if there is none
// that still holds. One that doesn't open is as if absent, and counted. Where there is
// a bearer token of ours, it alone counts: it was put into this request on purpose, and
// cookies come along by themselves, perhaps somebody else's.
func (a *App) session(r *http.Request, rt route) *session {
	if token, n := bearers(r); n > 0 {
		s, err := a.box.openBearer(token, rt.seat())
		if err != nil || n > 1 || !a.inTime(s, rt) {
			a.metrics.cookieRefused("bearer")
			return nil
		}
		return s
	}
	var found *session
	first, second := a.jar.values(r, rt.account.AppID)
	for _, value := range []string{first, second} {
		if value == "" {
			continue
		}
		s, err := a.box.openSession(value, rt.seat())
		if err != nil {
			a.metrics.cookieRefused("session")
			continue
		}
		if found != nil {
			// Two sessions that are both ours: somebody planted one of them.
			a.metrics.cookieRefused("session")
			return nil
		}
		found = s
	}
	if found == nil {
		return nil
	}
	if !a.inTime(found, rt) {
		a.metrics.cookieRefused("session")
		return nil
	}
	return found
}

// inTime says whether a session is neither over, nor cut off at this site, nor of a time
// to come.
func (a *App) inTime(s *session, rt route) bool {
	now := a.now()
	return !now.After(s.ends(a.Session.life())) && !s.At.After(now.Add(skew)) && !s.At.Before(a.facts().since(rt.site))
}

// loginCookie reads the login cookie; nil if there is none.
func (a *App) loginCookie(r *http.Request) *loginCookie {
	first, second := a.jar.values(r, cookieLogin)
	for _, value := range []string{first, second} {
		if value == "" {
			continue
		}
		if l, err := a.box.openLogin(value); err == nil {
			return l
		}
		a.metrics.cookieRefused(cookieLogin)
	}
	return nil
}

// guestSeed reads the guest cookie.
func (a *App) guestSeed(r *http.Request) (identity.GuestSeed, bool) {
	first, second := a.jar.values(r, cookieGuest)
	for _, value := range []string{first, second} {
		if value == "" {
			continue
		}
		if g, err := a.box.openGuest(value); err == nil {
			return g, true
		}
		a.metrics.cookieRefused(cookieGuest)
	}
	return identity.GuestSeed{}, false
}

func (a *App) setLogin(w http.ResponseWriter, l *loginCookie) {
	a.jar.set(w, cookieLogin, a.box.sealLogin(l), int(loginCookieLife/time.Second))
}

func (a *App) setGuest(w http.ResponseWriter, g identity.GuestSeed) {
	a.jar.set(w, cookieGuest, a.box.sealGuest(g), int(guestCookieLife/time.Second))
}

// setSession writes a session, and drops the oldest sessions of other accounts
// when a browser holds more than six or our cookies grow too large.
func (a *App) setSession(w http.ResponseWriter, r *http.Request, s *session) {
	maxAge := int(s.ends(a.Session.life()).Sub(a.now()) / time.Second)
	if s.Granted == grantedSnapshot {
		maxAge = 0
	}
	value := a.box.sealSession(s)
	a.jar.set(w, s.AppID, value, maxAge)

	type other struct {
		appID string
		size  int
		at    time.Time
	}
	var others []other
	// Room for the login and the guest cookie is kept free, at their largest.
	size := len(a.jar.prefix) + len(s.AppID) + len(value) + 500
	a.jar.each(r, func(kind, value string) {
		if kind == s.AppID || kind == cookieLogin || kind == cookieGuest {
			return
		}
		o := other{appID: kind, size: len(a.jar.prefix) + len(kind) + len(value) + 3}
		if held, err := a.box.openSession(value, seatOf(kind, s.host)); err == nil {
			o.at = held.At
		}
		others = append(others, o)
		size += o.size
	})
	slices.SortFunc(others, func(x, y other) int { return x.at.Compare(y.at) })
	for len(others) > 0 && (len(others) >= maxSessions || size > budget) {
		a.jar.set(w, others[0].appID, "", -1)
		size -= others[0].size
		others = others[1:]
	}
}
