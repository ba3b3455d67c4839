package sqlstore

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func TestLatestConflicts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t testing.TB) string) {
		s, at := openAt(t, fresh(t)), time.UnixMicro(1_800_000_000_000_000).UTC()
		for n := range 5 {
			for _, realm := range []string{"main", "other"} {
				row := identity.ConflictRow{Realm: realm, Code: "c", Openid: identity.Openid{AppID: "wx1", OpenID: fmt.Sprint("o", n)}, Have: "a", Got: "b", At: at}
				if err := s.Apply(t.Context(), identity.Change{Realm: realm, At: at, Conflict: &row}); err != nil {
					t.Fatal(err)
				}
			}
		}
		var got []string
		for before, pages := int64(0), 0; pages < 4; pages++ {
			rows, err := s.LatestConflicts(t.Context(), "main", before, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				got, before = append(got, r.Realm+r.OpenID), r.Seq
			}
		}
		if want := []string{"maino4", "maino3", "maino2", "maino1", "maino0"}; !slices.Equal(got, want) {
			t.Errorf("they come as %q, want %q", got, want)
		}
	})
}
