package sqlstore

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// version1 is a file that version 1 of the schema has left behind.
func version1(t *testing.T) string {
	t.Helper()
	dump, err := os.ReadFile("testdata/version1.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "facts.db")
	conn := run(t, path, "PRAGMA foreign_keys = 0", string(dump))
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// version1Postgres is a database that version 1 of the schema has left behind, with the
// same facts.
func version1Postgres(t *testing.T) string {
	t.Helper()
	dump, err := os.ReadFile("testdata/version1.sql")
	if err != nil {
		t.Fatal(err)
	}
	dsn := upTo(t, 1)
	for line := range strings.Lines(string(dump)) {
		if strings.HasPrefix(line, "INSERT INTO ") && !strings.HasPrefix(line, "INSERT INTO "+schemaTable) {
			run(t, dsn, strings.Replace(line, "X'", `'\x`, 1))
		}
	}
	return dsn
}

// schema is the text of all tables and indexes, without comments and spaces.
func schema(t *testing.T, s *Store) string {
	t.Helper()
	rows, err := s.read.Query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile(`--.*`).ReplaceAllString(text, "")
		b.WriteString(strings.Join(strings.Fields(text), " ") + "\n")
	}
	return b.String()
}

// wantVersion1 looks for what testdata/version1.sql has.
func wantVersion1(t *testing.T, s *Store) {
	t.Helper()
	known, err := s.Load(t.Context(), identity.Query{
		Realm: "shop", Openid: identity.Openid{AppID: "wx1", OpenID: "o1"}, Unionid: identity.Unionid{Subject: "open1"}, User: "r1-old",
	})
	if err != nil {
		t.Fatal(err)
	}
	if known.UnionUser.ID != "r1" || known.GivenRoot.ID != "r1" || known.GivenServes[0].UnionID != "n1" || len(known.Prev) != 1 || known.Openid.Guest != "r1-old" {
		t.Errorf("got %+v", known)
	}
	events, err := s.Events(t.Context(), "shop", 0, 10)
	if err != nil || len(events) != 1 || events[0].Old != "r1-old" || !events[0].At.Equal(time.Unix(1, 0)) {
		t.Errorf("got events %+v, %v", events, err)
	}
	conflicts, err := s.Conflicts(t.Context(), "shop", 0, 10)
	if err != nil || len(conflicts) != 1 || conflicts[0].Got != "n2" {
		t.Errorf("got conflicts %+v, %v", conflicts, err)
	}
	secrets, err := s.Secrets(t.Context(), "key/")
	if err != nil || len(secrets) != 1 || !bytes.Equal(secrets[0].Sealed, []byte{1, 2, 3}) {
		t.Errorf("got secrets %+v, %v", secrets, err)
	}
	if from, err := s.Revoked(t.Context(), "s1"); err != nil || !from.Equal(time.Unix(1, 0)) {
		t.Errorf("got revocation %v, %v", from, err)
	}
	if subject, err := s.Subject(t.Context(), "wx1", "open2"); err != nil || subject != "open1" {
		t.Errorf("got subject %q, %v", subject, err)
	}
	if err := s.Apply(t.Context(), retirement("r2")); err != nil {
		t.Errorf("writing on: %v", err)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	for engine, left := range map[string]func(*testing.T) string{"sqlite": version1, "postgres": version1Postgres} {
		t.Run("facts of version 1 are read by this version/"+engine, func(t *testing.T) {
			t.Parallel()
			wantVersion1(t, openAt(t, left(t)))
		})
	}
	t.Run("both ways to the newest schema end at the same one", func(t *testing.T) {
		t.Parallel()
		got, want := schema(t, openAt(t, version1(t))), schema(t, openNew(t))
		if got != want {
			t.Errorf("a migration was changed after its release: from version 1 %s\nfrom nothing %s", got, want)
		}
	})
	t.Run("opening again migrates nothing", func(t *testing.T) {
		t.Parallel()
		var log bytes.Buffer
		path := filepath.Join(t.TempDir(), "facts.db")
		all, err := fs.Glob(migrations, "migrations/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{len(all), 0} {
			log.Reset()
			s, err := OpenSQLite(t.Context(), path, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(log.String(), "migrated the facts"); got != want {
				t.Errorf("got %d migrations, want %d: %s", got, want, log.String())
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
