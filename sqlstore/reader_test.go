package sqlstore

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func TestReaders(t *testing.T) {
	t.Parallel()
	onBoth(t, testReaders)
	t.Run("Close folds SQLite's log into the file", func(t *testing.T) {
		t.Parallel()
		s := openNew(t)
		if err := s.Apply(t.Context(), retirement("a")); err != nil {
			t.Fatal(err)
		}
		exists(t, s, "a")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(placeOf(s) + "-wal"); err == nil {
			t.Error("the log is still there")
		}
	})
}

func testReaders(t *testing.T, fresh func(testing.TB) string) {
	t.Run("a reader on which something went wrong is replaced, and sees what is new", func(t *testing.T) {
		t.Parallel()
		s := openAt(t, fresh(t))
		wrong := errors.New("wrong")
		for i := range 3 * cap(s.readers.idle) {
			err := s.view(t.Context(), func(c *session) error {
				if _, err := c.one("SELECT COUNT(*) FROM userid", nil, []any{new(int)}); err != nil {
					t.Error(err)
				}
				return wrong
			})
			if !errors.Is(err, wrong) {
				t.Fatalf("got error %v, want %v", err, wrong)
			}
			id := strings.Repeat("a", i+1)
			if err := s.Apply(t.Context(), retirement(id)); err != nil {
				t.Fatal(err)
			}
			if !exists(t, s, id) {
				t.Fatalf("%s isn't seen", id)
			}
		}
		if n := s.read.Stats().OpenConnections; n > cap(s.readers.idle) {
			t.Errorf("%d connections are open, want at most %d", n, cap(s.readers.idle))
		}
	})
	t.Run("a caller who gives up doesn't wait for a reader", func(t *testing.T) {
		t.Parallel()
		s := openAt(t, fresh(t))
		for range cap(s.readers.idle) {
			lent := <-s.readers.idle
			defer func() { s.readers.idle <- lent }()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Load(ctx, identity.Query{})
		if !errors.Is(err, identity.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want ErrUnavailable because of the context", err)
		}
	})
	t.Run("no reader can write", func(t *testing.T) {
		t.Parallel()
		s := openAt(t, fresh(t))
		err := s.view(t.Context(), func(c *session) error {
			_, err := c.exec("DELETE FROM userid")
			return err
		})
		if err == nil {
			t.Error("it did")
		}
		err = s.readers.use(t.Context(), func(c *session) error {
			_, err := c.exec("DELETE FROM userid")
			return err
		})
		if err == nil {
			t.Error("outside of a view it did")
		}
	})
	t.Run("every statement finds its rows by an index", func(t *testing.T) {
		t.Parallel()
		wantIndexed(t, openAt(t, fresh(t)))
	})
}

// wantIndexed makes the store prepare all that it ever asks, and looks how the engine
// would answer.
func wantIndexed(t *testing.T, s *Store) {
	everything(t, s)
	statements := map[string]bool{}
	for range cap(s.readers.idle) {
		r := <-s.readers.idle
		if r != nil {
			for q := range r.statements {
				statements[q] = true
			}
		}
		defer func() { s.readers.idle <- r }()
	}
	if err := s.writer.write(t.Context(), func(c *session) error {
		for q := range c.statements {
			statements[q] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(statements) < 30 {
		t.Errorf("only %d statements were seen", len(statements))
	}
	if isPostgres(placeOf(s)) {
		run(t, placeOf(s), crowd...)
	}
	for q := range statements {
		switch {
		case strings.Contains(q, "FROM secret WHERE substr"): // a handful of rows, read at start
		case strings.HasPrefix(q, "DELETE FROM"): // once in a while, over what is short
		default:
			wantPlan(t, s, q)
		}
	}
}

func wantPlan(t *testing.T, s *Store, query string) {
	if !strings.Contains(query, "WHERE") {
		return
	}
	args := make([]any, strings.Count(query, "$"))
	for n := len(args); n > 0 && !strings.Contains(query, "$"+strconv.Itoa(n)); n-- {
		args = args[:n-1]
	}
	if isPostgres(placeOf(s)) {
		wantPostgresPlan(t, s, query, len(args))
		return
	}
	rows, err := s.read.Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Errorf("%s: %v", query, err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		// An index of which only the realm is used goes through a whole company.
		// The common table expression itself has no index and needs none. All open
		// platforms are looked through: they are few.
		if strings.HasSuffix(detail, "(realm=?)") || strings.HasPrefix(detail, "SCAN") && detail != "SCAN gone" && !strings.HasPrefix(detail, "SCAN a USING") && detail != "SCAN CONSTANT ROW" {
			t.Errorf("%s\nis answered by %s", query, detail)
		}
	}
}

// crowd fills the tables that are joined, or searched for several keys at once: of those
// that are almost empty PostgreSQL doesn't care how it reads them.
var crowd = []string{
	`INSERT INTO userid (realm, id, kind, born, version) SELECT 'shop', 'x' || i, 'real', 1, 1 FROM generate_series(1, 5000) AS i`,
	`INSERT INTO union_key (realm, subject, unionid, userid, slot, epoch, version) SELECT 'shop', 'open1', 'x' || i, 'x' || i, 0, 0, 1 FROM generate_series(1, 5000) AS i`,
	`INSERT INTO openid_key (realm, appid, openid, subject, unionid, gen, version) SELECT 'shop', 'wx1', 'x' || i, 'open1', 'x' || i, 0, 1 FROM generate_series(1, 5000) AS i`,
	`INSERT INTO tombstone (realm, mark, gen, at) SELECT 'shop', 'x' || i, 0, 1 FROM generate_series(1, 5000) AS i`,
	`INSERT INTO login (realm, session, appid, openid, userid, used) SELECT 'shop', 'x' || i, 'wx1', 'x' || i, 'x' || i, 1 FROM generate_series(1, 5000) AS i`,
	`ANALYZE`,
}

// wantPostgresPlan wants the same of PostgreSQL, with the settings of our connections:
// by itself it goes through a table that is almost empty.
func wantPostgresPlan(t *testing.T, s *Store, query string, args int) {
	conn, err := s.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	execute := "EXPLAIN EXECUTE asked"
	if args > 0 {
		execute += "(NULL" + strings.Repeat(", NULL", args-1) + ")"
	}
	if _, err := conn.ExecContext(t.Context(), "PREPARE asked AS "+query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer conn.ExecContext(t.Context(), "DEALLOCATE asked")
	rows, err := conn.QueryContext(t.Context(), execute)
	if err != nil {
		t.Errorf("%s: %v", query, err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, "Seq Scan") || regexp.MustCompile(`Index Cond: \(realm = \$1\)$`).MatchString(line) {
			t.Errorf("%s\nis answered by %s", query, line)
		}
	}
}

// everything calls every method on facts that make it ask all that it can ask.
func everything(t *testing.T, s *Store) {
	ctx, c := t.Context(), centre(s)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var guest identity.Answer
	for _, x := range []identity.Claim{claim("o1", ""), claim("o2", "n1"), claim("o1", "n1"), claim("o3", "n1"), claim("o4", "n4"), claim("o4", "n1"), claim("o5", "")} {
		answer, err := c.Resolve(ctx, x)
		must(err)
		guest = answer
	}
	real := claim("o1", "n1")
	real.User, real.UserKind = "r1", identity.Real
	_, err := c.Resolve(ctx, real)
	must(err)
	fresh := claim("o6", "n6")
	fresh.User, fresh.UserKind, fresh.Bind = "r6", identity.Real, true
	_, err = c.Resolve(ctx, fresh)
	must(err)
	for _, user := range []string{"r1", guest.User.ID, "nobody"} {
		_, err := s.Load(ctx, identity.Query{Realm: "shop", Openid: identity.Openid{AppID: "wx1", OpenID: "o4"}, Unionid: identity.Unionid{Subject: "open1"}, User: user})
		must(err)
	}
	for _, user := range []string{"r1", guest.User.ID, "nobody"} {
		_, err := c.User(ctx, "shop", user)
		must(err)
	}
	_, err = s.Openids(ctx, "shop", identity.Openid{AppID: "wx1", OpenID: "o1"}, 1)
	must(err)
	_, err = c.Audit(ctx, "shop", "r1", 0, 1)
	must(err)
	must(fromTheEnd(ctx, s))
	_, err = s.Rebinds(ctx, "shop", identity.RebindWaiting, "r1", 1)
	must(err)
	must(s.CarryLogins(ctx, "s", "t", identity.Openid{AppID: "wx1", OpenID: "o1"}, s.now()))
	_, err = s.Events(ctx, "shop", 0, 1)
	must(err)
	_, err = s.Conflicts(ctx, "shop", 0, 1)
	must(err)
	_, _, err = s.Stale(ctx, 0, 1)
	must(err)
	must(s.PutSecret(ctx, identity.Secret{Name: "a", Sealed: []byte{1}}))
	must(s.PutSecret(ctx, identity.Secret{Name: "a", Sealed: []byte{1}, Version: 1}))
	_, err = s.Secrets(ctx, "a")
	must(err)
	must(s.Revoke(ctx, identity.Revocation{Session: "s", From: s.now(), Until: s.now()}))
	_, err = s.Revoked(ctx, "s")
	must(err)
	_, err = s.Subject(ctx, "wx1", "open1")
	must(err)
	must(s.Sweep(ctx, s.now()))
}

// fromTheEnd asks what the console asks of events and the audit.
func fromTheEnd(ctx context.Context, s *Store) error {
	_, err := s.LastEvent(ctx, "shop")
	for _, q := range []identity.AuditQuery{{}, {About: "r1"}, {Actor: "gateway", Op: "resolve"}, {From: s.now(), To: s.now()}} {
		q.Realm, q.Limit, q.Look = "shop", 1, 5
		if err == nil {
			_, _, err = centre(s).AuditBack(ctx, q)
		}
	}
	return err
}
