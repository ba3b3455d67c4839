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

// TestDirectory_again has entries taken away and made again: who opened one before mustn't
// overwrite the one that is there now.
func TestDirectory_again(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t testing.TB) string) {
		s, ctx := openAt(t, fresh(t)), t.Context()
		site := func(version int64) directory.KeptSite {
			return directory.KeptSite{Entry: directory.Entry{Version: version, At: time.UnixMicro(1)}, Site: directory.Site{PTID: "one", Audience: "one"}}
		}
		account := func(version int64) directory.KeptAccount {
			return directory.KeptAccount{Entry: directory.Entry{Version: version, At: time.UnixMicro(1)}, Account: directory.Account{AppID: "wx01"}, Sealed: []byte{1}}
		}
		var sites, accounts []int64
		for range 3 {
			_, changes, err := s.KeptAccounts(ctx)
			if err := errors.Join(err, s.PutKeptAccount(ctx, account(0), changes), s.PutKeptSite(ctx, site(0), changes+1)); err != nil {
				t.Fatal(err)
			}
			list, changes, err := s.KeptAccounts(ctx)
			kept, _, wrong := s.KeptSite(ctx, "one")
			if err := errors.Join(err, wrong); err != nil {
				t.Fatal(err)
			}
			for _, old := range append(sites, accounts...) {
				if err := s.PutKeptSite(ctx, site(old), changes); !errors.Is(err, identity.ErrConflict) {
					t.Errorf("a site is written from version %d, which is over: %v", old, err)
				}
				if err := s.PutKeptAccount(ctx, account(old), changes); !errors.Is(err, identity.ErrConflict) {
					t.Errorf("an account is written from version %d, which is over: %v", old, err)
				}
			}
			sites, accounts = append(sites, kept.Version), append(accounts, list[0].Version)
			if err := errors.Join(s.DropKeptSite(ctx, "one", kept.Version), s.DropKeptAccount(ctx, "wx01", list[0].Version)); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.IsSorted(sites) || !slices.IsSorted(accounts) {
			t.Errorf("versions are %v and %v", sites, accounts)
		}
	})
}

// TestDirectory_judged has two nodes write at once what each has judged by itself: of
// several who saw the same accounts one writes.
func TestDirectory_judged(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		nodes, ctx := []*Store{openAt(t, place), openAt(t, place)}, t.Context()
		const n = 8
		errs := make(chan error, n)
		for i := range n {
			go func() {
				a := directory.KeptAccount{Account: directory.Account{AppID: fmt.Sprint("wx", i)}, Entry: directory.Entry{At: time.UnixMicro(1)}, Sealed: []byte{1}}
				errs <- nodes[i%2].PutKeptAccount(ctx, a, 0)
			}()
		}
		written := 0
		for range n {
			if err := <-errs; err == nil {
				written++
			} else if !errors.Is(err, directory.ErrMoved) {
				t.Error(err)
			}
		}
		list, changes, err := nodes[0].KeptAccounts(ctx)
		if err != nil || written != 1 || len(list) != 1 || changes != 1 {
			t.Fatalf("%d were written; kept is %+v after %d changes, %v", written, list, changes, err)
		}
		site := directory.KeptSite{Site: directory.Site{PTID: "one", Audience: "one", Accounts: []string{list[0].Account.AppID}}, Entry: directory.Entry{At: time.UnixMicro(1)}}
		if err := nodes[0].DropKeptAccount(ctx, list[0].Account.AppID, list[0].Version); err != nil {
			t.Fatal(err)
		}
		if err := nodes[1].PutKeptSite(ctx, site, changes); !errors.Is(err, directory.ErrMoved) {
			t.Errorf("a site is written whose account is gone: %v", err)
		}
		if _, found, err := nodes[0].KeptSite(ctx, "one"); found || err != nil {
			t.Errorf("it is there: %t %v", found, err)
		}
	})
}
