package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

// nameOf is the one name on a server that begins so.
func nameOf(t testing.TB, s *redistest.Server, begin string) string {
	t.Helper()
	var found []string
	for _, name := range names(t, s) {
		if strings.HasPrefix(name, begin) {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d names begin with %s", len(found), begin)
	}
	return found[0]
}

// TestSecurity has the attacks on what nodes share, by their numbers.
func TestSecurity(t *testing.T) {
	t.Parallel()
	t.Run("T170 parts of keys don't run together", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		r := open(t, at(s))
		keys := []string{"wx1/2ab", "wx12/ab", "wx1/2/ab", "wx1//2ab", "wx1/2ab/", "wx1/2a\x00b", "wx1/2a", "wx1", "other/wx1"}
		for _, key := range keys {
			if put, err := r.PutNew(t.Context(), key, []byte(key), time.Minute); !put || err != nil {
				t.Errorf("%q: %t, %v", key, put, err)
			}
		}
		for _, key := range keys {
			if value, _, err := r.Get(t.Context(), key); string(value) != key || err != nil {
				t.Errorf("%q: %q, %v", key, value, err)
			}
		}
		// A lease that is moved from one name to another has no holder there.
		if _, ok, err := r.Lease(t.Context(), "wx1/1", "2ab", time.Minute); !ok || err != nil {
			t.Fatal(ok, err)
		}
		first := nameOf(t, s, "wsite:{l}:wx1:")
		if _, ok, err := r.Lease(t.Context(), "wx1/12", "z", time.Minute); !ok || err != nil {
			t.Fatal(ok, err)
		}
		for _, name := range names(t, s) {
			if strings.HasPrefix(name, "wsite:{l}:wx1:") && name != first {
				s.Do(t, "rename", first, name)
			}
		}
		for _, holder := range []string{"ab", "2ab"} {
			if _, ok, err := r.Lease(t.Context(), "wx1/12", holder, time.Minute); ok || err != nil {
				t.Errorf("%s holds what was another's: %t, %v", holder, ok, err)
			}
		}
	})
	t.Run("T173 T174 what is read, changed and ended at once stays what it is", func(t *testing.T) {
		t.Parallel()
		testAtOnce(t)
	})
	t.Run("T175 what belongs to another key is a miss", func(t *testing.T) {
		t.Parallel()
		testMoved(t)
	})
	t.Run("T176 ten thousand callers that give up leave nothing behind", func(t *testing.T) {
		t.Parallel()
		testGivenUp(t)
	})
	t.Run("T179 a lease that ends before the work does lets nothing old be written", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		a, b := open(t, at(s)), open(t, at(s))
		slow, ok, err := a.Lease(t.Context(), "token", "slow", 20*time.Millisecond)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		var next int64
		until(t, "the lease ends", func() bool {
			if next, ok, err = b.Lease(t.Context(), "token", "next", time.Minute); err != nil {
				t.Fatal(err)
			}
			return ok
		})
		if put, err := b.PutFenced(t.Context(), "token", []byte("new"), next, time.Minute); !put || err != nil {
			t.Errorf("%t, %v", put, err)
		}
		if put, err := a.PutFenced(t.Context(), "token", []byte("old"), slow, time.Minute); put || err != nil {
			t.Errorf("the slow one has written: %t, %v", put, err)
		}
		if err := a.Release(t.Context(), "token", "slow"); err != nil {
			t.Error(err)
		}
		if _, ok, err := a.Lease(t.Context(), "token", "slow", time.Minute); ok || err != nil {
			t.Errorf("the slow one holds it again: %t, %v", ok, err)
		}
		if value, _, err := a.Get(t.Context(), "token"); string(value) != "new" || err != nil {
			t.Errorf("%q, %v", value, err)
		}
	})
	t.Run("T182 every outage is answered within the time-out, and ends by itself", func(t *testing.T) {
		t.Parallel()
		testOutages(t)
	})
	t.Run("T183 garbage is a miss, and keeps nobody from writing", func(t *testing.T) {
		t.Parallel()
		testGarbage(t)
	})
}

// testAtOnce has readers that change what they have got, while values end all the time.
func testAtOnce(t *testing.T) {
	var elapsed atomic.Int64
	began := time.Now()
	m := cluster.NewMemory(func() time.Time { return began.Add(time.Duration(elapsed.Load())) })
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for round := range 2000 {
				key := fmt.Sprint((i + round) % 3)
				if _, err := m.PutNew(t.Context(), key, []byte(key), time.Duration(1+round%4)*time.Millisecond); err != nil {
					t.Error(err)
				}
				value, ok, err := m.Get(t.Context(), key)
				if err != nil || ok && string(value) != key {
					t.Errorf("%s: %q, %v", key, value, err)
				}
				clear(value)
				if _, err := m.Limit(t.Context(), key, cluster.Rate{Count: 1, Per: time.Millisecond, Burst: 2}); err != nil {
					t.Error(err)
				}
				elapsed.Add(int64(100 * time.Microsecond))
			}
		})
	}
	all.Wait()
}

