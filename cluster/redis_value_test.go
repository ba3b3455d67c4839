package cluster_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

// names are the names on a server, in order.
func names(t testing.TB, s *redistest.Server) []string {
	t.Helper()
	all, err := s.Client().Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestRedisShowsNothing(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t)
	r := open(t, at(s))
	const openid = "oABCdefGHIjklMNOpqrSTUvwxYZ12"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.Put(t.Context(), "seen/"+openid, []byte("secret of "+openid), time.Minute))
	must(r.Put(t.Context(), openid, []byte("secret"), time.Minute))
	must(r.Put(t.Context(), "secretword", []byte("secret"), time.Minute))
	must(r.Put(t.Context(), openid+"/x", []byte("secret"), time.Minute))
	_, _, err := r.Lease(t.Context(), "job/"+openid, "holder "+openid, time.Minute)
	must(err)
	_, err = r.Limit(t.Context(), "ip/"+openid, cluster.Rate{Count: 1, Per: time.Minute, Burst: 1})
	must(err)
	pattern := regexp.MustCompile(`^wsite:(cluster|v:(seen|other):[0-9a-f]{32}|\{l\}:(job:[0-9a-f]{32}|fence)|r:ip:[0-9a-f]{32})$`)
	all := names(t, s)
	if len(all) != 8 {
		t.Errorf("%q", all)
	}
	for _, name := range all {
		value := fmt.Sprint(s.Do(t, "get", name))
		if !pattern.MatchString(name) || strings.Contains(name+value, openid) || strings.Contains(value, "secret") || strings.Contains(value, facts) {
			t.Errorf("%s: %q", name, value)
		}
		if left := s.Client().TTL(t.Context(), name).Val(); left < 0 && name != "wsite:{l}:fence" {
			t.Errorf("%s stays for ever", name)
		}
	}
}

func TestRedisKeys(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t)
	with := func(keys ...[]byte) *cluster.Redis {
		return open(t, at(s, func(c *cluster.RedisConfig) { c.Keys = keys }))
	}
	old, both, fresh := with(key(1)), with(key(2), key(1)), with(key(2))
	for _, test := range []struct {
		from, to *cluster.Redis
		found    bool
	}{{old, both, true}, {both, both, true}, {both, fresh, true}, {both, old, false}, {old, fresh, false}} {
		if err := test.from.Put(t.Context(), "k", []byte("one"), time.Minute); err != nil {
			t.Fatal(err)
		}
		if value, ok, err := test.to.Get(t.Context(), "k"); err != nil || ok != test.found || ok && string(value) != "one" {
			t.Errorf("%q, %t, %v; want %t", value, ok, err, test.found)
		}
	}
	if _, ok, err := old.Lease(t.Context(), "l", "x", time.Minute); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, ok, err := fresh.Lease(t.Context(), "l", "y", time.Minute); ok || err != nil {
		t.Errorf("whoever has other keys gets a lease that is held, %v", err)
	}
}

func TestRedisFences(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t)
	r := open(t, at(s))
	var last int64
	lease := func(what string) {
		t.Helper()
		fence, ok, err := r.Lease(t.Context(), "l", what, time.Minute)
		if !ok || err != nil || fence <= last || fence >= 1<<53 {
			t.Errorf("%s: fence %d after %d, %t, %v", what, fence, last, ok, err)
		}
		last = fence
	}
	lease("at first")
	s.Do(t, "flushall")
	lease("after all was lost")
	for _, garbage := range []string{"nan", "-5", "1e300", "99999999999999999999", "", "0x7fffffffffffffff"} {
		s.Do(t, "flushall")
		s.Do(t, "set", "wsite:{l}:fence", garbage)
		lease("after " + garbage)
	}
	s.Do(t, "flushall")
	s.Do(t, "lpush", "wsite:{l}:fence", "1")
	lease("after a list")
	// The clock went back by a day.
	s.Do(t, "flushall")
	last += (24 * time.Hour).Microseconds()
	s.Do(t, "set", "wsite:{l}:fence", last)
	lease("after tomorrow")
	s.Kill()
	s.Restart(t)
	last -= (24 * time.Hour).Microseconds() // which nobody remembers
	lease("after a restart")
}

func TestRedisAppend(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t)
	r := open(t, at(s))
	before := r.Commands()
	for i := range 1000 {
		if err := r.Append(t.Context(), "events of ours", 100, map[string]string{"id": fmt.Sprint(i), "a": "b"}); err != nil {
			t.Fatal(err)
		}
	}
	if sent := r.Commands() - before; sent != 1000 {
		t.Errorf("%d commands", sent)
	}
	all, err := s.Client().XRange(t.Context(), "events of ours", "-", "+").Result()
	if err != nil || len(all) < 100 || len(all) > 300 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	if last := all[len(all)-1].Values; len(last) != 2 || last["id"] != "999" || last["a"] != "b" {
		t.Errorf("%v", last)
	}
	for _, err := range []error{
		r.Append(t.Context(), "", 1, map[string]string{"a": "b"}),
		r.Append(t.Context(), "s", 0, map[string]string{"a": "b"}),
		r.Append(t.Context(), "s", 1, nil),
	} {
		if err == nil {
			t.Error("it was appended")
		}
	}
}

// TestRedisLateStart has a server that isn't there yet.
func TestRedisLateStart(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t)
	s.Kill()
	r := open(t, at(s, func(c *cluster.RedisConfig) { c.Timeout = time.Second }))
	if err := r.Put(t.Context(), "k", nil, time.Minute); err == nil {
		t.Error("it has put something")
	}
	s.Restart(t)
	s.Do(t, "set", "wsite:of somebody else", "1")
	if err := r.Put(t.Context(), "k", nil, time.Minute); err == nil || !strings.Contains(err.Error(), "another application") {
		t.Errorf("it doesn't look where it writes: %v", err)
	}
	s.Do(t, "flushall")
	use(t, r)
}
