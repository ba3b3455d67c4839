package oracle

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
)

// engines open the facts at a place, and make such places.
var engines = map[string]struct {
	fresh func(t testing.TB) string
}{
	"sqlite":   {freshtest.SQLite},
	"postgres": {freshtest.Postgres},
}

// open opens the facts at a place until the test ends.
func open(t testing.TB, place string) *sqlstore.Store {
	t.Helper()
	open := sqlstore.OpenSQLite
	if isPostgres(place) {
		open = sqlstore.OpenPostgres
	}
	s, err := open(t.Context(), place, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func isPostgres(place string) bool { return strings.HasPrefix(place, "postgres://") }

// onEach runs a test on each engine.
func onEach(t *testing.T, test func(t *testing.T, fresh func(t testing.TB) string)) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, engine.fresh)
		})
	}
}

// TestOracle does random things in a small world, and compares everything that can be
// seen with the model after each. Two realms take turns on one store, and may not
// notice each other.
func TestOracle(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, fresh func(t testing.TB) string) {
		s := open(t, fresh(t))
		var n atomic.Int64
		rapid.Check(t, func(rt *rapid.T) {
			i := n.Add(1)
			var worlds []*world
			for _, name := range []string{"a", "b"} {
				policy := identity.Policies{
					Attached: rapid.Bool().Draw(rt, "attached"), Unionids: rapid.IntRange(1, 2).Draw(rt, "unionids"),
					Silent: rapid.IntRange(0, 4).Draw(rt, "silent") == 0, Hints: rapid.Bool().Draw(rt, "hints"),
				}
				worlds = append(worlds, newWorld(fmt.Sprintf("%s%d", name, i), s, policy))
			}
			for range rapid.IntRange(1, 25).Draw(rt, "steps") {
				w := worlds[min(rapid.IntRange(0, 3).Draw(rt, "realm"), 1)]
				err := w.step(t.Context(), rt)
				for _, w := range worlds {
					if err == nil {
						err = w.compare(t.Context())
					}
				}
				if err != nil {
					rt.Fatalf("%v\npolicy %+v\nafter\n%s", err, w.model.policy, strings.Join(w.log, "\n"))
				}
			}
		})
	})
}
