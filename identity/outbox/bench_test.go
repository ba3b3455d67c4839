package outbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

// BenchmarkRelay is one event on its way to a consumer on this machine: reading,
// signing, posting and settling.
func BenchmarkRelay(b *testing.B) {
	for name, on := range map[string]engine{"SQLite": sqlite, "PostgreSQL": postgres} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			defer server.Close()
			f := newFacts(b, on)
			target := outbox.Target{Line: f.join("orders"), Sender: webhook(b, server.URL, f.clock.time)}
			r := newRelay(f, f.Store, []outbox.Target{target})
			c := identity.Change{Realm: f.realm, At: f.clock.time()}
			for i := range b.N {
				c.Events = append(c.Events, identity.Event{ID: fmt.Sprint("e", i), Realm: f.realm, Type: identity.EventBlocked, Old: fmt.Sprint("u", i), At: c.At})
			}
			if err := f.Apply(b.Context(), c); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			drain(b, r, target)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.StopTimer()
			if s := f.status(target.Line); s.Behind != 0 {
				b.Errorf("the line stands at %+v", s)
			}
		})
	}
}
