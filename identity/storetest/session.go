package storetest

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func revoke(t *testing.T, s identity.Store, session string, from, until time.Time) {
	t.Helper()
	if err := s.Revoke(t.Context(), identity.Revocation{Session: session, From: from, Until: until}); err != nil {
		t.Fatalf("revoking: %v", err)
	}
}

func wantRevoked(t *testing.T, s identity.Store, session string, want time.Time) {
	t.Helper()
	got, err := s.Revoked(t.Context(), session)
	if err != nil {
		t.Fatalf("asking for a revocation: %v", err)
	}
	equal(t, session, got, want)
}

// sessions: which sessions ended before their time.
func (h Harness) sessions(t *testing.T) {
	day := t0.Add(24 * time.Hour)
	h.promise(t, "Revoke ends a session at From, and Revoked says so", func(t *testing.T, s identity.Store) {
		revoke(t, s, "s1", t0, day)
		wantRevoked(t, s, "s1", t0)
	})
	h.promise(t, "Revoked is zero for a session that isn't ended", func(t *testing.T, s identity.Store) {
		revoke(t, s, "s1", t0, day)
		wantRevoked(t, s, "s2", time.Time{})
	})
	h.promise(t, "revoking a session twice keeps the earlier moment", func(t *testing.T, s identity.Store) {
		revoke(t, s, "s1", t0.Add(time.Minute), day)
		revoke(t, s, "s1", t0.Add(time.Hour), day)
		wantRevoked(t, s, "s1", t0.Add(time.Minute))
		revoke(t, s, "s1", t0, day)
		wantRevoked(t, s, "s1", t0)
	})
	h.promise(t, "revoking a session twice keeps the later end of its life", func(t *testing.T, s identity.Store) {
		revoke(t, s, "s1", t0, day)
		revoke(t, s, "s1", t0, day.Add(-time.Hour))
		sweep(t, s, day.Add(-time.Minute))
		wantRevoked(t, s, "s1", t0)
		revoke(t, s, "s1", t0, day.Add(time.Hour))
		sweep(t, s, day.Add(time.Minute))
		wantRevoked(t, s, "s1", t0)
	})
	h.promise(t, "revoking a session again in the same way writes nothing", func(t *testing.T, s identity.Store) {
		revoke(t, s, "s1", t0, day)
		_, before := stale(t, s, -1)
		revoke(t, s, "s1", t0, day)
		_, after := stale(t, s, -1)
		equal(t, "entries for caches", after, before)
	})
	h.promise(t, "Sweep forgets revocations whose sessions are over by now, and no others", func(t *testing.T, s identity.Store) {
		revoke(t, s, "over", t0, day)
		revoke(t, s, "not over", t0, day.Add(time.Microsecond))
		sweep(t, s, day)
		wantRevoked(t, s, "over", time.Time{})
		wantRevoked(t, s, "not over", t0)
	})
}

func sweep(t *testing.T, s identity.Store, now time.Time) {
	t.Helper()
	if err := s.Sweep(t.Context(), now); err != nil {
		t.Fatalf("sweeping: %v", err)
	}
}
