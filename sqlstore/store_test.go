package sqlstore

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// openAt opens the facts at path until the test ends.
func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := OpenSQLite(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openNew(t testing.TB) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "facts.db"))
}

func centre(s identity.Store) *identity.Centre {
	return &identity.Centre{
		Store:    s,
		GuestKey: func(string) ([]byte, error) { return bytes.Repeat([]byte{7}, 32), nil },
		PrevFor:  24 * time.Hour,
		Now:      time.Now,
	}
}

func claim(openid, unionid string) identity.Claim {
	return identity.Claim{
		Realm: "shop", Openid: identity.Openid{AppID: "wx1", OpenID: openid},
		Unionid: identity.Unionid{Subject: "open1", UnionID: unionid}, Via: "test",
	}
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	c := centre(s)
	a, err := c.Resolve(t.Context(), claim("o1", ""))
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Resolve(t.Context(), claim("o1", "u1"))
	if err != nil {
		t.Fatal(err)
	}
	if a.User.ID != b.User.ID {
		t.Fatal(a, b)
	}
	real := claim("o1", "u1")
	real.User, real.UserKind = "r1", identity.Real
	d, err := c.Resolve(t.Context(), real)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := s.Events(t.Context(), "shop", 0, 10)
	t.Log(d, ev, err)
	st, n, err := s.Stale(t.Context(), 0, 10)
	t.Log(st, n, err)
}

func BenchmarkLoadReturning(b *testing.B) {
	s := openNew(b)
	if _, err := centre(s).Resolve(b.Context(), claim("o1", "u1")); err != nil {
		b.Fatal(err)
	}
	q := identity.Query{Realm: "shop", Openid: identity.Openid{AppID: "wx1", OpenID: "o1"}, Unionid: identity.Unionid{Subject: "open1"}, PrevSince: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Load(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
