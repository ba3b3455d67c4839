package nodes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// site is the micro-site behind all nodes. It believes a token that the published keys
// verify, answers with what that says, and names with `?as=` the member that its visitor is.
type site struct {
	*httptest.Server
	issuer string
	keys   func() []byte // asks a node

	mu    sync.Mutex
	jwks  []byte
	known map[string]said // tokens that were verified
	wrong atomic.Int64    // tokens that could not be
	pages atomic.Int64
}

// said is what a visitor's token says.
type said struct {
	Subject string
	OpenID  string
	Kind    identity.Kind
	Linked  bool
	AMR     []string
}

func startSite(t testing.TB, origin string) *site {
	s := &site{issuer: origin + "/wsite/-", known: map[string]said{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.pages.Add(1)
	user, err := s.verify(r.Header.Get("X-User"))
	if err != nil {
		s.wrong.Add(1)
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	if as := r.URL.Query()["as"]; as != nil {
		w.Header()["X-User-Bind"] = as
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(user)
}

// verify verifies a token, with keys asked for anew if those at hand don't do.
func (s *site) verify(token string) (said, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if user, ok := s.known[token]; ok {
		return user, nil
	}
	expect := identity.Expect{Issuer: s.issuer, Audience: audience, Now: time.Now()}
	t, err := identity.Verify(s.jwks, token, expect)
	if err != nil {
		s.jwks = s.keys()
		if t, err = identity.Verify(s.jwks, token, expect); err != nil {
			return said{}, err
		}
	}
	user := said{t.Subject, t.OpenID, t.Kind, t.Linked, t.AMR}
	s.known[token] = user
	return user, nil
}

// publishedKeys are the keys as some node publishes them; nil if none does.
func (w *world) publishedKeys() []byte {
	for _, n := range w.nodes {
		if keys, err := n.keys(); err == nil {
			return keys
		}
	}
	return nil
}

func (n *node) keys() ([]byte, error) {
	client := http.Client{Transport: n.transport, Timeout: 2 * time.Second}
	req, err := http.NewRequest(http.MethodGet, "http://"+n.address+"/wsite/-/jwks.json", nil)
	if err != nil {
		return nil, err
	}
	req.Host = n.origin
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// read reads what the site answered.
func read(body string) (user said, err error) {
	if err := json.NewDecoder(strings.NewReader(body)).Decode(&user); err != nil {
		return user, fmt.Errorf("reading %.200q: %w", body, err)
	}
	return user, nil
}
