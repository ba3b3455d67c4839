package custody_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

// TestSecurity closes the threats of the catalogue that are about tokens which nodes
// share. Its sub-tests carry their numbers.
func TestSecurity(t *testing.T) {
	t.Parallel()
	securityRace(t)
	securityFlight(t)
	securityLease(t)
	securityPoison(t)
	securityLeaks(t)
}

// securityRace is T108: two nodes at one token.
func securityRace(t *testing.T) {
	for kind, appID := range map[string]string{"stable": stable, "legacy": legacy} {
		t.Run("T108 of many nodes that find a "+kind+" token dead one gets the next, and all have it", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				var nodes []*custody.Keeper
				for i := range 8 {
					nodes = append(nodes, w.node(fmt.Sprint("n", i)))
					w.token(nodes[i], appID)
				}
				w.wechat.kill(appID)
				w.wechat.with(func(string, string) fault { return fault{before: time.Second, after: time.Second} })
				w.asks(1, func() {
					got := make(chan string)
					for _, k := range nodes {
						go func() {
							if err := k.Do(w.Context(), appID, w.call(new(int))); err != nil {
								w.Error(err)
							}
							got <- w.token(k, appID)
						}()
					}
					first := <-got
					for range len(nodes) - 1 {
						if token := <-got; token != first {
							w.Errorf("%s and %s", first, token)
						}
					}
				})
			})
		})
	}
	for kind, appID := range map[string]string{"stable": stable, "legacy": legacy} {
		t.Run("T108 a node that looked before another got the "+kind+" token, and has the lease after it, looks again", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				quick := w.node("quick")
				w.config = func(c *custody.Config) { c.Shared, c.Store = &lateShared{w.shared}, &lateStore{w.store} }
				late := w.node("late")
				w.asks(1, func() {
					go func() {
						pass(time.Second)
						w.token(quick, appID)
					}()
					got := w.token(late, appID)
					if want := w.token(quick, appID); got != want {
						w.Errorf("served is %s, want %s", got, want)
					}
				})
			})
		})
	}
	t.Run("T108 while WeChat is down all nodes serve the old token", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			a, b := w.node("a"), w.node("b")
			old := w.token(a, legacy)
			w.wechat.with(func(string, string) fault { return fault{err: refusal(-1, wechat.ClassRetry)} })
			pass(119 * time.Minute)
			for _, k := range []*custody.Keeper{a, b} {
				if got := w.token(k, legacy); got != old {
					w.Errorf("served is %s, want %s", got, old)
				}
			}
		})
	})
}

// securityFlight is T177: one call for many callers.
func securityFlight(t *testing.T) {
	t.Run("T177 a caller who goes away takes nobody with him", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			w.wechat.with(func(string, string) fault { return fault{slow: 10 * time.Second} })
			k := w.node("a")
			leader, cancel := context.WithCancel(w.Context())
			gone := make(chan error)
			go func() {
				_, _, err := k.Token(leader, stable)
				gone <- err
			}()
			synctest.Wait()
			w.asks(0, func() {
				followed := make(chan error)
				for range 10 {
					go func() {
						_, _, err := k.Token(w.Context(), stable)
						followed <- err
					}()
				}
				cancel()
				if err := <-gone; !errors.Is(err, context.Canceled) {
					w.Errorf("the leader got %v", err)
				}
				for range 10 {
					if err := <-followed; err != nil {
						w.Error(err)
					}
				}
			})
		})
	})
	t.Run("T177 a panic is an error for all, tells no secret, and the next attempt works", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			w.wechat.with(func(string, string) fault { return fault{before: time.Second, panics: true} })
			k := w.node("a")
			failed := make(chan error)
			for range 10 {
				go func() {
					_, _, err := k.Token(w.Context(), legacy)
					failed <- err
				}()
			}
			for range 10 {
				if err := <-failed; err == nil || strings.Contains(err.Error(), "in its hands") {
					w.Errorf("got error %v", err)
				}
			}
			w.mu.Lock()
			if log := w.log.String(); !strings.Contains(log, "panicked") || strings.Contains(log, "in its hands") {
				w.Errorf("the log says %s", log)
			}
			w.mu.Unlock()
			w.wechat.with(nil)
			pass(2 * time.Second)
			w.token(k, legacy)
		})
	})
	t.Run("T177 work that never ends is ended", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			w.wechat.with(func(string, string) fault { return fault{lost: true} })
			k, began := w.node("a"), time.Now()
			if _, _, err := k.Token(w.Context(), stable); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 30*time.Second {
				w.Errorf("got error %v after %v", err, time.Since(began))
			}
		})
	})
}

