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