// testMoved moves records to where they don't belong.
func testMoved(t *testing.T) {
	s := redistest.Single(t)
	r, other := open(t, at(s)), open(t, at(s, func(c *cluster.RedisConfig) { c.Prefix = "other:" }))
	put := func(r *cluster.Redis, key string) {
		t.Helper()
		if ok, err := r.PutFenced(t.Context(), key, []byte("session of "+key), 7, time.Hour); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	missed := func(what string, r *cluster.Redis, key string) {
		t.Helper()
		before := r.Unopened()
		if value, ok, err := r.Get(t.Context(), key); ok || err != nil {
			t.Errorf("%s: %q, %t, %v", what, value, ok, err)
		}
		if r.Unopened() != before+1 {
			t.Errorf("%s isn't counted", what)
		}
	}
	put(r, "ming/1")
	put(r, "hong/1")
	put(other, "ming/1")
	ming, hong := nameOf(t, s, "wsite:v:ming:"), nameOf(t, s, "wsite:v:hong:")
	record := s.Do(t, "get", ming).(string)
	s.Do(t, "set", hong, record)
	missed("another's session", r, "hong/1")
	s.Do(t, "set", nameOf(t, s, "other:v:ming:"), record)
	missed("a session of another prefix", other, "ming/1")
	fence := []byte(record)
	fence[16]++
	s.Do(t, "set", ming, fence)
	missed("another fence", r, "ming/1")

	heard := make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go r.Subscribe(ctx, "ming/1", func(text []byte) { heard <- string(text) })
	<-heard
	s.Do(t, "publish", strings.Replace(ming, ":v:", ":m:", 1), record)
	s.Do(t, "publish", "wsite:m:ming:"+strings.Repeat("0", 32), record)
	channels := s.Do(t, "pubsub", "channels", "*").([]any)
	s.Do(t, "publish", channels[0], record)
	if err := r.Publish(t.Context(), "ming/1", []byte("text")); err != nil {
		t.Error(err)
	}
	if got := <-heard; got != "text" || len(channels) != 1 {
		t.Errorf("heard %q on %v", got, channels)
	}
}

// testGivenUp has callers give up at any moment, and looks whether an answer gets to
// somebody else.
func testGivenUp(t *testing.T) {
	const pool = 4
	s := redistest.Single(t)
	r := open(t, at(s, func(c *cluster.RedisConfig) { c.Pool = pool }))
	for i := range 16 {
		if err := r.Put(t.Context(), fmt.Sprint(i), fmt.Append(nil, "of ", i), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	var gaveUp, got [16]int
	for i := range 16 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range 10_000 / 16 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond<<random.IntN(15)) // up to 16ms
				value, ok, err := r.Get(ctx, fmt.Sprint(i))
				switch {
				case err == nil && (!ok || string(value) != fmt.Sprint("of ", i)):
					t.Errorf("%d got %q, %t", i, value, ok)
				case err == nil:
					got[i]++
				default:
					gaveUp[i]++
				}
				cancel()
			}
		})
	}
	all.Wait()
	sum := func(of [16]int) (n int) {
		for _, each := range of {
			n += each
		}
		return n
	}
	if sum(got) < 100 || sum(gaveUp) < 100 {
		t.Errorf("%d got an answer, %d gave up: neither may be rare", sum(got), sum(gaveUp))
	}
	use(t, r)
	// One of them is the administrator's, and one a listener's.
	until(t, "connections are closed", func() bool {
		clients, _ := s.Client().Info(t.Context(), "clients").Result()
		_, rest, _ := strings.Cut(clients, "connected_clients:")
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		return err == nil && n <= pool+2
	})
	if r.Unopened() != 0 {
		t.Errorf("%d values didn't open", r.Unopened())
	}
}

