package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// A bearer token is a session outside of a browser's cookies: a mini program or an app
// keeps it, and sends it as `Authorization: Bearer ws1.…`. It is sealed as the cookie is,
// for one account and one host, and no site ever sees it.

// bearerPrefix begins our tokens; any other Authorization is the site's.
const bearerPrefix = "ws1."

func (b cookieBox) sealBearer(s *session) string {
	return bearerPrefix + b64.EncodeToString(b.bearer.Seal(s.plain(), seatOf(s.AppID, s.host)))
}

func (b cookieBox) openBearer(token, seat string) (*session, error) {
	value, ours := strings.CutPrefix(token, bearerPrefix)
	if !ours {
		return nil, errCookie
	}
	p, err := open(b.bearer, value, seat)
	if err != nil {
		return nil, err
	}
	s, err := readSession(p, seat)
	if s != nil {
		s.bearer = true
	}
	return s, err
}

// bearers gives the bearer token of ours in a request, and how many there are. With more
// than one nobody can say whose the request is.
func bearers(r *http.Request) (token string, n int) {
	for _, line := range r.Header["Authorization"] {
		if t, ours := ourBearer(line); ours {
			token = t
			n++
		}
	}
	return token, n
}

// ourBearer finds our token in an Authorization (RFC 6750 §2.1), whatever the case of its
// scheme.
func ourBearer(line string) (string, bool) {
	const scheme = "bearer"
	line = trimSpace(line)
	if len(line) <= len(scheme) || !strings.EqualFold(line[:len(scheme)], scheme) || line[len(scheme)] != ' ' && line[len(scheme)] != '\t' {
		return "", false
	}
	token := trimSpace(line[len(scheme):])
	return token, len(token) >= len(bearerPrefix) && strings.EqualFold(token[:len(bearerPrefix)], bearerPrefix)
}

// hideSession takes out of a request what proves who its visitor is: our cookies and our
// bearer tokens. Every other byte of both headers stays as it was.
func (a *App) hideSession(r *http.Request) {
	a.jar.strip(r)
	lines := r.Header["Authorization"]
	if _, n := bearers(r); n == 0 {
		return
	}
	kept := lines[:0:0]
	for _, line := range lines {
		if _, ours := ourBearer(line); !ours {
			kept = append(kept, line)
		}
	}
	setOrDelete(r.Header, "Authorization", kept)
}

// logoutBearer ends the session of a bearer token. No page of another site can send one,
// so it asks nothing else.
func (a *App) logoutBearer(w http.ResponseWriter, r *http.Request, rt route) error {
	s := a.session(r, rt)
	if s == nil {
		return a.problem(w, r, rt, refuse(codeLoginRequired))
	}
	rev := identity.Revocation{Session: s.key(), From: a.now(), Until: s.ends(a.Session.life())}
	if err := a.endSession(r.Context(), rev); err != nil {
		return a.problem(w, r, rt, refuse(codeFactsDown).because(err))
	}
	a.metrics.login("signed_out")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
