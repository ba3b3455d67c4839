package scene_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestMake(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("a code lives for thirty days unless somebody says otherwise, and its scene can't be guessed", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			a, b := d.make(nil), d.make(nil)
			if !regexp.MustCompile(`^bind\.[0-9a-z]{26}$`).MatchString(a.Scene) || a.Scene == b.Scene || a.Scene[:12] == b.Scene[:12] {
				t.Errorf("the scenes are %s and %s", a.Scene, b.Scene)
			}
			for _, s := range d.sim.Scenes(account) {
				if life := s.Until.Sub(s.Made); life != month || s.Permanent {
					t.Errorf("WeChat lets it live for %v", life)
				}
			}
			if life := a.Expires.Sub(a.Made); life != month {
				t.Errorf("it expires after %v", life)
			}
			short := d.make(func(o *scene.Order) { o.Life = 30 * time.Minute })
			if life := short.Expires.Sub(short.Made); life != 30*time.Minute {
				t.Errorf("it expires after %v", life)
			}
			image, err := http.Get(d.ImageURL(a))
			d.must(err)
			defer image.Body.Close()
			if image.StatusCode != http.StatusOK {
				t.Errorf("the image is answered with %d", image.StatusCode)
			}
		})
		t.Run("of a secret code nothing is kept but a digest", func(t *testing.T) { t.Parallel(); secrecy(t, newDesk(t, on)) })
		t.Run("an order that makes no sense is refused, and costs nothing", func(t *testing.T) { t.Parallel(); refusals(t, newDesk(t, on)) })
		t.Run("permanent codes are counted, and what WeChat didn't make is not", func(t *testing.T) { t.Parallel(); permanent(t, newDesk(t, on)) })
		t.Run("the account's last permanent code is the hundred thousandth", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			for i, want := range []bool{true, true, false} {
				c := scene.Code{ID: strings.Repeat("a", i+1), AppID: account, Realm: "shop", Permanent: true, Made: d.sim.Now()}
				left, err := d.store.PutScene(t.Context(), c, scene.Mark(account, c.ID), 2)
				if err != nil || left != want {
					t.Errorf("of two the code %d is there: %v, %v", i+1, left, err)
				}
			}
			if n, err := d.store.PermanentScenes(t.Context(), account); n != 2 || err != nil {
				t.Errorf("%d are counted, %v", n, err)
			}
		})
		t.Run("a new code may take the place of the old ones, once it is there", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			old, other := d.make(nil), d.make(func(o *scene.Order) { o.Ref = "m2" })
			d.make(nil) // this one doesn't ask for it
			d.sim.Fail("busy", wechatsim.On("/cgi-bin/qrcode/create"), wechatsim.Always())
			if _, err := d.Make(t.Context(), scene.Order{AppID: account, Realm: "shop", Purpose: "bind", Ref: "m1", Supersede: true}); err == nil {
				t.Fatal("a code was made")
			}
			d.must(d.Scanned(t.Context(), d.scan(old, "e1")))
			d.want(1, 0, 0)
			d.sim.Disarm("busy")
			fresh := d.make(func(o *scene.Order) { o.Supersede = true })
			d.must(d.Scanned(t.Context(), d.scan(old, "e2")))
			d.want(1, 1, 0)
			d.must(d.Scanned(t.Context(), d.scan(other, "e3")))
			d.must(d.Scanned(t.Context(), d.scan(fresh, "e4")))
			d.want(3, 1, 0)
		})
		t.Run("codes are listed by purpose and ref, page by page", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, on)
			for i := range 5 {
				d.make(func(o *scene.Order) { o.Ref = []string{"m1", "m2"}[i%2] })
				d.sim.Advance(time.Millisecond)
			}
			for _, f := range []struct {
				scene.Filter
				want int
			}{{scene.Filter{Realm: "shop"}, 5}, {scene.Filter{Realm: "shop", Purpose: "bind", Ref: "m1"}, 3}, {scene.Filter{Realm: "shop", Purpose: "x"}, 0}, {scene.Filter{Realm: "other"}, 0}} {
				seen := map[string]bool{}
				for f.Limit = 2; ; {
					page, err := d.List(t.Context(), f.Filter)
					d.must(err)
					for _, c := range page {
						seen[c.ID], f.Before = true, c.ID
					}
					if len(page) < 2 {
						break
					}
				}
				if len(seen) != f.want {
					t.Errorf("%+v lists %d, want %d", f.Filter, len(seen), f.want)
				}
			}
		})
	})
}

