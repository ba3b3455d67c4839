package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// run executes statements on a database as another program would.
func run(t *testing.T, place string, statements ...string) *sql.Conn {
	t.Helper()
	driver := "sqlite"
	if isPostgres(place) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, place)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); db.Close() })
	for _, statement := range statements {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return conn
}

// tree lists all files under dir with their contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			fmt.Fprintln(&b, path)
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", path, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		make func(t *testing.T, dir string) (path string)
		want string
	}{
		{"no name", func(*testing.T, string) string { return "" }, "is not the name of a file: give the path of one"},
		{"a database in memory", func(*testing.T, string) string { return ":memory:" }, "is not the name of a file: give the path of one"},
		{"a URI", func(_ *testing.T, dir string) string { return "file:" + dir + "/facts.db?mode=memory" }, "is not the name of a file: give the path of one"},
		{"a directory", func(_ *testing.T, dir string) string { return dir }, "is a directory: name a file in it, such as"},
		{"a directory that is missing with the one around it", func(_ *testing.T, dir string) string {
			return filepath.Join(dir, "a", "b", "facts.db")
		}, "exists: make it, or name a file elsewhere"},
		{"a file in the place of the directory", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), "text")
			return filepath.Join(dir, "file", "facts.db")
		}, "not a directory"},
		{"a place where nobody can write", func(*testing.T, string) string { return "/proc/wsite-facts.db" }, "can't be written: give the user of this program the right"},
		{"a file that isn't a database", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "facts.db"), strings.Repeat("this is a letter, not a database. ", 100))
			return filepath.Join(dir, "facts.db")
		}, "is not a database: name another file, or restore it"},
		{"the database of another program", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "facts.db")
			run(t, path, "CREATE TABLE photo (id INTEGER)")
			return path
		}, "is the database of another program: name another one"},
		{"facts written by a newer version", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "facts.db")
			run(t, path, "CREATE TABLE schema_version (version_id INTEGER)", "INSERT INTO schema_version VALUES (99)")
			return path
		}, "was written by a newer version of this program (schema 99, this program knows "},
		{"a file that another program has locked", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "facts.db")
			run(t, path, "CREATE TABLE photo (id INTEGER)", "BEGIN EXCLUSIVE")
			return path
		}, "is locked by another program: stop that one"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := c.make(t, dir)
			before := tree(t, dir)
			s, err := open(t.Context(), path, Options{}, 10*time.Millisecond)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want it to say %q", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one sentence", err)
			}
			if after := tree(t, dir); before != after {
				t.Errorf("the refusal has changed files: before %s, after %s", before, after)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	t.Run("the folder and the files are for nobody else", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "wsite")
		s := openAt(t, filepath.Join(dir, "facts.db"))
		if err := s.Apply(t.Context(), retirement("a")); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]fs.FileMode{"": fs.ModeDir | 0o700, "facts.db": 0o600, "facts.db-wal": 0o600, "facts.db-shm": 0o600} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil || info.Mode() != want {
				t.Errorf("%q: got %v, %v; want %v", name, info, err, want)
			}
		}
	})
	t.Run("a name may hold any characters", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "a b?c#d%20&e=é.db")
		openAt(t, path)
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	})
	t.Run("many may open a new file at once", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "facts.db")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				s, err := OpenSQLite(context.Background(), path, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if err := s.Apply(context.Background(), retirement(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		events, err := openAt(t, path).Events(t.Context(), "shop", 0, 100)
		if err != nil || len(events) != 8 {
			t.Errorf("got %d events, %v; want 8", len(events), err)
		}
	})
	t.Run("commits are synced to the disk", func(t *testing.T) {
		t.Parallel()
		s := openNew(t)
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
			var got string
			if err := s.write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: got %s, %v; want %s", pragma, got, err, want)
			}
		}
	})
	t.Run("a returning login writes nothing", func(t *testing.T) {
		t.Parallel()
		s := openNew(t)
		c := centre(s)
		if _, err := c.Resolve(t.Context(), claim("o1", "n1")); err != nil {
			t.Fatal(err)
		}
		conn, err := s.read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// It changes with every commit of another connection.
		version := func() (n int) {
			if err := conn.QueryRowContext(t.Context(), "PRAGMA data_version").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := version()
		for range 10 {
			if _, err := c.Resolve(t.Context(), claim("o1", "")); err != nil {
				t.Fatal(err)
			}
		}
		if after := version(); after != before {
			t.Errorf("got version %d, want %d", after, before)
		}
		if _, err := c.Resolve(t.Context(), claim("o2", "")); err != nil {
			t.Fatal(err)
		}
		if after := version(); after == before {
			t.Error("a new login has written nothing")
		}
	})
}