// securityLease is T179: a lease shorter than the work.
func securityLease(t *testing.T) {
	for kind, appID := range map[string]string{"stable": stable, "legacy": legacy} {
		t.Run("T179 a node that stood still for three leases overwrites nothing, "+kind, func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				slow, quick := w.node("slow"), w.node("quick")
				w.wechat.with(func(string, string) fault { return fault{after: 3 * time.Minute} })
				waiting := make(chan string)
				go func() { waiting <- w.token(slow, appID) }()
				synctest.Wait()
				w.wechat.with(nil)
				pass(61 * time.Second)
				w.wechat.kill(appID) // so that the late answer is worth nothing
				want := w.token(quick, appID)
				if got := <-waiting; got != want {
					w.Errorf("whoever waited got %s, want %s", got, want)
				}
				for _, k := range []*custody.Keeper{slow, quick, w.node("new")} {
					if got := w.token(k, appID); got != want {
						w.Errorf("served is %s, want %s", got, want)
					}
				}
				if late := w.shared.late + w.store.late; late != 1 {
					w.Errorf("%d writes were refused, want 1", late)
				}
			})
		})
		t.Run("T179 a node that stood still with a lease in its hands doesn't ask any more, "+kind, func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				w.config = func(c *custody.Config) { c.Shared, c.Store = &slowShared{w.shared}, &slowStore{w.store} }
				w.asks(0, func() {
					if _, _, err := w.node("slow").Token(w.Context(), appID); err == nil {
						w.Error("it did")
					}
				})
			})
		})
	}
}

// lateShared is asked for a lease, and gives it later.
type lateShared struct{ *watchedShared }

func (s *lateShared) Lease(ctx context.Context, name, holder string, life time.Duration) (int64, bool, error) {
	pass(5 * time.Second)
	return s.watchedShared.Lease(ctx, name, holder, life)
}

type lateStore struct{ *watchedStore }

func (s *lateStore) ReserveCustody(ctx context.Context, appID, holder string, _, _ time.Time) (int64, bool, error) {
	pass(5 * time.Second)
	return s.watchedStore.ReserveCustody(ctx, appID, holder, time.Now(), time.Now().Add(time.Minute))
}

// slowShared gives a lease, and then the caller stands still.
type slowShared struct{ *watchedShared }

func (s *slowShared) Lease(ctx context.Context, name, holder string, life time.Duration) (int64, bool, error) {
	fence, ok, err := s.watchedShared.Lease(ctx, name, holder, life)
	pass(life / 2 * 11 / 10)
	return fence, ok, err
}

type slowStore struct{ *watchedStore }

func (s *slowStore) ReserveCustody(ctx context.Context, appID, holder string, now, until time.Time) (int64, bool, error) {
	fence, ok, err := s.watchedStore.ReserveCustody(ctx, appID, holder, now, until)
	pass(until.Sub(now) / 2 * 11 / 10)
	return fence, ok, err
}

