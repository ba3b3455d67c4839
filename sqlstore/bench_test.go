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

// resolved makes some claims, and returns the user of the last of them.
func resolved(b *testing.B, s *Store, claims ...identity.Claim) string {
	var user string
	for _, c := range claims {
		a, err := centre(s).Resolve(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		user = a.User.ID
	}
	return user
}

// onEach measures on each engine.
func onEach(b *testing.B, measure func(b *testing.B, s *Store)) {
	for engine, fresh := range engines {
		b.Run(engine, func(b *testing.B) { measure(b, openAt(b, fresh(b))) })
	}
}

// BenchmarkLoadReturning is what nearly every login asks.
func BenchmarkLoadReturning(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		resolved(b, s, claim("o1", "n1"))
		benchmarkLoad(b, s, returning(""))
	})
}

func BenchmarkLoadReturningWithCookie(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		user := resolved(b, s, claim("o1", "n1"))
		benchmarkLoad(b, s, returning(user))
	})
}

func BenchmarkLoadReturningAfterMerge(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		real := claim("o1", "n1")
		real.User, real.UserKind = "r1", identity.Real
		user := resolved(b, s, claim("o1", ""), claim("o2", ""), claim("o2", "n1"), claim("o1", "n1"), real)
		benchmarkLoad(b, s, returning(user))
	})
}

func BenchmarkLoadParallel(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		resolved(b, s, claim("o1", "n1"))
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := s.Load(b.Context(), returning("")); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkApplySerial(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := s.Apply(b.Context(), retirement(fmt.Sprint(i))); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkApply64 shows what it is worth that 64 callers share a wait for the
// disk.
func BenchmarkApply64(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
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
	})
}