// testGarbage puts garbage everywhere.
func testGarbage(t *testing.T) {
	s := redistest.Single(t)
	r := open(t, at(s))
	if err := r.Put(t.Context(), "ticket/1", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	name := nameOf(t, s, "wsite:v:")
	record := s.Do(t, "get", name).(string)
	for what, garbage := range map[string]any{
		"garbage": "garbage", "a byte": "1", "nothing": "", "an older version": "0" + record[1:], "a newer version": "2" + record[1:],
		"truncated": record[:len(record)-1], "a head alone": record[:17], "longer": record + "x", "ten megabytes": bytes.Repeat([]byte("1"), 10<<20), "a list": nil,
	} {
		poison := func() {
			s.Do(t, "del", name)
			if garbage == nil {
				s.Do(t, "lpush", name, "x")
			} else {
				s.Do(t, "set", name, garbage)
			}
		}
		poison()
		before, sent := r.Unopened(), sentBytes(t, s)
		if value, ok, err := r.Get(t.Context(), "ticket/1"); ok || err != nil {
			t.Errorf("%s: Get: %q, %t, %v", what, value, ok, err)
		}
		if got := sentBytes(t, s) - sent; got > 3<<20 {
			t.Errorf("%s: %d bytes were read", what, got)
		}
		if counted := r.Unopened() - before; counted != 1 && what != "nothing" {
			t.Errorf("%s: counted %d times", what, counted)
		}
		if value, ok, err := r.Take(t.Context(), "ticket/1"); ok || err != nil {
			t.Errorf("%s: Take: %q, %t, %v", what, value, ok, err)
		}
		poison()
		if put, err := r.PutNew(t.Context(), "ticket/1", []byte("new"), time.Minute); !put || err != nil {
			t.Errorf("%s: PutNew: %t, %v", what, put, err)
		}
		poison()
		if put, err := r.PutFenced(t.Context(), "ticket/1", []byte("new"), 0, time.Minute); !put || err != nil {
			t.Errorf("%s: PutFenced: %t, %v", what, put, err)
		}
		if value, _, err := r.Get(t.Context(), "ticket/1"); string(value) != "new" || err != nil {
			t.Errorf("%s: %q, %v", what, value, err)
		}
	}
	// A fence that nobody has sealed blocks nobody.
	s.Do(t, "set", name, "1"+strings.Repeat("f", 16)+record[17:])
	if put, err := r.PutFenced(t.Context(), "ticket/1", []byte("new"), 0, time.Minute); !put || err != nil {
		t.Errorf("a forged fence: %t, %v", put, err)
	}
	garbageElsewhere(t, s, r)
}

// garbageElsewhere puts garbage where limits and leases are.
func garbageElsewhere(t *testing.T, s *redistest.Server, r *cluster.Redis) {
	rate := cluster.Rate{Count: 1, Per: time.Hour, Burst: 1}
	if _, err := r.Limit(t.Context(), "ip/1", rate); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Lease(t.Context(), "job/1", "x", time.Hour); err != nil {
		t.Fatal(err)
	}
	limit, lease := nameOf(t, s, "wsite:r:"), nameOf(t, s, "wsite:{l}:job:")
	for _, garbage := range []string{"garbage", "nan", "inf", "1e300", "-1e300", ""} {
		s.Do(t, "set", limit, garbage)
		s.Do(t, "set", lease, garbage)
		if v, err := r.Limit(t.Context(), "ip/1", rate); !v.Allowed || err != nil {
			t.Errorf("%s: Limit: %+v, %v", garbage, v, err)
		}
		if v, err := r.Limit(t.Context(), "ip/1", rate); v.Allowed || v.RetryAfter > time.Hour || err != nil {
			t.Errorf("%s: the next: %+v, %v", garbage, v, err)
		}
		if _, ok, err := r.Lease(t.Context(), "job/1", "y", time.Hour); !ok || err != nil {
			t.Errorf("%s: Lease: %t, %v", garbage, ok, err)
		}
	}
	for _, name := range []string{limit, lease} {
		s.Do(t, "del", name)
		s.Do(t, "lpush", name, "x")
	}
	if v, err := r.Limit(t.Context(), "ip/1", rate); !v.Allowed || err != nil {
		t.Errorf("a list: Limit: %+v, %v", v, err)
	}
	if err := r.Release(t.Context(), "job/1", "y"); err != nil {
		t.Error(err)
	}
	if _, ok, err := r.Lease(t.Context(), "job/1", "z", time.Hour); !ok || err != nil {
		t.Errorf("a list: Lease: %t, %v", ok, err)
	}
	s.Do(t, "set", "wsite:cluster", "garbage")
	if err := r.Check(t.Context()); err == nil || errors.Is(err, context.Canceled) {
		t.Error("a marker that isn't ours")
	}
	if err := r.Put(t.Context(), "ticket/1", nil, time.Hour); err == nil {
		t.Error("it goes on writing under another's prefix")
	}
}

// sentBytes is how much a server has sent to anybody.
func sentBytes(t testing.TB, s *redistest.Server) int {
	t.Helper()
	info, err := s.Client().Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "total_net_output_bytes:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