// securityPoison is T183: what others write into the shared state.
func securityPoison(t *testing.T) {
	key := "custody/" + stable + "/token"
	record := func(change func(map[string]any)) func(*world) []byte {
		return func(w *world) []byte {
			r := map[string]any{"key": key, "value": "poison", "start": time.Now(), "until": time.Now().Add(time.Hour), "fence": int64(1) << 60}
			change(r)
			plain, err := json.Marshal(r)
			if err != nil {
				w.Fatal(err)
			}
			return w.box.Seal(append([]byte{1}, plain...), key)
		}
	}
	none := func(map[string]any) {}
	versioned := func(version byte) func(*world) []byte {
		return func(w *world) []byte {
			plain, _, err := w.box.Open(record(none)(w), key)
			if err != nil {
				w.Fatal(err)
			}
			plain[0] = version
			return w.box.Seal(plain, key)
		}
	}
	for what, poison := range map[string]func(*world) []byte{
		"nothing": func(*world) []byte { return nil },
		"garbage": func(*world) []byte { return []byte("garbage") },
		"plain JSON": func(*world) []byte {
			return []byte(`{"key":"` + key + `","value":"poison","until":"2999-01-01T00:00:00Z"}`)
		},
		"a megabyte":           func(*world) []byte { return bytes.Repeat([]byte{1}, cluster.MaxValue) },
		"a record too large":   record(func(r map[string]any) { r["value"] = strings.Repeat("poison", 9000) }),
		"a record cut short":   func(w *world) []byte { s := record(none)(w); return s[:len(s)-1] },
		"a record with a flip": func(w *world) []byte { s := record(none)(w); s[20] ^= 1; return s },
		"an older form":        versioned(0),
		"a newer form":         versioned(2),
		"no record":            func(w *world) []byte { return w.box.Seal([]byte("\x01no JSON"), key) },
		"an empty record":      func(w *world) []byte { return w.box.Seal(nil, key) },
		"one of another account, put here": func(w *world) []byte {
			other := "custody/" + appIDOf(7) + "/token"
			return w.box.Seal([]byte("\x01"+`{"key":"`+other+`","value":"poison","until":"2999-01-01T00:00:00Z"}`), other)
		},
		"one that calls itself another's": record(func(r map[string]any) { r["key"] = "custody/" + appIDOf(7) + "/token" }),
		"one of another kind":             record(func(r map[string]any) { r["key"] = "custody/" + stable + "/jsapi" }),
		"one without a token":             record(func(r map[string]any) { r["value"] = "" }),
		"one that has ended":              record(func(r map[string]any) { r["until"] = time.Now().Add(-time.Second) }),
		"one that lives for ever":         record(func(r map[string]any) { r["until"] = time.Now().AddDate(1, 0, 0) }),
		"one from the future":             record(func(r map[string]any) { r["start"] = time.Now().Add(30 * time.Minute) }),
	} {
		t.Run("T183 what can't be believed is as good as nothing: "+what, func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				sealed := poison(w)
				if err := w.shared.Put(w.Context(), key, sealed, time.Hour); err != nil {
					w.Fatal(err)
				}
				a := w.node("a")
				w.asks(1, func() { w.token(a, stable) })
				got := w.token(w.node("b"), stable)
				if err := w.shared.Put(w.Context(), key, sealed, time.Hour); err != nil {
					w.Fatal(err)
				}
				pass(2 * time.Minute)
				if now := w.token(a, stable); now != got || strings.Contains(now, "poison") {
					w.Errorf("served is %s, want %s", now, got)
				}
			})
		})
	}
	t.Run("T183 the test's own records are believed where nothing is wrong with them", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			if err := w.shared.Put(w.Context(), key, record(none)(w), time.Hour); err != nil {
				w.Fatal(err)
			}
			if got := w.token(w.node("a"), stable); got != "poison" {
				w.Errorf("served is %s", got)
			}
		})
	})
	t.Run("T183 garbage with the greatest of all fences keeps nobody from a token", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			if _, err := w.shared.Shared.PutFenced(w.Context(), key, []byte("garbage"), 1<<62, time.Hour); err != nil {
				w.Fatal(err)
			}
			for _, name := range []string{"a", "b"} {
				k := w.node(name)
				got := w.token(k, stable)
				w.asks(0, func() { pass(time.Hour); w.token(k, stable) })
				w.wechat.kill(stable)
				if err := k.Do(w.Context(), stable, w.call(new(int))); err != nil || w.token(k, stable) == got {
					w.Error(err)
				}
			}
		})
	})
	t.Run("T183 the legacy row is believed no more than that", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			fence, _, err := w.store.Store.ReserveCustody(w.Context(), legacy, "x", time.Now(), time.Now())
			if err != nil {
				w.Fatal(err)
			}
			if _, err := w.store.Store.PutCustody(w.Context(), legacy, fence, record(none)(w)); err != nil {
				w.Fatal(err)
			}
			if got := w.token(w.node("a"), legacy); strings.Contains(got, "poison") {
				w.Errorf("served is %s", got)
			}
		})
	})
}

// securityLeaks: nothing that is kept or said holds a token.
func securityLeaks(t *testing.T) {
	t.Run("T102 neither what is shared nor the log nor the states hold a token", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			for _, appID := range []string{stable, legacy} {
				w.token(k, appID)
				w.wechat.kill(appID)
				_ = k.Do(w.Context(), appID, w.call(new(int)))
				w.wechat.with(func(string, string) fault { return fault{err: whitelist()} })
				w.wechat.kill(appID)
				_ = k.Do(w.Context(), appID, w.call(new(int)))
				w.wechat.with(nil)
			}
			sealed, _, err := w.shared.Get(w.Context(), key(stable))
			if err != nil || len(sealed) == 0 {
				w.Fatalf("%x, %v", sealed, err)
			}
			row, _, err := w.store.Custody(w.Context(), legacy)
			if err != nil || len(row) == 0 {
				w.Fatalf("%x, %v", row, err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			said := fmt.Sprintf("%s %s %s %+v %+v", sealed, row, w.log.String(), k.States(), w.alarms)
			if who := fmt.Sprintf("%v %+v %#v", custody.Account{Secret: "hush"}, custody.Account{Secret: "hush"}, custody.Account{Secret: "hush"}); strings.Contains(who, "hush") {
				w.Errorf("an account is %s", who)
			}
			for token := range w.wechat.tokens {
				if strings.Contains(said, token) {
					w.Errorf("%s stands in %s", token, said)
				}
			}
		})
	})
}

func key(appID string) string { return "custody/" + appID + "/token" }
