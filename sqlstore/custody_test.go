package sqlstore

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func TestCustody(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		t.Run("of an account that was never reserved there is nothing", func(t *testing.T) {
			t.Parallel()
			custodyIs(t, openAt(t, fresh(t)), "wx1", "", 0)
		})
		t.Run("the last reservation alone may write", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			first := reserved(t, s, "wx1", "a", moment0)
			second := reserved(t, s, "wx1", "b", moment0.Add(time.Minute))
			if second <= first {
				t.Errorf("fence %d after %d", second, first)
			}
			putCustody(t, s, "wx1", first, "late", false)
			custodyIs(t, s, "wx1", "", second)
			putCustody(t, s, "wx1", second, "new", true)
			putCustody(t, s, "wx1", first, "late", false)
			putCustody(t, s, "wx2", first, "nobody's", false)
			custodyIs(t, s, "wx1", "new", second)
		})
		t.Run("a reservation keeps others out until it ends or is released, and keeps the token", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			putCustody(t, s, "wx1", reserved(t, s, "wx1", "a", moment0), "new", true)
			for _, tt := range []struct {
				holder string
				after  time.Duration
				want   bool
			}{{"b", time.Minute - time.Microsecond, false}, {"a", 0, false}, {"b", time.Minute, true}, {"c", time.Minute, false}} {
				now := moment0.Add(tt.after)
				if _, ok, err := s.ReserveCustody(t.Context(), "wx1", tt.holder, now, now.Add(time.Minute)); err != nil || ok != tt.want {
					t.Errorf("%+v: %t, %v", tt, ok, err)
				}
			}
			for _, tt := range []struct {
				holder string
				want   bool
			}{{"a", false}, {"b", true}} {
				if err := s.ReleaseCustody(t.Context(), "wx1", tt.holder); err != nil {
					t.Fatal(err)
				}
				if _, ok, err := s.ReserveCustody(t.Context(), "wx1", "c", moment0, moment0.Add(time.Minute)); err != nil || ok != tt.want {
					t.Errorf("after the release of %s: %t, %v", tt.holder, ok, err)
				}
			}
			sealed, _, err := s.Custody(t.Context(), "wx1")
			if err != nil || string(sealed) != "new" {
				t.Errorf("the token is %q, %v", sealed, err)
			}
		})
		t.Run("of two nodes one gets the reservation, and the other one sees what it wrote", func(t *testing.T) {
			t.Parallel()
			place := fresh(t)
			nodes := []*Store{openAt(t, place), openAt(t, place)}
			var got atomic.Int64
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					fence, ok, err := nodes[i%2].ReserveCustody(t.Context(), "wx1", string(rune('a'+i)), moment0, moment0.Add(time.Minute))
					if err != nil {
						t.Error(err)
					}
					if ok && !got.CompareAndSwap(0, fence) {
						t.Errorf("a second one has reserved, with fence %d", fence)
					}
				})
			}
			all.Wait()
			putCustody(t, nodes[0], "wx1", got.Load(), "new", true)
			custodyIs(t, nodes[1], "wx1", "new", got.Load())
		})
		t.Run("a store that can't be reached says so", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			s.Close()
			_, _, read := s.Custody(t.Context(), "wx1")
			_, _, reserve := s.ReserveCustody(t.Context(), "wx1", "a", moment0, moment0)
			_, put := s.PutCustody(t.Context(), "wx1", 1, nil)
			for _, err := range []error{read, reserve, put, s.ReleaseCustody(t.Context(), "wx1", "a")} {
				if !errors.Is(err, identity.ErrUnavailable) {
					t.Errorf("got error %v, want ErrUnavailable", err)
				}
			}
		})
		t.Run("every statement finds its rows by an index", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			for _, query := range []string{
				`SELECT sealed, fence FROM custody WHERE appid = $1`,
				`UPDATE custody SET sealed = $3 WHERE appid = $1 AND fence = $2`,
				`UPDATE custody SET until_at = 0 WHERE appid = $1 AND holder = $2`,
			} {
				wantPlan(t, s, query)
			}
		})
	})
}

// reserved reserves an account for a minute.
func reserved(t *testing.T, s *Store, appID, holder string, now time.Time) int64 {
	t.Helper()
	fence, ok, err := s.ReserveCustody(t.Context(), appID, holder, now, now.Add(time.Minute))
	if err != nil || !ok {
		t.Fatalf("%s can't reserve: %v", holder, err)
	}
	return fence
}

func putCustody(t *testing.T, s *Store, appID string, fence int64, sealed string, want bool) {
	t.Helper()
	if put, err := s.PutCustody(t.Context(), appID, fence, []byte(sealed)); err != nil || put != want {
		t.Errorf("writing %q with fence %d: %t, %v", sealed, fence, put, err)
	}
}

func custodyIs(t *testing.T, s *Store, appID, want string, wantFence int64) {
	t.Helper()
	sealed, fence, err := s.Custody(t.Context(), appID)
	if err != nil || string(sealed) != want || fence != wantFence {
		t.Errorf("in custody is %q with fence %d, %v; want %q with %d", sealed, fence, err, want, wantFence)
	}
}
