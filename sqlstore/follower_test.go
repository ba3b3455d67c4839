package sqlstore

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/follower"
)

func TestFollowers(t *testing.T) {
	t.Parallel()
	t0 := time.Unix(1700000000, 0).UTC()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		following := func(t *testing.T, s *Store, appID, openID string) follower.Follower {
			t.Helper()
			known, err := s.Followers(t.Context(), appID, []string{openID, "nobody"})
			if err != nil || len(known) > 1 {
				t.Fatalf("got %v, %v", known, err)
			}
			return known[openID]
		}
		set := func(t *testing.T, s *Store, list ...follower.Follower) {
			t.Helper()
			if err := s.SetFollowers(t.Context(), list); err != nil {
				t.Fatal(err)
			}
		}
		t.Run("what is older never overwrites what is newer", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			gone := follower.Follower{AppID: "wx1", OpenID: "o1", At: t0.Add(time.Second)}
			set(t, s, gone, follower.Follower{AppID: "wx1", OpenID: "o1", Following: true, At: t0, Scene: "login"})
			if got := following(t, s, "wx1", "o1"); got != gone {
				t.Errorf("got %+v, want %+v", got, gone)
			}
			back := follower.Follower{AppID: "wx1", OpenID: "o1", Following: true, At: t0.Add(2 * time.Second), Scene: "shop"}
			if err := s.SetFollower(t.Context(), back); err != nil {
				t.Fatal(err)
			}
			if got := following(t, s, "wx1", "o1"); got != back {
				t.Errorf("got %+v, want %+v", got, back)
			}
			if got := following(t, s, "wx2", "o1"); got != (follower.Follower{}) {
				t.Errorf("at another account it is %+v", got)
			}
		})
		t.Run("who goes on following keeps how he came", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			set(t, s, follower.Follower{AppID: "wx1", OpenID: "o1", Following: true, At: t0, Scene: "shop"},
				follower.Follower{AppID: "wx1", OpenID: "o1", Following: true, At: t0.Add(time.Second)})
			if got := following(t, s, "wx1", "o1"); got.Scene != "shop" || !got.At.Equal(t0.Add(time.Second)) {
				t.Errorf("got %+v", got)
			}
			set(t, s, follower.Follower{AppID: "wx1", OpenID: "o1", At: t0.Add(time.Minute)}, follower.Follower{AppID: "wx1", OpenID: "o1", Following: true, At: t0.Add(time.Hour)})
			if got := following(t, s, "wx1", "o1"); got.Scene != "" {
				t.Errorf("who comes back came by %q", got.Scene)
			}
		})
		t.Run("those who follow are counted, and who is forgotten isn't", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			set(t, s, follower.Follower{AppID: "wx1", OpenID: "o1", Following: true, At: t0}, follower.Follower{AppID: "wx1", OpenID: "o2", Following: true, At: t0},
				follower.Follower{AppID: "wx1", OpenID: "o3", At: t0}, follower.Follower{AppID: "wx2", OpenID: "o1", Following: true, At: t0})
			if err := s.ForgetFollower(t.Context(), "wx1", "o1"); err != nil {
				t.Fatal(err)
			}
			if n, err := s.CountFollowers(t.Context(), "wx1"); err != nil || n != 1 {
				t.Errorf("got %d, %v", n, err)
			}
			if n, err := s.CountFollowers(t.Context(), "wx2"); err != nil || n != 1 {
				t.Errorf("at the other account it is %d, %v", n, err)
			}
		})
		t.Run("whatever the order in which pushes come, they end at the same", func(t *testing.T) {
			t.Parallel()
			s, n := openAt(t, fresh(t)), 0
			rapid.Check(t, func(rt *rapid.T) {
				events := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) follower.Follower {
					return follower.Follower{AppID: "wx1", Following: rapid.Bool().Draw(rt, "following"), At: t0.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "at")) * time.Second)}
				}), 1, 6).Draw(rt, "events")
				shuffled := rapid.Permutation(events).Draw(rt, "shuffled")
				n += 2
				for i, list := range [][]follower.Follower{events, shuffled} {
					for j := range list {
						list[j].OpenID = fmt.Sprint("o", n+i)
					}
					set(t, s, list...)
				}
				one, two := following(t, s, "wx1", fmt.Sprint("o", n)), following(t, s, "wx1", fmt.Sprint("o", n+1))
				if one.Following != two.Following || !one.At.Equal(two.At) {
					rt.Fatalf("got %+v and %+v", one, two)
				}
			})
		})
	})
}
