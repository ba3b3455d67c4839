package sqlstore

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/scene"
)

var _ scene.Store = (*Store)(nil) // what the registry of QR codes asks of a store

func TestScenes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		t.Run("every statement finds its rows by an index", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			allOfScenes(t, s)
			wantPlans(t, s, 14, "scene_")
		})
	})
}

// allOfScenes calls every method, so that it asks all that it can ask.
func allOfScenes(t *testing.T, s *Store) {
	t.Helper()
	ctx, t0 := t.Context(), time.Unix(1000, 0).UTC()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := scene.Code{ID: "a1", AppID: "wx1", Realm: "shop", Scene: "s", Purpose: "bind", Ref: "m1", Permanent: true, Made: t0}
	mark := scene.Mark("wx1", "s")
	left, err := s.PutScene(ctx, c, mark, 10)
	must(err)
	if !left {
		t.Error("there is none left")
	}
	must(s.SettleScene(ctx, c, true))
	_, _, err = s.Scene(ctx, "shop", "a1")
	must(err)
	for _, f := range []scene.Filter{{Realm: "shop"}, {Realm: "shop", Purpose: "bind"}, {Realm: "shop", Purpose: "bind", Ref: "m1"}} {
		f.Limit = 1
		list, err := s.Scenes(ctx, f)
		must(err)
		if len(list) != 1 || list[0] != c {
			t.Errorf("%+v lists %+v", f, list)
		}
	}
	scan := scene.Scan{AppID: "wx1", OpenID: "o", Scene: "s", At: t0, Key: "e1"}
	for range 2 {
		_, outcome, _, err := s.RecordScan(ctx, mark, scan, time.Minute, 0)
		must(err)
		if outcome != scene.Good {
			t.Errorf("the scan is %s", outcome)
		}
	}
	must(s.EndScan(ctx, c, "e1"))
	_, err = s.Scans(ctx, "shop", "a1", 1)
	must(err)
	_, err = s.EraseScans(ctx, "wx1", "o")
	must(err)
	_, err = s.PermanentScenes(ctx, "wx1")
	must(err)
	_, err = s.RevokeScene(ctx, "shop", "a1", t0)
	must(err)
	_, err = s.SweepScenes(ctx, t0, 1)
	must(err)
	must(s.DropScene(ctx, c))
	if n, err := s.PermanentScenes(ctx, "wx1"); n != 0 || err != nil {
		t.Errorf("%d permanent codes are counted, %v", n, err)
	}
}
