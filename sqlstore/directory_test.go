package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

var _ directory.Store = (*Store)(nil) // what the directory asks of a store

func TestDirectory(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t testing.TB) string) {
		s, now := openAt(t, fresh(t)), time.UnixMicro(1_800_000_000_000_000).UTC()
		keptAccounts(t, s, now)
		keptSites(t, s, now)
	})
}

func keptAccounts(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	ctx := t.Context()
	a := directory.KeptAccount{Entry: directory.Entry{At: now, By: "li"}, Account: directory.Account{AppID: "wx01", Kind: "service", PassThrough: []string{"/cgi-bin/x"}}, Sealed: []byte{0, 1, 255}}
	if err := s.PutKeptAccount(ctx, a, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.PutKeptAccount(ctx, a, 1); !errors.Is(err, identity.ErrConflict) {
		t.Errorf("an account twice: %v", err)
	}
	a.Version = 1
	got, changes, err := s.KeptAccounts(ctx)
	if err != nil || len(got) != 1 || changes != 1 || fmt.Sprint(got[0]) != fmt.Sprint(a) {
		t.Errorf("kept is %+v %v, want %+v", got, err, a)
	}
	a.By, a.Account.Verify = "wang", "0123456789abcdef"
	if err := s.PutKeptAccount(ctx, a, changes); err != nil {
		t.Fatal(err)
	}
	if err := s.PutKeptAccount(ctx, a, 2); !errors.Is(err, identity.ErrConflict) {
		t.Errorf("an account from a version that is over: %v", err)
	}
	if got, _, _ = s.KeptAccounts(ctx); len(got) != 1 || got[0].Version != 2 || got[0].By != "wang" || got[0].Account.Verify == "" {
		t.Errorf("kept is %+v", got)
	}
	if stale, _, err := s.Stale(ctx, 0, 10); err != nil || len(stale) != 2 || stale[1].Kind != identity.StaleAccount || stale[1].Key != "wx01" {
		t.Errorf("caches are told %+v %v", stale, err)
	}
}

func keptSites(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	ctx := t.Context()
	put := func(version int64, site directory.Site) error {
		return s.PutKeptSite(ctx, directory.KeptSite{Entry: directory.Entry{Version: version, At: now, By: "li"}, Site: site}, 2)
	}
	one := directory.Site{PTID: "One", Realm: "main", Audience: "aud-1", Accounts: []string{"wx01", "wx02", "wx01"}, Hosts: []string{"h.example.com"}, Algorithm: "RS256"}
	two := directory.Site{PTID: "two", Realm: "other", Audience: "aud-2", Accounts: []string{"wx01"}}
	for _, site := range []directory.Site{one, two} {
		if err := put(0, site); err != nil {
			t.Fatal(err)
		}
		if err := put(0, site); !errors.Is(err, identity.ErrConflict) {
			t.Errorf("a site twice: %v", err)
		}
	}
	thief := two
	thief.Audience = one.Audience
	if err := put(siteVersion(t, s, "two"), thief); !errors.Is(err, directory.ErrAudience) {
		t.Errorf("the audience of another: %v", err)
	}
	if got, found, err := s.KeptSite(ctx, "One"); err != nil || !found || got.Version != 3 || fmt.Sprint(got.Site) != fmt.Sprint(one) {
		t.Errorf("kept is %+v %t %v", got, found, err)
	}
	if _, found, err := s.KeptSite(ctx, "one"); err != nil || found {
		t.Errorf("there is a site of another spelling: %v", err)
	}
	uses, algorithms, err := s.KeptUses(ctx)
	want := []directory.Use{{AppID: "wx01", Realm: "main", First: "One"}, {AppID: "wx01", Realm: "other", First: "two"}, {AppID: "wx02", Realm: "main", First: "One"}}
	if err != nil || !slices.Equal(uses, want) || !slices.Equal(algorithms, []string{"RS256"}) {
		t.Errorf("used is %+v %v %v", uses, algorithms, err)
	}
	usedMore(t, s)
	if err := s.DropKeptAccount(ctx, "wx01", 2); !errors.Is(err, directory.ErrUsed) {
		t.Errorf("an account in use goes: %v", err)
	}
	listedSites(t, s)
	one.Accounts, one.Hosts = []string{"wx02"}, nil
	if err := put(siteVersion(t, s, "One"), one); err != nil {
		t.Fatal(err)
	}
	if found, err := s.KeptHost(ctx, "h.example.com"); found || err != nil {
		t.Errorf("a host that the site has no more: %t %v", found, err)
	}
	if err := s.DropKeptSite(ctx, "two", 1); !errors.Is(err, identity.ErrConflict) {
		t.Errorf("a site goes from another version: %v", err)
	}
	for _, do := range []error{s.DropKeptSite(ctx, "two", siteVersion(t, s, "two")), s.DropKeptAccount(ctx, "wx01", 2)} {
		if do != nil {
			t.Error(do)
		}
	}
	stale, _, err := s.Stale(ctx, 0, 100)
	if last := stale[len(stale)-1]; err != nil || last.Kind != identity.StaleAccount || stale[len(stale)-2].Kind != identity.StaleSite || stale[len(stale)-2].Key != "two" {
		t.Errorf("caches are told %+v %v", stale, err)
	}
}

// usedMore adds a second site of an account in a realm for a while.
func usedMore(t *testing.T, s *Store) {
	t.Helper()
	three := directory.Site{PTID: "three", Realm: "other", Audience: "aud-3", Accounts: []string{"wx01"}, Algorithm: "EdDSA"}
	if err := s.PutKeptSite(t.Context(), directory.KeptSite{Entry: directory.Entry{At: time.UnixMicro(1)}, Site: three}, 2); err != nil {
		t.Fatal(err)
	}
	uses, algorithms, err := s.KeptUses(t.Context())
	if want := (directory.Use{AppID: "wx01", Realm: "other", First: "three", More: true}); err != nil || len(uses) != 3 || uses[1] != want || !slices.Equal(algorithms, []string{"EdDSA", "RS256"}) {
		t.Errorf("used is %+v %v %v", uses, algorithms, err)
	}
	if err := s.DropKeptSite(t.Context(), "three", siteVersion(t, s, "three")); err != nil {
		t.Fatal(err)
	}
}

func siteVersion(t *testing.T, s *Store, ptid string) int64 {
	t.Helper()
	site, _, err := s.KeptSite(t.Context(), ptid)
	if err != nil {
		t.Fatal(err)
	}
	return site.Version
}

func listedSites(t *testing.T, s *Store) {
	t.Helper()
	for _, c := range []struct {
		f    directory.SiteFilter
		want string
	}{
		{directory.SiteFilter{Limit: 9}, "[One two]"},
		{directory.SiteFilter{Limit: 1}, "[One]"},
		{directory.SiteFilter{Limit: 9, After: "One"}, "[two]"},
		{directory.SiteFilter{Limit: 9, Realm: "other"}, "[two]"},
		{directory.SiteFilter{Limit: 9, AppID: "wx02"}, "[One]"},
		{directory.SiteFilter{Limit: 9, Search: "H.Example"}, "[One]"},
		{directory.SiteFilter{Limit: 9, Search: "%"}, "[]"},
	} {
		list, err := s.KeptSites(t.Context(), c.f)
		names := []string{}
		for _, site := range list {
			names = append(names, site.Site.PTID)
		}
		if fmt.Sprint(names) != c.want || err != nil {
			t.Errorf("%+v lists %v %v, want %s", c.f, names, err, c.want)
		}
	}
}

// TestDirectory_order has names that databases order by taste: pages go by bytes.
func TestDirectory_order(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t testing.TB) string) {
		s := openAt(t, fresh(t))
		want := []string{"A", "B", "a", "a-2", "a1", "a_1", "b"}
		for _, ptid := range want {
			if err := s.PutKeptSite(t.Context(), directory.KeptSite{Site: directory.Site{PTID: ptid, Audience: ptid}, Entry: directory.Entry{At: time.UnixMicro(1)}}, 0); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page, err := s.KeptSites(t.Context(), directory.SiteFilter{After: after, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			got = append(got, page[0].Site.PTID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("listed %q", got)
		}
	})
}

// BenchmarkSites has 100,000 sites in the facts.
func BenchmarkSites(b *testing.B) {
	for engine, fresh := range engines {
		b.Run(engine, func(b *testing.B) {
			s := openAt(b, fresh(b))
			const n, part = 100_000, 1000
			for from := 0; from < n; from += part {
				err := s.writer.write(b.Context(), func(c *session) error {
					for i := from; i < from+part; i++ {
						site := directory.Site{PTID: fmt.Sprintf("s%06d", i), Realm: "main", Audience: fmt.Sprint(i), Accounts: []string{fmt.Sprintf("wx%d", i%100)}}
						if err := putSite(c, directory.KeptSite{Site: site, Entry: directory.Entry{At: time.UnixMicro(1)}}, 1); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			for what, do := range map[string]func() error{
				"one":              func() error { _, _, err := s.KeptSite(b.Context(), "s050000"); return err },
				"one that isn't":   func() error { _, _, err := s.KeptSite(b.Context(), "none"); return err },
				"how all are used": func() error { _, _, err := s.KeptUses(b.Context()); return err },
				"page": func() error {
					_, err := s.KeptSites(b.Context(), directory.SiteFilter{After: "s050000", Limit: 100})
					return err
				},
				"search for none": func() error {
					_, err := s.KeptSites(b.Context(), directory.SiteFilter{Search: "nothing", Limit: 100})
					return err
				},
			} {
				b.Run(what, func(b *testing.B) {
					for b.Loop() {
						if err := do(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
