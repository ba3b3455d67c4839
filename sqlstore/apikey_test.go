package sqlstore

import (
	"bytes"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

var _ identity.APIStore = (*Store)(nil)

// moment0 is when the tests of keys happen.
var moment0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestAPIKey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		s := openAt(t, fresh(t))
		ctx := t.Context()
		key := identity.APIKey{
			ID: "k1", Realm: "main", Name: "orders", Scopes: []identity.Scope{identity.ScopeRead, identity.ScopeBind}, Sites: []string{"shop", "game"},
			Hash: []byte{0, 1, 2, 255}, Made: moment0,
		}
		if err := s.PutAPIKey(ctx, key); err != nil {
			t.Fatal(err)
		}
		if got, err := s.APIKey(ctx, "k1"); err != nil || !reflect.DeepEqual(got, key) {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err := s.APIKey(ctx, "k2"); err != nil || got.ID != "" || got.Hash != nil {
			t.Errorf("of an id that nobody has there is %+v, %v", got, err)
		}
		if err := s.PutAPIKey(ctx, key); !errors.Is(err, identity.ErrConflict) {
			t.Errorf("the same id twice: %v", err)
		}
		if err := s.UseAPIKey(ctx, "k1", moment0.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.UseAPIKey(ctx, "k1", moment0); err != nil { // a slower call
			t.Fatal(err)
		}
		for _, at := range []time.Time{moment0.Add(time.Minute), moment0.Add(2 * time.Minute)} {
			if found, err := s.RevokeAPIKey(ctx, "k1", at); err != nil || !found {
				t.Errorf("revoking: %v, %v", found, err)
			}
		}
		if found, err := s.RevokeAPIKey(ctx, "k2", moment0); err != nil || found {
			t.Errorf("revoking what isn't there: %v, %v", found, err)
		}
		other := identity.APIKey{ID: "k0", Realm: identity.AllRealms, Name: "ops", Scopes: []identity.Scope{identity.ScopeAudit}, Sites: []string{}, Hash: []byte{}, Made: moment0.Add(time.Hour)}
		if err := s.PutAPIKey(ctx, other); err != nil {
			t.Fatal(err)
		}
		key.Used, key.Revoked = moment0.Add(time.Hour), moment0.Add(time.Minute)
		if got, err := s.APIKeys(ctx); err != nil || len(got) != 2 || !reflect.DeepEqual(got[0], key) || got[1].ID != "k0" || len(got[1].Sites) != 0 {
			t.Errorf("listed %+v, %v", got, err)
		}
	})
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		s := openAt(t, fresh(t))
		ctx := t.Context()
		call := identity.Repeat{KeyID: "k1", Idem: "a", Fingerprint: []byte{1}, At: moment0}
		begin := func(r identity.Repeat, want bool) identity.Repeat {
			t.Helper()
			before, begun, err := s.BeginRepeat(ctx, r)
			if err != nil || begun != want {
				t.Fatalf("begun %v, want %v: %v", begun, want, err)
			}
			return before
		}
		begin(call, true)
		again := call
		again.At = moment0.Add(identity.RepeatPatience - time.Second)
		if before := begin(again, false); before.Status != 0 || !bytes.Equal(before.Fingerprint, []byte{1}) || !before.At.Equal(moment0) {
			t.Errorf("under way is %+v", before)
		}
		again.At = moment0.Add(identity.RepeatPatience)
		begin(again, true) // whoever began it has died
		call.Status, call.Body = 200, []byte("too late")
		if err := s.EndRepeat(ctx, call); err != nil {
			t.Fatal(err)
		}
		if before := begin(again, false); before.Status != 0 {
			t.Errorf("who lost his place has written %+v", before)
		}
		again.Status, again.Body = 200, []byte(`{"user":"u"}`)
		if err := s.EndRepeat(ctx, again); err != nil {
			t.Fatal(err)
		}
		again.At = again.At.Add(identity.RepeatLife - time.Second)
		if before := begin(again, false); before.Status != 200 || string(before.Body) != `{"user":"u"}` {
			t.Errorf("answered was %+v", before)
		}
		other := again
		other.KeyID = "k2"
		begin(other, true) // another key's calls are its own
		other.Status = 0
		if err := s.EndRepeat(ctx, other); err != nil {
			t.Fatal(err)
		}
		begin(other, true)
		again.At = again.At.Add(time.Second)
		begin(again, true) // a day has gone by
	})
}

func TestRepeat_onlyOneBegins(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		place := fresh(t)
		nodes := []*Store{openAt(t, place), openAt(t, place)}
		var began atomic.Int32
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				_, begun, err := nodes[i%2].BeginRepeat(t.Context(), identity.Repeat{KeyID: "k", Idem: "a", Fingerprint: []byte{1}, At: moment0})
				if err != nil {
					t.Error(err)
				}
				if begun {
					began.Add(1)
				}
			})
		}
		all.Wait()
		if began.Load() != 1 {
			t.Errorf("%d have begun the same call", began.Load())
		}
	})
}

func TestFeed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		s := openAt(t, fresh(t))
		c := centre(s)
		guest, err := c.Resolve(t.Context(), claim("o1", ""))
		if err != nil {
			t.Fatal(err)
		}
		for _, user := range []string{"real-1", "real-2"} {
			bind := claim("o1", "n1")
			bind.User, bind.UserKind, bind.Bind = user, identity.Real, true
			if user == "real-2" {
				bind.OpenID, bind.UnionID = "o2", "n2"
			}
			if _, err := c.Resolve(t.Context(), bind); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Unbind(t.Context(), "shop", "real-1", identity.Unionid{}, identity.By{Actor: "t"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Merge(t.Context(), "shop", "real-1", "real-2", identity.By{Actor: "t"}); err != nil {
			t.Fatal(err)
		}
		feed, err := s.Feed(t.Context(), "shop", 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := s.Events(t.Context(), "shop", 0, 10)
		if err != nil || len(plain) < 3 {
			t.Fatalf("events %v, %v", plain, err)
		}
		if feed[0].Old != guest.User.ID || plain[0].New != "real-1" || feed[0].New != "real-2" {
			t.Errorf("the guest went to %s, and the feed says %s", plain[0].New, feed[0].New)
		}
		plain[0].New = "real-2"
		if !reflect.DeepEqual(feed, plain) {
			t.Errorf("the feed is\n%+v\nand the events are\n%+v", feed, plain)
		}
		if rest, err := s.Feed(t.Context(), "shop", feed[0].Seq, 1); err != nil || len(rest) != 1 || rest[0].ID != plain[1].ID {
			t.Errorf("after the first there is %+v, %v", rest, err)
		}
	})
}
