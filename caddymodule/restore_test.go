package caddymodule

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/sqlstore"
)

// TestRestore does with SQLite what operations.md says, and finds what it says of a copy.
func TestRestore(t *testing.T) {
	t.Parallel()
	sim, data := simulated(t), t.TempDir()
	file, copied := filepath.Join(data, "wsite.db"), filepath.Join(data, "copy.db")
	before := startGatewayOn(t, sim, standard, data)
	ming, li, thief := before.phone("ming"), before.phone("li"), before.phone("")
	known := before.who(ming.open(before.at(appA, "shop", "/"))).Subject
	ended := before.phone("wang")
	before.who(ended.open(before.at(appA, "shop", "/")))
	thief.plant(before, appA, ended.cookie(before, appA))
	if err := sqlstore.CopySQLite(t.Context(), file, copied); err != nil {
		t.Fatal(err)
	}
	later := before.who(li.open(before.at(appA, "shop", "/"))).Subject
	ended.send("POST", before.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
	if page := thief.fetch("GET", before.at(appA, "shop", "/")); page.Status != http.StatusUnauthorized {
		t.Fatalf("after a sign-out the session is answered %d", page.Status)
	}
	before.close()
	for _, name := range []string{file + "-wal", file + "-shm"} {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(copied, file); err != nil {
		t.Fatal(err)
	}

	g := startGatewayOn(t, sim, standard, data)
	shop := g.at(appA, "shop", "/")
	if got := g.who(ming.fetch("GET", shop)).Subject; got != known {
		t.Errorf("whom the copy knows is %s, not %s", got, known)
	}
	if got := g.who(li.fetch("GET", shop)).Subject; got != later {
		t.Errorf("who came later is %s, not %s", got, later)
	}
	g.who(thief.fetch("GET", shop)) // the copy knows nothing of the sign-out
	g.revoke(t, revokeIn{All: true})
	waitFor(t, "all sessions to be over", func() bool { return thief.fetch("GET", shop).Status == http.StatusUnauthorized })
	if got := g.who(ming.open(shop)).Subject; got != known {
		t.Errorf("signed in anew he is %s, not %s", got, known)
	}
}
