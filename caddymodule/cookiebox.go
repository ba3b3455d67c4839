package caddymodule

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// cookieBox seals and opens cookies. What is sealed as one kind opens as no other,
// and a session opens for its own account only.
type cookieBox struct {
	session, bearer, login, guest, bind *identity.Box
}

func newCookieBox(s *identity.Sealer) cookieBox {
	return cookieBox{s.Box("session cookie"), s.Box("bearer token"), s.Box("login cookie"), s.Box("guest cookie"), s.Box("bind claim")}
}

var errCookie = errors.New("the cookie doesn't open")

// b64 is how sealed bytes are written. It is strict, so that one sealed value has
// one spelling.
var b64 = base64.RawURLEncoding.Strict()

// broken says that a text has line breaks, which Go's decoders pass over.
func broken(text string) bool { return strings.ContainsAny(text, "\r\n") }

func open(box *identity.Box, value, context string) ([]byte, error) {
	if len(value) > maxCookie || broken(value) {
		return nil, errCookie
	}
	sealed, err := b64.DecodeString(value)
	if err != nil {
		return nil, errCookie
	}
	plain, _, err := box.Open(sealed, context)
	if err != nil {
		return nil, errCookie
	}
	return plain, nil
}

func (b cookieBox) sealSession(s *session) string {
	return b64.EncodeToString(b.session.Seal(s.plain(), seatOf(s.AppID, s.host)))
}

// plain is what of a session is sealed.
func (s *session) plain() []byte {
	p := append([]byte{byte(s.Granted)}, s.ID[:]...)
	p = appendTime(p, s.At)
	p = appendTime(p, s.Refused)
	p = appendString(p, s.OpenID)
	return appendString(p, s.UnionID)
}

func (b cookieBox) openSession(value, seat string) (*session, error) {
	p, err := open(b.session, value, seat)
	if err != nil {
		return nil, err
	}
	return readSession(p, seat)
}

// readSession reads what plain wrote.
func readSession(p []byte, seat string) (*session, error) {
	f := fields{p: p}
	appID, host, _ := strings.Cut(seat, "@")
	s := &session{AppID: appID, host: host, Granted: grant(f.byte())}
	copy(s.ID[:], f.bytes(16))
	s.At, s.Refused, s.OpenID, s.UnionID = f.time(), f.time(), f.string(), f.string()
	if !f.done() || s.OpenID == "" || s.Granted < grantedBase || s.Granted > grantedScan {
		return nil, errCookie
	}
	return s, nil
}

func (b cookieBox) sealLogin(l *loginCookie) string {
	p := append([]byte(nil), l.ID[:]...)
	p = appendString(p, l.LastAppID)
	p = append(p, byte(min(l.Done, 255)))
	p = appendTime(p, l.Since)
	p = appendTime(p, l.RenewAfter)
	p = appendString(p, l.RefusedAppID)
	p = appendTime(p, l.RefusedAt)
	p = append(p, byte(len(l.SignedOut)))
	for _, a := range l.SignedOut {
		p = appendString(p, a)
	}
	return b64.EncodeToString(b.login.Seal(p, ""))
}

func (b cookieBox) openLogin(value string) (*loginCookie, error) {
	p, err := open(b.login, value, "")
	if err != nil {
		return nil, err
	}
	f := fields{p: p}
	l := &loginCookie{}
	copy(l.ID[:], f.bytes(16))
	l.LastAppID, l.Done, l.Since, l.RenewAfter = f.string(), int(f.byte()), f.time(), f.time()
	l.RefusedAppID, l.RefusedAt = f.string(), f.time()
	for range f.byte() {
		l.SignedOut = append(l.SignedOut, f.string())
	}
	if !f.done() {
		return nil, errCookie
	}
	return l, nil
}

func (b cookieBox) sealGuest(g identity.GuestSeed) string {
	return b64.EncodeToString(b.guest.Seal(g[:], ""))
}

func (b cookieBox) openGuest(value string) (identity.GuestSeed, error) {
	p, err := open(b.guest, value, "")
	if err != nil || len(p) != len(identity.GuestSeed{}) {
		return identity.GuestSeed{}, errCookie
	}
	return identity.GuestSeed(p), nil
}

// fields reads what append… wrote. Reading past the end gives zeros, and done
// tells.
type fields struct {
	p   []byte
	bad bool
}

func (f *fields) bytes(n int) []byte {
	if n > len(f.p) {
		f.bad = true
		return nil
	}
	b := f.p[:n]
	f.p = f.p[n:]
	return b
}

func (f *fields) byte() byte {
	if b := f.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) string() string { return string(f.bytes(int(f.byte()))) }

func (f *fields) time() time.Time {
	v, n := binary.Uvarint(f.p)
	if n <= 0 || v > 1<<50 {
		f.bad = true
		return time.Time{}
	}
	f.p = f.p[n:]
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(v)).UTC()
}

func (f *fields) done() bool { return !f.bad && len(f.p) == 0 }

func appendTime(p []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendUvarint(p, 0)
	}
	return binary.AppendUvarint(p, uint64(t.UnixMilli()))
}

// appendString takes strings of up to 255 bytes: ids, which are checked on entry.
func appendString(p []byte, s string) []byte {
	return append(append(p, byte(len(s))), s...)
}
