package sqlstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

var _ merchant.Store = (*Store)(nil) // what the desk of merchants asks of a store

func TestMerchants(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		t.Run("every statement finds its rows by an index", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			allOfMerchants(t, s)
			if isPostgres(placeOf(s)) {
				run(t, placeOf(s), merchantCrowd...)
			}
			wantPlans(t, s, 45, "merchant")
		})
	})
}

// merchantCrowd fills the tables that are joined: of those that are almost empty PostgreSQL
// doesn't care how it reads them.
var merchantCrowd = []string{
	`INSERT INTO merchant (realm, id, name, login, contact, phone, status, persons, userid, sites, made_at, version, search, bound)
		SELECT 'shop', 'x' || i, 'n', '', '', '', 'normal', 1, '', '', 1, 1, 'n', i % 2 FROM generate_series(1, 5000) AS i`,
	`INSERT INTO merchant_binding (realm, merchant, appid, slot, openid, userid, code, bound_at) SELECT 'shop', 'x' || i, 'wx' || i % 50, 0, 'x' || i, 'x' || i, 'c', 1 FROM generate_series(1, 5000) AS i`,
	`INSERT INTO merchant_notice (realm, id, appid, template, title, maker, client_id, made_at, due_at, everybody, sealed) SELECT 'shop', 'x' || i, 'wx1', 't', 't', 's', '', i, i, 0, '' FROM generate_series(1, 5000) AS i`,
	`INSERT INTO merchant_code (realm, id, merchant, appid, state, maker, made_at, expires, version) SELECT 'shop', 'x' || i, 'x' || i, 'wx1', 'bound', 's', i, i, 1 FROM generate_series(1, 5000) AS i`,
	`INSERT INTO merchant_recipient (notice, merchant, slot, realm, appid, userid, client_id) SELECT 'n', 'x' || i, 0, 'shop', 'wx1', 'x' || i, 'n/x' || i FROM generate_series(1, 5000) AS i`,
	`INSERT INTO follower (appid, openid, following, at, scene) SELECT 'wx1', 'x' || i, 1, 1, '' FROM generate_series(1, 5000) AS i`,
	`ANALYZE`,
}

// allOfMerchants calls every method, so that it asks all that it can ask.
func allOfMerchants(t *testing.T, s *Store) {
	t.Helper()
	ctx, t0 := t.Context(), time.Unix(1000, 0).UTC()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m := merchant.Merchant{Realm: "shop", ID: "m1", Name: "One", Status: merchant.Normal, Persons: 1, Sites: []string{"a", "b"}, Made: t0, Registered: t0, Version: 1}
	_, err := s.PutMerchants(ctx, []merchant.Put{{Merchant: m}, {Merchant: m}})
	must(err)
	m.Version = 2
	_, err = s.PutMerchants(ctx, []merchant.Put{{Merchant: m}})
	must(err)
	_, err = s.MerchantLoggedIn(ctx, "shop", "m1", t0)
	must(err)
	_, _, err = s.Merchant(ctx, "shop", "m1")
	must(err)
	for _, shown := range []merchant.Shown{merchant.ShowAll, merchant.ShowBound, merchant.ShowUnbound, merchant.ShowUnfollowed} {
		for _, f := range []merchant.Filter{{}, {Backward: true}, {Backward: true, From: merchant.Place{ID: "m0"}}, {Status: merchant.Normal, Search: "one"}} {
			f.Realm, f.Shown, f.Limit = "shop", shown, 1
			_, _, err = s.Merchants(ctx, f)
			must(err)
			_, err = s.CountMerchants(ctx, f)
			must(err)
		}
	}
	_, err = s.MerchantEvents(ctx, "shop", "m1", 0, 1)
	must(err)
	binding(t, s, t0)
	noticing(t, s, t0)
	_, err = s.EraseBoundOpenid(ctx, "wx1", "o3", t0)
	must(err)
	_, err = s.EraseBoundUser(ctx, "shop", "u", t0)
	must(err)
	_, err = s.SweepMerchants(ctx, t0.Add(time.Hour), t0.Add(time.Hour), 1)
	must(err)
}

func binding(t *testing.T, s *Store, t0 time.Time) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		code := merchant.Code{Realm: "shop", ID: fmt.Sprint("c", i), Merchant: "m1", AppID: "wx1", State: merchant.Waiting, Made: t0, Expires: t0.Add(time.Hour), Version: 1}
		must(s.PutMerchantCode(ctx, code))
		if i == 0 {
			_, _, err := s.CancelMerchantCode(ctx, "shop", "c0", "x", t0)
			must(err)
			continue
		}
		_, _, err := s.ScanMerchantCode(ctx, "shop", code.ID, scene.Scan{AppID: "wx1", OpenID: fmt.Sprint("o", i), At: t0, Key: fmt.Sprint("e", i)}, t0)
		must(err)
		_, err = s.SettleBinding(ctx, "shop", code.ID, "u", merchant.ReasonNone, t0)
		must(err)
	}
	_, err := s.MerchantCodes(ctx, "shop", "m1", 10)
	must(err)
	held, _, err := s.BindingOf(ctx, "shop", "wx1", "o1")
	must(err)
	refused, _, err := s.MerchantCode(ctx, "shop", "c3")
	must(err)
	b := held
	b.OpenID, b.Code = "o3", "c3"
	other := held
	other.Code = "another"
	if _, done, err := s.ReplaceBindings(ctx, refused, []merchant.Binding{held, other}, b, "x", t0); done || err != nil {
		t.Fatalf("in place of somebody who isn't there: %v, %v", done, err)
	}
	if _, done, err := s.ReplaceBindings(ctx, refused, []merchant.Binding{held}, b, "x", t0); !done || err != nil {
		t.Fatalf("replaced: %v, %v", done, err)
	}
	if there, err := s.DropBinding(ctx, "shop", held, merchant.Event{}); there || err != nil {
		t.Errorf("who was replaced is unbound: %v, %v", there, err)
	}
	must(s.SetFollower(ctx, follower.Follower{AppID: "wx1", OpenID: "o3", Following: false, At: t0}))
	if bound, err := s.BindingsOfUser(ctx, "shop", "u"); err != nil || len(bound) != 1 || bound[0].Merchant != "m1" || bound[0].OpenID != "o3" {
		t.Errorf("the user is bound as %+v, %v", bound, err)
	}
	if bound, err := s.BindingsOfUser(ctx, "other", "u"); err != nil || len(bound) != 0 {
		t.Errorf("in another realm as %+v, %v", bound, err)
	}
}

