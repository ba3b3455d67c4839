package caddymodule

import (
	"testing"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

func TestSites(t *testing.T) {
	t.Parallel()
	s, key := newSites(), siteKey{name: "shop"}
	loads := 0
	load := func() (*directory.Site, error) { loads++; return &directory.Site{PTID: "shop"}, nil }
	t.Run("what was read a moment before it changed is not kept", func(t *testing.T) {
		_, err := s.find(key, func() (*directory.Site, error) { s.forget("shop"); return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
		if site, _ := s.find(key, load); site == nil {
			t.Error("the site that wasn't there is kept as none")
		}
	})
	t.Run("what is kept isn't read again until it is forgotten, and a host isn't a site", func(t *testing.T) {
		loads = 0
		host := siteKey{true, "shop"}
		for range 3 {
			for _, k := range []siteKey{key, host} {
				if _, err := s.find(k, load); err != nil {
					t.Fatal(err)
				}
			}
		}
		if loads != 1 { // the site is kept already
			t.Errorf("read %d times", loads)
		}
		s.forget("other") // all hosts go with it
		for _, k := range []siteKey{key, host} {
			if _, err := s.find(k, load); err != nil {
				t.Fatal(err)
			}
		}
		if loads != 2 {
			t.Errorf("read %d times", loads)
		}
	})
}
