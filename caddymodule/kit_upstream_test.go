package caddymodule

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// upstream is a site behind the gateway. It answers with what it was sent, and
// remembers it.
type upstream struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []seen
	answer func(http.ResponseWriter, *http.Request) // instead of the echo, if set
}

// seen is a request as a site saw it.
type seen struct {
	Method, URI string
	Header      http.Header
	Trailer     http.Header
}

func startUpstream(t testing.TB) *upstream {
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s := seen{r.Method, r.RequestURI, r.Header.Clone(), r.Trailer.Clone()}
		u.mu.Lock()
		u.seen = append(u.seen, s)
		answer := u.answer
		u.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s)
	}))
	t.Cleanup(u.Close)
	return u
}

// last is the newest request that the site saw; zero if none came.
func (u *upstream) last() seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.seen) == 0 {
		return seen{}
	}
	return u.seen[len(u.seen)-1]
}

func (u *upstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.seen)
}
