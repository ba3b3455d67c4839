package sqlstore

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func returning(user string) identity.Query {
	return identity.Query{
		Realm: "shop", Openid: identity.Openid{AppID: "wx1", OpenID: "o1"},
		Unionid: identity.Unionid{Subject: "open1"}, User: user, PrevSince: time.Now().Add(-time.Hour),
	}
}

func benchmarkLoad(b *testing.B, s *Store, q identity.Query) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Load(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}

// resolved is a store after some claims, and the user of the last of them.
func resolved(b *testing.B, claims ...identity.Claim) (*Store, string) {
	s := openNew(b)
	var user string
	for _, c := range claims {
		a, err := centre(s).Resolve(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		user = a.User.ID
	}
	return s, user
}

// BenchmarkLoadReturning is what nearly every login asks.
func BenchmarkLoadReturning(b *testing.B) {
	s, _ := resolved(b, claim("o1", "n1"))
	benchmarkLoad(b, s, returning(""))
}

func BenchmarkLoadReturningWithCookie(b *testing.B) {
	s, user := resolved(b, claim("o1", "n1"))
	benchmarkLoad(b, s, returning(user))
}

func BenchmarkLoadReturningAfterMerge(b *testing.B) {
	real := claim("o1", "n1")
	real.User, real.UserKind = "r1", identity.Real
	s, user := resolved(b, claim("o1", ""), claim("o2", ""), claim("o2", "n1"), claim("o1", "n1"), real)
	benchmarkLoad(b, s, returning(user))
}

func BenchmarkLoadParallel(b *testing.B) {
	s, _ := resolved(b, claim("o1", "n1"))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Load(b.Context(), returning("")); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkApplySerial(b *testing.B) {
	s := openNew(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Apply(b.Context(), retirement(fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply64 shows what it is worth that 64 callers share a wait for the
// disk.
func BenchmarkApply64(b *testing.B) {
	s := openNew(b)
	var n atomic.Int64
	b.SetParallelism(32) // times the number of processors, which is 2 or more
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.Apply(b.Context(), retirement(fmt.Sprint(n.Add(1)))); err != nil {
				b.Error(err)
			}
		}
	})
}
