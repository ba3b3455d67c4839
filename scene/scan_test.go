package scene_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/scene"
)

func TestScanned(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("a scan is acted on once, however often its event comes", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			c := d.make(nil)
			s := d.scan(c, "e1")
			s.Followed = true
			for range 3 {
				d.must(d.Scanned(t.Context(), s))
			}
			d.must(d.Scanned(t.Context(), d.scan(c, "e2")))
			d.want(2, 0, 0)
			if d.acted[0] != s {
				t.Errorf("acted on %+v, want %+v", d.acted[0], s)
			}
			got, err := d.Get(t.Context(), "shop", c.ID)
			if err != nil || got.Scans != 2 || got.LastScan.IsZero() {
				t.Errorf("the code stands at %+v, %v", got, err)
			}
		})
		t.Run("an act that fails is tried again, also of a code for one scan", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			c := d.make(func(o *scene.Order) { o.Single = true })
			d.fail = errors.New("not now")
			if err := d.Scanned(t.Context(), d.scan(c, "e1")); !errors.Is(err, d.fail) {
				t.Errorf("got %v", err)
			}
			d.must(d.Scanned(t.Context(), d.scan(c, "e2"))) // it is spent by the first
			d.want(0, 1, 0)
			d.fail = nil
			d.must(d.Scanned(t.Context(), d.scan(c, "e1")))
			d.want(1, 1, 0)
		})
		t.Run("of many who scan a code for one at once one gets in", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			c := d.make(func(o *scene.Order) { o.Secret, o.Single = true, true })
			var all sync.WaitGroup
			for i := range 16 {
				all.Go(func() {
					if err := d.Scanned(t.Context(), d.scan(c, fmt.Sprint("e", i))); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			d.want(1, 15, 0)
		})
		t.Run("what counts is when it was scanned, not when we hear of it", func(t *testing.T) { t.Parallel(); lateness(t, newDesk(t, on)) })
		t.Run("a revoked code does nothing, whenever it was scanned", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			c := d.make(nil)
			early := d.scan(c, "e1")
			d.sim.Advance(time.Second)
			d.must(d.Revoke(t.Context(), "shop", c.ID))
			d.must(d.Revoke(t.Context(), "shop", c.ID))
			wantFault(t, d.Revoke(t.Context(), "other", c.ID), scene.FaultNotFound, "")
			d.must(d.Scanned(t.Context(), early))
			d.want(0, 1, 0)
			if d.refused[0] != scene.Revoked {
				t.Errorf("it is %s", d.refused[0])
			}
		})
		t.Run("what isn't ours is handed on as it came", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			c := d.make(nil)
			foreign := []scene.Scan{
				{AppID: account, OpenID: "o", Scene: "login_5f2c", Ticket: "gQ", Key: "e1"},
				{AppID: account, OpenID: "o", Scene: "", Key: "e2"},
				{AppID: "wx2b3c4d5e6f708192", OpenID: "o", Scene: c.Scene, Key: "e3"}, // ours, of another account
			}
			for _, s := range foreign {
				d.must(d.Scanned(t.Context(), s))
			}
			d.want(0, 0, 3)
			for i, s := range foreign {
				if d.foreign[i] != s {
					t.Errorf("handed on %+v, want %+v", d.foreign[i], s)
				}
			}
		})
		t.Run("a purpose that is not known here is worth another try", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			c := d.make(func(o *scene.Order) { o.Purpose = "newer" })
			if err := d.Scanned(t.Context(), d.scan(c, "e1")); !errors.Is(err, scene.ErrNoPurpose) {
				t.Errorf("got %v", err)
			}
			acted := 0
			d.On("newer", func(context.Context, scene.Code, scene.Scan) error { acted++; return nil })
			d.must(d.Scanned(t.Context(), d.scan(c, "e1")))
			if acted != 1 {
				t.Errorf("acted %d times", acted)
			}
		})
		t.Run("the newest scans are kept, and who made them can be erased", func(t *testing.T) { t.Parallel(); recorded(t, on) })
	})
}

func lateness(t *testing.T, d *desk) {
	c := d.make(func(o *scene.Order) { o.Life = time.Hour })
	d.sim.Advance(59 * time.Minute)
	inTime := d.scan(c, "e1")
	d.sim.Advance(5 * time.Minute) // WeChat's clock and ours differ
	atOnce := d.scan(c, "e2")
	d.sim.Advance(2 * time.Minute)
	tooLate := d.scan(c, "e3")
	d.sim.Advance(48 * time.Hour)
	for _, s := range []scene.Scan{inTime, atOnce, tooLate} {
		d.must(d.Scanned(t.Context(), s))
	}
	d.want(2, 1, 0)
	if d.refused[0] != scene.Expired {
		t.Errorf("it is %s", d.refused[0])
	}
	d.sim.Advance(89 * 24 * time.Hour)
	d.must(d.Sweep(t.Context()))
	inTime.Key = "e4"
	d.must(d.Scanned(t.Context(), inTime)) // a push that was lying somewhere
	d.want(2, 1, 1)
	_, err := d.Get(t.Context(), "shop", c.ID)
	wantFault(t, err, scene.FaultNotFound, "")
}

func recorded(t *testing.T, on engine) {
	d := newDesk(t, on, func(c *scene.Config) { c.KeepScans = 3 })
	c := d.make(nil)
	for i := range 5 {
		s := d.scan(c, fmt.Sprint("e", i))
		s.Followed = i == 4
		d.must(d.Scanned(t.Context(), s))
	}
	list, err := d.Scans(t.Context(), "shop", c.ID, 10)
	if err != nil || len(list) != 3 || !list[0].Followed || list[0].OpenID != "o-ming" || !list[0].Done || list[0].Outcome != scene.Good {
		t.Fatalf("recorded: %+v, %v", list, err)
	}
	if other, err := d.Scans(t.Context(), "other", c.ID, 10); err != nil || len(other) != 0 {
		t.Errorf("another realm sees %+v, %v", other, err)
	}
	if n, err := d.Erase(t.Context(), account, "o-ming"); n != 3 || err != nil {
		t.Errorf("erased %d, %v", n, err)
	}
	if list, _ := d.Scans(t.Context(), "shop", c.ID, 10); len(list) != 3 || list[0].OpenID != "" {
		t.Errorf("recorded: %+v", list)
	}
}
