package caddymodule

import (
	"os"
	"strings"
	"testing"
)

func TestCommand_backup(t *testing.T) {
	d := newDesk(t)
	d.run(t, "import", "--realm", "main", d.path("fans.csv"))
	want := d.must(t, "export", "--realm", "main")
	t.Run("a copy that is put in the place of the facts is the facts", func(t *testing.T) {
		if out := d.must(t, "backup", d.path("copy.db")); !strings.Contains(out, d.path("copy.db")) || !strings.Contains(out, "wsite.key") {
			t.Errorf("it says %q", out)
		}
		if info, err := os.Stat(d.path("copy.db")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		for _, name := range []string{"wsite.db", "wsite.db-wal", "wsite.db-shm"} {
			if err := os.Remove(d.path(name)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		if err := os.Rename(d.path("copy.db"), d.path("wsite.db")); err != nil {
			t.Fatal(err)
		}
		if got := d.must(t, "export", "--realm", "main"); got != want {
			t.Errorf("the copy holds\n%s\nand the facts were\n%s", got, want)
		}
	})
	t.Run("a file that is there is not touched", func(t *testing.T) {
		d.write("old.db", "the last good copy")
		_, err := d.run(t, "backup", d.path("old.db"))
		if text, _ := os.ReadFile(d.path("old.db")); err == nil || !strings.Contains(err.Error(), "name a new file") || string(text) != "the last good copy" {
			t.Errorf("%v; it holds %q", err, text)
		}
	})
	t.Run("where nothing can be written, nothing is left", func(t *testing.T) {
		if _, err := d.run(t, "backup", d.path("nowhere/copy.db")); err == nil {
			t.Error("it was written")
		}
	})
	t.Run("of facts that aren't there, none is made", func(t *testing.T) {
		fresh := newDesk(t)
		_, err := fresh.run(t, "backup", fresh.path("copy.db"))
		if _, there := os.Stat(fresh.path("copy.db")); err == nil || there == nil {
			t.Errorf("%v, %v", err, there)
		}
	})
}
