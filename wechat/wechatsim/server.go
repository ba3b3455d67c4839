package wechatsim

import (
	"net"
	"net/http"
	"net/http/httptest"
)

// World serves both of WeChat's hosts, and the phone page below /phone/.
func (s *Sim) World() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /connect/oauth2/authorize", s.authorize)
	mux.HandleFunc("POST /connect/consent", s.answerConsent)
	mux.HandleFunc("GET /sns/oauth2/access_token", s.accessToken)
	mux.HandleFunc("GET /sns/oauth2/refresh_token", s.refreshToken)
	mux.HandleFunc("GET /sns/userinfo", s.userInfo)
	mux.HandleFunc("GET /sns/auth", s.checkToken)
	mux.HandleFunc("GET /phone/{$}", s.phone)
	mux.HandleFunc("GET /phone/style.css", s.style)
	mux.HandleFunc("POST /phone/person", s.pick)
	mux.HandleFunc("POST /phone/follow", s.follow)
	mux.HandleFunc("POST /phone/consent", s.setConsent)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/phone/", http.StatusSeeOther) })
	mux.HandleFunc("/", s.unknown)
	return http.NewCrossOriginProtection().Handler(mux)
}

// unknown answers for what this WeChat doesn't have, as that one answers for what
// it doesn't have.
func (s *Sim) unknown(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(w, r, 40066, "invalid url")
}

// personCookie tells who holds the phone.
const personCookie = "wechatsim-person"

// PersonCookie is the cookie that makes a browser a person's phone.
func (s *Sim) PersonCookie(person string) *http.Cookie {
	return &http.Cookie{Name: personCookie, Value: person, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// holder is who holds the phone; empty if nobody.
func (s *Sim) holder(r *http.Request) string {
	c, err := r.Cookie(personCookie)
	if err != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people[c.Value] == nil {
		return ""
	}
	return c.Value
}

// TB is what StartT needs of a test.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Failed() bool
}

// Server is a running simulator.
type Server struct {
	*Sim
	URL        string // of both of WeChat's hosts
	ControlURL string
}

// StartT starts a simulator for the length of a test, with the default people and
// accounts, changed by opts. A failing test tells the seed.
func StartT(t TB, opts ...func(*Options)) *Server {
	t.Helper()
	o := DefaultOptions()
	for _, change := range opts {
		change(&o)
	}
	s := New(o)
	world, control := httptest.NewServer(s.World()), httptest.NewServer(s.Control())
	t.Cleanup(func() {
		world.CloseClientConnections()
		world.Close()
		control.Close()
		if t.Failed() {
			t.Logf("wechatsim: seed %d", o.Seed)
		}
	})
	return &Server{Sim: s, URL: world.URL, ControlURL: control.URL}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
