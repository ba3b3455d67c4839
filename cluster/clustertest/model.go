package clustertest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/cluster"
)

// plain is the contract in the plainest form: it forgets nothing and locks nothing.
type plain struct {
	now    time.Duration
	values map[string]plainValue
	leases map[string]plainLease
	fence  int64 // the greatest that was given
}

type plainValue struct {
	value string
	fence int64
	end   time.Duration
}

type plainLease struct {
	holder string
	fence  int64
	end    time.Duration
}

// at is the value of a key, "-" if there is none.
func (p *plain) at(key string) (plainValue, bool) {
	v, ok := p.values[key]
	return v, ok && p.now < v.end
}

// model plays any calls on the state and on the plain one.
func (h Harness) model(t *testing.T) {
	t.Run("any calls in any order are answered as by the plainest of all", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(r *rapid.T) {
			a, b, advance := h.Open(t)
			p := &plain{values: map[string]plainValue{}, leases: map[string]plainLease{}}
			for range rapid.IntRange(1, 40).Draw(r, "calls") {
				s := []cluster.Shared{a, b}[rapid.IntRange(0, 1).Draw(r, "node")]
				key := rapid.SampledFrom([]string{"k", "l"}).Draw(r, "key")
				life := time.Duration(rapid.IntRange(1, 4).Draw(r, "life")) * time.Second
				switch op := rapid.SampledFrom([]string{"wait", "get", "take", "put", "new", "fenced", "delete", "lease", "lease", "release"}).Draw(r, "op"); op {
				case "wait":
					advance(life)
					p.now += life
				case "lease", "release":
					p.hold(r, t, s, op, key, rapid.SampledFrom([]string{"x", "y"}).Draw(r, "holder"), life)
				default:
					p.use(r, t, s, op, key, life)
				}
			}
		})
	})
}

// use plays a call about a value.
func (p *plain) use(r *rapid.T, t *testing.T, s cluster.Shared, op, key string, life time.Duration) {
	old, had := p.at(key)
	fresh := plainValue{value: rapid.StringN(0, 3, 9).Draw(r, "value"), end: p.now + life}
	var got, want string
	var err error
	var done bool
	var value []byte
	switch op {
	case "get", "take":
		if want = "-"; had {
			want = old.value
		}
		if op == "get" {
			value, done, err = s.Get(t.Context(), key)
		} else {
			value, done, err = s.Take(t.Context(), key)
			delete(p.values, key)
		}
		got = show(value, done)
	case "put":
		err = s.Put(t.Context(), key, []byte(fresh.value), life)
		p.values[key] = fresh
	case "new":
		done, err = s.PutNew(t.Context(), key, []byte(fresh.value), life)
		if !had {
			p.values[key] = fresh
		}
		got, want = fmt.Sprint(done), fmt.Sprint(!had)
	case "fenced":
		fresh.fence = rapid.Int64Range(0, 3).Draw(r, "fence")
		done, err = s.PutFenced(t.Context(), key, []byte(fresh.value), fresh.fence, life)
		may := !had || old.fence <= fresh.fence
		if may {
			p.values[key] = fresh
		}
		got, want = fmt.Sprint(done), fmt.Sprint(may)
	case "delete":
		err = s.Delete(t.Context(), key)
		delete(p.values, key)
	}
	if err != nil || got != want {
		r.Fatalf("%s of %s: %q, %v; want %q", op, key, got, err, want)
	}
}

// hold plays a call about a lease.
func (p *plain) hold(r *rapid.T, t *testing.T, s cluster.Shared, op, name, holder string, life time.Duration) {
	held, ok := p.leases[name]
	ok = ok && p.now < held.end
	if op == "release" {
		if err := s.Release(t.Context(), name, holder); err != nil {
			r.Fatal(err)
		}
		if ok && held.holder == holder {
			delete(p.leases, name)
		}
		return
	}
	fence, given, err := s.Lease(t.Context(), name, holder, life)
	switch {
	case err != nil || given != (!ok || held.holder == holder):
		r.Fatalf("%s asks for %s, of %+v: %t, %v", holder, name, held, given, err)
	case !given:
	case ok && fence != held.fence:
		r.Fatalf("a prolonged lease has fence %d, had %d", fence, held.fence)
	case !ok && fence <= p.fence:
		r.Fatalf("a new lease has fence %d after %d", fence, p.fence)
	}
	if given {
		p.fence = max(p.fence, fence)
		p.leases[name] = plainLease{holder: holder, fence: fence, end: p.now + life}
	}
}
