package storetest

import (
	"bytes"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func put(t *testing.T, s identity.Store, secrets ...identity.Secret) {
	t.Helper()
	for _, x := range secrets {
		if err := s.PutSecret(t.Context(), x); err != nil {
			t.Fatalf("putting secret: %v", err)
		}
	}
}

func secrets(t *testing.T, s identity.Store, prefix string) []identity.Secret {
	t.Helper()
	got, err := s.Secrets(t.Context(), prefix)
	if err != nil {
		t.Fatalf("reading secrets: %v", err)
	}
	return got
}

// secrets: sealed bytes under a name.
func (h Harness) secrets(t *testing.T) {
	h.promise(t, "Secrets returns those whose name begins with prefix, by name", func(t *testing.T, s identity.Store) {
		for _, name := range []string{"b/2", "a/1", "b/1", "b", "B/1", "b/10", "c%", "b_2", "é/1"} {
			put(t, s, identity.Secret{Name: name, Sealed: []byte(name)})
		}
		for _, c := range []struct {
			prefix string
			want   []string
		}{
			{"b/", []string{"b/1", "b/10", "b/2"}},
			{"", []string{"B/1", "a/1", "b", "b/1", "b/10", "b/2", "b_2", "c%", "é/1"}},
			{"c%", []string{"c%"}},
			{"%", nil},
			{"b_", []string{"b_2"}},
			{"é", []string{"é/1"}},
			{"d", nil},
		} {
			got := secrets(t, s, c.prefix)
			var names []string
			for _, x := range got {
				names = append(names, x.Name)
				equal(t, "sealed", string(x.Sealed), x.Name)
			}
			if len(names) != len(c.want) {
				t.Fatalf("prefix %q: got %q, want %q", c.prefix, names, c.want)
			}
			for i := range names {
				equal(t, "name", names[i], c.want[i])
			}
		}
	})
	h.promise(t, "any bytes come back as they were put", func(t *testing.T, s identity.Store) {
		all := make([]byte, 1024)
		for i := range all {
			all[i] = byte(i)
		}
		put(t, s, identity.Secret{Name: "a", Sealed: all})
		if got := secrets(t, s, "a")[0].Sealed; !bytes.Equal(got, all) {
			t.Errorf("got %x, want %x", got, all)
		}
	})
	h.promise(t, "PutSecret inserts a secret (Version 0) or replaces it at that version", func(t *testing.T, s identity.Store) {
		put(t, s, identity.Secret{Name: "a", Sealed: []byte("one")})
		equal(t, "version", secrets(t, s, "a")[0].Version, 1)
		put(t, s, identity.Secret{Name: "a", Sealed: []byte("two"), Version: 1})
		got := secrets(t, s, "a")[0]
		equal(t, "version", got.Version, 2)
		equal(t, "sealed", string(got.Sealed), "two")
	})
	h.promise(t, "PutSecret returns ErrConflict if somebody else was faster, and changes nothing", func(t *testing.T, s identity.Store) {
		put(t, s, identity.Secret{Name: "a", Sealed: []byte("one")})
		_, before := stale(t, s, -1)
		for _, version := range []int64{0, 2} {
			wantConflict(t, s.PutSecret(t.Context(), identity.Secret{Name: "a", Sealed: []byte("two"), Version: version}))
		}
		wantConflict(t, s.PutSecret(t.Context(), identity.Secret{Name: "b", Sealed: []byte("two"), Version: 1}))
		got := secrets(t, s, "")
		equal(t, "secrets", len(got), 1)
		equal(t, "sealed", string(got[0].Sealed), "one")
		_, after := stale(t, s, -1)
		equal(t, "entries for caches", after, before)
	})
}

// subject: which subject an account belongs to.
func (h Harness) subject(t *testing.T) {
	ask := func(t *testing.T, s identity.Store, appID, subject, want string) {
		t.Helper()
		got, err := s.Subject(t.Context(), appID, subject)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, appID, got, want)
	}
	h.promise(t, "Subject records what is said first", func(t *testing.T, s identity.Store) {
		ask(t, s, "wx1", "open1", "open1")
		ask(t, s, "wx1", "open1", "open1")
	})
	h.promise(t, "Subject returns what is recorded, though something else is said later", func(t *testing.T, s identity.Store) {
		ask(t, s, "wx1", "open1", "open1")
		ask(t, s, "wx1", "open2", "open1")
		ask(t, s, "wx2", "open2", "open2")
		ask(t, s, "wx1", "open1", "open1")
	})
}
