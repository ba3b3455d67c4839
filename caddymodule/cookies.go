package caddymodule

import (
	"net/http"
	"strings"
)

// jar knows how our cookies are named and written. On an http loopback origin
// neither the `__Host-` prefix nor Secure can be used: browsers would drop the
// cookie.
type jar struct {
	prefix string // "__Host-wsite-" or "wsite-"
	secure bool
}

func newJar(https bool) jar {
	if https {
		return jar{"__Host-wsite-", true}
	}
	return jar{"wsite-", false}
}

// The kinds of our cookies; a session's is named for its account.
const (
	cookieLogin = "login"
	cookieGuest = "guest"
)

// budget bounds all our cookies together, names and values, in bytes: with more,
// servers behind us run into their limits for headers.
const (
	budget      = 2048
	maxSessions = 6
)

// ours says whether a cookie is one of ours.
func (j jar) ours(name string) bool { return strings.HasPrefix(name, j.prefix) }

// each calls yield with every cookie of ours, by the name behind the prefix.
// Neither names nor values are changed: a value of ours never needs quotes.
func (j jar) each(r *http.Request, yield func(kind, value string)) {
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			pair = trimSpace(pair)
			if !strings.HasPrefix(pair, j.prefix) {
				continue
			}
			if kind, value, ok := strings.Cut(pair[len(j.prefix):], "="); ok {
				yield(kind, value)
			}
		}
	}
}

// values are the values of one kind of cookie, at most two: with two a browser
// was made to hold somebody else's beside ours (cookie tossing), which the
// caller has to settle.
func (j jar) values(r *http.Request, kind string) (first, second string) {
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			pair = trimSpace(pair)
			if len(pair) <= len(j.prefix)+len(kind) || pair[:len(j.prefix)] != j.prefix {
				continue
			}
			v, ok := strings.CutPrefix(pair[len(j.prefix):], kind)
			if !ok || v[0] != '=' {
				continue
			}
			switch v = v[1:]; {
			case first == "":
				first = v
			case second == "" && v != first:
				second = v
			}
		}
	}
	return first, second
}

// strip takes our cookies out of the request and leaves every other byte of the
// Cookie header as it was.
func (j jar) strip(r *http.Request) {
	lines := r.Header["Cookie"]
	if len(lines) == 0 {
		return
	}
	kept := lines[:0:0]
	changed := false
	for _, line := range lines {
		out, cut := j.cut(line)
		changed = changed || cut
		if out != "" || !cut {
			kept = append(kept, out)
		}
	}
	if changed {
		setOrDelete(r.Header, "Cookie", kept)
	}
}

// cut removes our pairs from one line, each with the separator in front of it, or
// behind it for the first.
func (j jar) cut(line string) (string, bool) {
	if !strings.Contains(line, j.prefix) {
		return line, false
	}
	var out strings.Builder
	changed := false
	first := false // the next pair kept is the first one
	for start := 0; start <= len(line); {
		end := start + strings.IndexByte(line[start:], ';')
		if end < start {
			end = len(line)
		}
		pair := line[start:end]
		if name := trimSpace(pair); j.ours(name) {
			if !changed {
				out.Grow(len(line))
				out.WriteString(strings.TrimSuffix(line[:start], ";"))
				first = start == 0
			}
			changed = true
		} else if changed {
			if first {
				pair = strings.TrimLeft(pair, " \t")
			} else {
				out.WriteByte(';')
			}
			out.WriteString(pair)
			first = false
		}
		start = end + 1
	}
	if !changed {
		return line, false
	}
	return out.String(), true
}

// set writes one of our cookies. maxAge is in seconds; below zero the cookie is
// deleted, 0 makes it last as long as the browser runs.
func (j jar) set(w http.ResponseWriter, kind, value string, maxAge int) {
	c := http.Cookie{
		Name: j.prefix + kind, Value: value, Path: "/", MaxAge: maxAge,
		Secure: j.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	// Said anew, a cookie replaces what this answer said of it before.
	h := w.Header()
	said := h["Set-Cookie"]
	kept := said[:0:0]
	for _, s := range said {
		if !strings.HasPrefix(s, c.Name+"=") {
			kept = append(kept, s)
		}
	}
	h["Set-Cookie"] = append(kept, c.String())
}

func trimSpace(s string) string { return strings.Trim(s, " \t") }
