package sqlstore

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

func TestCounts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		nodes := []*Store{openAt(t, place), openAt(t, place)}
		ctx, hour := t.Context(), time.UnixMicro(1_800_000_000_000_000).UTC().Truncate(time.Hour)
		var all sync.WaitGroup
		for _, node := range nodes {
			for range 10 {
				all.Go(func() {
					if err := node.AddCounts(ctx, []console.Count{{Hour: hour, Name: "visits", N: 3}, {Hour: hour.Add(time.Hour), Name: "visits", N: 1}, {Hour: hour, Name: "failed", N: 2}}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		want := []console.Count{{Hour: hour, Name: "failed", N: 40}, {Hour: hour, Name: "visits", N: 60}, {Hour: hour.Add(time.Hour), Name: "visits", N: 20}}
		for _, node := range nodes {
			if got, err := node.Counts(ctx, hour, hour.Add(2*time.Hour)); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("two that add at once come to %v, %v", got, err)
			}
		}
		if got, err := nodes[0].Counts(ctx, hour.Add(time.Second), hour.Add(time.Hour)); err != nil || len(got) != 0 {
			t.Errorf("between two hours there is %v, %v", got, err)
		}
		if err := nodes[0].SweepCounts(ctx, hour.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got, err := nodes[1].Counts(ctx, time.Time{}, hour.Add(2*time.Hour)); err != nil || len(got) != 1 || got[0] != want[2] {
			t.Errorf("a sweep leaves %v, %v", got, err)
		}
	})
}