func secrecy(t *testing.T, d *desk) {
	c := d.make(func(o *scene.Order) { o.Secret, o.Single = true, true })
	if c.Scene == "" || c.Ticket == "" || c.URL == "" {
		t.Fatalf("it comes as %+v", c)
	}
	got, err := d.Get(t.Context(), "shop", c.ID)
	d.must(err)
	list, err := d.List(t.Context(), scene.Filter{Realm: "shop"})
	d.must(err)
	text, err := json.Marshal([]any{got, list})
	d.must(err)
	for _, word := range []string{c.Scene, c.Ticket, c.URL} {
		if strings.Contains(string(text), word) {
			t.Errorf("%s is kept in %s", word, text)
		}
	}
	if d.ImageURL(got) != "" {
		t.Error("there is an image of it")
	}
	d.must(d.Scanned(t.Context(), d.scan(c, "e1")))
	d.want(1, 0, 0)
}

func refusals(t *testing.T, d *desk) {
	for field, change := range map[string]func(*scene.Order){
		"appid":   func(o *scene.Order) { o.AppID = "" },
		"realm":   func(o *scene.Order) { o.Realm = "" },
		"purpose": func(o *scene.Order) { o.Purpose = "Bind it" },
		"ref":     func(o *scene.Order) { o.Ref = strings.Repeat("m", 129) },
		"life":    func(o *scene.Order) { o.Life = month + time.Second },
		"scene":   func(o *scene.Order) { o.SceneName = strings.Repeat("s", 65) },
	} {
		o := scene.Order{AppID: account, Realm: "shop", Purpose: "bind"}
		change(&o)
		_, err := d.Make(t.Context(), o)
		wantFault(t, err, scene.FaultOrder, field)
	}
	for field, o := range map[string]scene.Order{
		"life":  {AppID: account, Realm: "shop", Purpose: "bind", Permanent: true, Life: time.Hour},
		"scene": {AppID: account, Realm: "shop", Purpose: "bind", SceneName: "door", Single: true},
	} {
		_, err := d.Make(t.Context(), o)
		wantFault(t, err, scene.FaultOrder, field)
	}
	d.make(func(o *scene.Order) { o.SceneName = "door" })
	_, err := d.Make(t.Context(), scene.Order{AppID: account, Realm: "shop", Purpose: "bind", SceneName: "door"})
	wantFault(t, err, scene.FaultTaken, "")
	if made := len(d.sim.Scenes(account)); made != 1 {
		t.Errorf("WeChat has made %d codes", made)
	}
}

func permanent(t *testing.T, d *desk) {
	want := func(n int64) {
		t.Helper()
		if made, most, err := d.Quota(t.Context(), account); made != n || most != 100_000 || err != nil {
			t.Fatalf("%d of %d are made, %v; want %d", made, most, err, n)
		}
	}
	lasting := func(o *scene.Order) { o.Permanent = true }
	order := scene.Order{AppID: account, Realm: "shop", Purpose: "bind", Permanent: true}
	c := d.make(lasting)
	if !c.Expires.IsZero() {
		t.Errorf("it expires at %v", c.Expires)
	}
	want(1)
	d.sim.Fail("qr_exhausted")
	_, err := d.Make(t.Context(), order)
	wantFault(t, err, scene.FaultExhausted, "")
	want(1)
	d.sim.Fail("busy", wechatsim.On("/cgi-bin/qrcode/create"), wechatsim.Times(3))
	if _, err := d.Make(t.Context(), order); err == nil {
		t.Error("a code was made")
	}
	want(1)
	// Of this one nobody knows whether WeChat has made it.
	d.sim.Fail("not_json", wechatsim.On("/cgi-bin/qrcode/create"))
	if _, err := d.Make(t.Context(), order); err == nil {
		t.Error("a code was made")
	}
	want(2)
	d.must(d.Revoke(t.Context(), "shop", c.ID))
	d.sim.Advance(400 * 24 * time.Hour)
	d.must(d.Sweep(t.Context()))
	want(2) // WeChat doesn't give it back
}

func TestMake_account(t *testing.T) {
	t.Parallel()
	t.Run("without a token nothing is made, and nothing is left over", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, sqlite, func(c *scene.Config) {
			c.Call = func(context.Context, string, func(context.Context, wechat.Bearer) error) error {
				return identity.ErrUnavailable
			}
		})
		if _, err := d.Make(t.Context(), scene.Order{AppID: account, Realm: "shop", Purpose: "bind", Permanent: true}); err == nil {
			t.Error("a code was made")
		}
		list, err := d.List(t.Context(), scene.Filter{Realm: "shop"})
		if made, _, _ := d.Quota(t.Context(), account); err != nil || len(list) != 0 || made != 0 {
			t.Errorf("left over: %+v, %d, %v", list, made, err)
		}
	})
}
