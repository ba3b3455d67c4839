package wechatsim

import (
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// TB is what StartT needs of a test; *testing.T and *testing.B have it.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Server is a simulator that listens.
type Server struct {
	*Sim
	URL        string // of [Sim.World], such as "http://127.0.0.1:41234"
	ControlURL string // of [Sim.Control]
}

// StartT starts a simulator on two free loopback ports and stops it at the end of
// the test. It logs the seed, which a failed test shows.
func StartT(t TB, opts ...func(*Options)) *Server {
	t.Helper()
	o := DefaultOptions()
	o.Seed = 0 // other dice at every run, unless the test says so
	for _, opt := range opts {
		opt(&o)
	}
	if err := o.Check(); err != nil {
		t.Fatalf("starting wechatsim: %v", err)
	}
	s := New(o)
	t.Cleanup(s.Close)
	t.Logf("wechatsim: seed %d", s.Seed())
	return &Server{Sim: s, URL: listenT(t, s, s.World()), ControlURL: listenT(t, s, s.Control())}
}

func listenT(t TB, s *Sim, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("starting wechatsim: %v", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	var done sync.WaitGroup
	done.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() {
		s.Close() // first, so that nobody hangs
		_ = server.Close()
		done.Wait()
	})
	return "http://" + l.Addr().String()
}