func noticing(t *testing.T, s *Store, t0 time.Time) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	n := merchant.Notice{Realm: "shop", ID: "a1", AppID: "wx1", Template: "t", By: "x", ClientID: "mine", Made: t0, Due: t0, Sealed: []byte{1}, All: true}
	for range 2 {
		_, _, err := s.PutNotice(ctx, n, nil, merchant.Event{})
		must(err)
	}
	must2 := func(_ string, err error) { t.Helper(); must(err) }
	must2(s.CollectRecipients(ctx, n, "", 0))
	must2(s.CollectRecipients(ctx, n, "m0", 10))
	n.ID, n.ClientID, n.All = "a2", "", false
	_, reached, err := s.PutNotice(ctx, n, []string{"m1", "m2"}, merchant.Event{})
	if must(err); reached != 1 {
		t.Fatalf("%d are reached", reached)
	}
	_, _, err = s.Notice(ctx, "shop", "a1")
	must(err)
	_, err = s.Notices(ctx, "shop", "", 1)
	must(err)
	_, err = s.OpenNotices(ctx, 1)
	must(err)
	list, err := s.Recipients(ctx, "shop", "a2", merchant.Recipient{Slot: -2}, 10)
	if must(err); len(list) != 2 {
		t.Fatalf("the recipients are %+v", list)
	}
	list[0].Fault = "unreachable"
	must(s.RefuseRecipients(ctx, "shop", "a2", list))
	must(s.CloseNotice(ctx, "shop", "a2"))
	_, err = s.ReopenNotice(ctx, "shop", "a2")
	must(err)
	_, err = s.WaitingMessages(ctx, "shop", merchant.Binding{Merchant: "m1", AppID: "wx1", User: "u"})
	must(err)
	_, err = s.CancelNotice(ctx, "shop", "a2", t0)
	must(err)
}

// BenchmarkMerchants lists, filters, searches and counts among 100,000 merchants, half of
// them bound and all of those followers, so that nothing ends early.
func BenchmarkMerchants(b *testing.B) {
	for engine, fresh := range engines {
		b.Run(engine, func(b *testing.B) {
			s := openAt(b, fresh(b))
			manyMerchants(b, s, 100_000)
			for what, f := range map[string]merchant.Filter{
				"first page":                     {},
				"last page":                      {Backward: true},
				"page in the middle":             {From: merchant.Place{ID: "m050000"}},
				"bound":                          {Shown: merchant.ShowBound, From: merchant.Place{Bound: true, ID: "m090000"}},
				"unfollowed, of whom is none":    {Shown: merchant.ShowUnfollowed},
				"disabled, of whom is none":      {Status: merchant.Disabled},
				"search that finds the last one": {Search: "99999"},
				"search that finds none":         {Search: "没有这个人"},
				"search that finds all":          {Search: "商户"},
			} {
				f.Realm, f.Limit = "shop", 50
				b.Run(what, func(b *testing.B) {
					for b.Loop() {
						if _, _, err := s.Merchants(b.Context(), f); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run(what+", counted", func(b *testing.B) {
					for b.Loop() {
						if _, err := s.CountMerchants(b.Context(), f); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

func manyMerchants(b *testing.B, s *Store, n int) {
	b.Helper()
	const chunk = 1000
	for from := 0; from < n; from += chunk {
		err := s.writer.write(b.Context(), func(c *session) error {
			for i := from; i < from+chunk; i++ {
				m := merchant.Merchant{
					Realm: "shop", ID: fmt.Sprintf("m%06d", i), Name: fmt.Sprintf("上海第%d商户有限公司", i), Login: fmt.Sprintf("login%d@example.com", i),
					Contact: "王小明", Phone: fmt.Sprintf("138%08d", i*7), Status: merchant.Normal, Persons: 1, Made: time.Unix(1, 0), Version: 1,
				}
				if _, err := putMerchant(c, m); err != nil {
					return err
				}
				if i%2 == 0 {
					continue
				}
				o := fmt.Sprint("o", strings.Repeat("x", 20), i)
				if err := putBinding(c, "shop", merchant.Binding{Merchant: m.ID, AppID: "wx1", OpenID: o, User: o, Code: "c", Bound: time.Unix(1, 0)}); err != nil {
					return err
				}
				if _, err := c.exec(`INSERT INTO follower (appid, openid, following, at, scene) VALUES ('wx1', $1, 1, 1, '')`, o); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if isPostgres(placeOf(s)) {
		if _, err := s.write.Exec(`VACUUM ANALYZE`); err != nil {
			b.Fatal(err)
		}
	}
}
