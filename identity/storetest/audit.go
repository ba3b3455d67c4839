package storetest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// record is an audit about a digest, whose sealed bytes tell what they were made of.
func record(about string) *identity.AuditEntry {
	return &identity.AuditEntry{
		Actor: "key:1", Op: "bind", About: about, Salt: []byte("salt of " + about),
		Seal: func(seq int64, salt []byte) []byte { return fmt.Appendf(nil, "%d %s", seq, salt) },
	}
}

func recorded(about string) identity.Change {
	return identity.Change{Realm: realm, At: t0, Audit: record(about)}
}

func audit(t *testing.T, s identity.Store, about string, after int64, limit int) []identity.AuditRow {
	t.Helper()
	rows, err := s.Audit(t.Context(), realm, about, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// audits: who changed what.
func (h Harness) audits(t *testing.T) {
	h.promise(t, "Audit returns at most limit records with Seq > after, in order; with about, only those", func(t *testing.T, s identity.Store) {
		for _, about := range []string{"a", "b", "a", "a"} {
			apply(t, s, recorded(about))
		}
		other := recorded("a")
		other.Realm = "other"
		apply(t, s, other)
		for _, tt := range []struct {
			about string
			after int64
			limit int
			want  string
		}{
			{"", 0, 9, "[1 2 3 4]"},
			{"", 1, 2, "[2 3]"},
			{"a", 0, 9, "[1 3 4]"},
			{"a", 1, 1, "[3]"},
			{"c", 0, 9, "[]"},
			{"", 4, 9, "[]"},
		} {
			got := []int64{}
			for _, r := range audit(t, s, tt.about, tt.after, tt.limit) {
				got = append(got, r.Seq)
			}
			equal(t, fmt.Sprintf("%+v", tt), fmt.Sprint(got), tt.want)
		}
	})
	h.promise(t, "AuditBack returns at most q.Limit records that a query picks, the newest first, and where it goes on", auditedBack)
	h.promise(t, "a record is sealed with its number and the salt of whom it is about, which stays the same", func(t *testing.T, s identity.Store) {
		apply(t, s, recorded("a"))
		second := recorded("a")
		second.Audit.Salt = []byte("another salt")
		apply(t, s, second)
		for _, r := range audit(t, s, "", 0, 9) {
			equal(t, "sealed", string(r.Sealed), fmt.Sprintf("%d salt of a", r.Seq))
			equal(t, "salt", string(r.Salt), "salt of a")
			equal(t, "actor", r.Actor, "key:1")
			equal(t, "op", r.Op, "bind")
			equal(t, "at", r.At, t0)
		}
	})
	h.promise(t, "each record is chained to the one before", func(t *testing.T, s identity.Store) {
		for _, about := range []string{"a", "b", "c"} {
			apply(t, s, recorded(about))
		}
		var before []byte
		for _, r := range audit(t, s, "", 0, 9) {
			if before = identity.AuditHash(before, realm, r); !bytes.Equal(r.Hash, before) {
				t.Errorf("record %d: hash %x, want %x", r.Seq, r.Hash, before)
			}
		}
	})
	h.promise(t, "Salt is nil if it was destroyed, and the chain is whole", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		c.Audit = record(markOf(identity.MarkUser, "r1"))
		apply(t, s, c, recorded("b"), erase(erasure(), t0))
		rows := audit(t, s, "", 0, 9)
		if len(rows) != 2 || rows[0].Salt != nil || rows[1].Salt == nil {
			t.Errorf("records %+v", rows)
		}
		if _, _, err := identity.VerifyAudit(t.Context(), s, realm, func(int64) {}); err != nil {
			t.Error(err)
		}
	})
	h.promise(t, "a change that lost leaves no record", func(t *testing.T, s identity.Store) {
		apply(t, s, recorded("a"))
		c := recorded("b")
		c.Seen = []identity.User{at(named("r9"), 1)}
		wantConflict(t, s.Apply(t.Context(), c))
		apply(t, s, recorded("c"))
		rows := audit(t, s, "", 0, 9)
		if len(rows) != 2 || rows[1].Seq != 2 {
			t.Errorf("records %+v", rows)
		}
	})
	h.promise(t, "a change that would only list a conflict that is listed already writes nothing at all", func(t *testing.T, s identity.Store) {
		c := recorded("a")
		c.Conflict = conflict("o1", "n2")
		told := replaced("c1", "r1")
		told.ID, told.Type = "c1.conflict", identity.EventConflict
		c.Events, c.Stale = []identity.Event{told}, []string{"v1"}
		apply(t, s, c, c, c)
		equal(t, "records", len(audit(t, s, "", 0, 9)), 1)
		equal(t, "events", len(events(t, s, realm)), 1)
		_, newest := stale(t, s, -1)
		equal(t, "entries for caches", newest, 1)
	})
	h.promise(t, "a conflict that was told, and listed again since it was taken off the list, is told once", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", named("r1")))
		c := recorded("a")
		c.Conflict = conflict("o1", "n2")
		told := replaced("c1", "r1")
		told.ID, told.Type = "c1.conflict", identity.EventConflict
		c.Events = []identity.Event{told}
		apply(t, s, c, erase(erasure(), t0), c)
		rows, err := s.Conflicts(t.Context(), realm, 0, 9)
		if err != nil || len(rows) != 1 {
			t.Errorf("listed %v, %v", rows, err)
		}
		all := events(t, s, realm)
		if len(all) != 1 || all[0].Seq != 1 {
			t.Errorf("told %v", all)
		}
	})
	h.promise(t, "another event can't be told twice", func(t *testing.T, s identity.Store) {
		c := change(named("r1"))
		c.Events = []identity.Event{replaced("v1", "r1")}
		apply(t, s, c)
		c.Users = []identity.User{named("r2")}
		wantConflict(t, s.Apply(t.Context(), c))
	})
}
