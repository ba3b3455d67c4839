package wechatsim

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

var (
	openidForm  = regexp.MustCompile(`^o[A-Za-z0-9_-]{27}$`)
	personNames = rapid.StringMatching(`[a-z0-9_-]{1,32}`)
	appids      = rapid.StringMatching(`wx[0-9a-f]{16}`)
)

func world(t *rapid.T) *Sim {
	var o Options
	cast(&o)
	o.Seed = rapid.Uint64Min(1).Draw(t, "seed")
	return New(o)
}

func TestOpenIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := world(t)
		p, q := personNames.Draw(t, "p"), personNames.Draw(t, "q")
		a, b := appids.Draw(t, "a"), appids.Draw(t, "b")
		id := s.OpenID(p, a)
		if !openidForm.MatchString(id) {
			t.Fatalf("openid %q", id)
		}
		if (s.OpenID(q, a) == id) != (p == q) {
			t.Fatalf("people %q and %q of one account: %q, %q", p, q, id, s.OpenID(q, a))
		}
		if s.OpenID(q, a)[:6] != id[:6] {
			t.Fatalf("the account's prefix differs: %q, %q", id, s.OpenID(q, a))
		}
		if (s.OpenID(p, b) == id) != (a == b) {
			t.Fatalf("accounts %q and %q see %q as one", a, b, p)
		}
		if other := New(Options{Seed: s.Seed()}); other.OpenID(p, a) != id {
			t.Fatal("the same seed gives another openid")
		}
		if other := New(Options{Seed: s.Seed() + 1 | 1<<63}); other.Seed() != s.Seed() && other.OpenID(p, a) == id {
			t.Fatal("another seed gives the same openid")
		}
	})
}

func TestUnionIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := world(t)
		p, q := personNames.Draw(t, "p"), personNames.Draw(t, "q")
		id := s.UnionID(p, appA)
		if !openidForm.MatchString(id) || id == s.OpenID(p, appA) {
			t.Fatalf("unionid %q", id)
		}
		if s.UnionID(p, appB) != id {
			t.Fatalf("two accounts of one subject see %q and %q", id, s.UnionID(p, appB))
		}
		if (s.UnionID(q, appA) == id) != (p == q) {
			t.Fatalf("people %q and %q are one", p, q)
		}
		if s.UnionID(p, appLone) != "" || s.UnionID(p, appids.Draw(t, "unknown")) != "" {
			t.Fatal("a unionid without a subject")
		}
	})
}

func TestSameSeedSameWorld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64Min(1).Draw(t, "seed")
		a, b := newDice(seed), newDice(seed)
		for range 5 {
			if x, y := a.code()+a.token()+a.rid(), b.code()+b.token()+b.rid(); x != y {
				t.Fatalf("%s, %s", x, y)
			}
		}
		if code := a.code(); !regexp.MustCompile(`^0[0-9A-Za-z]{31}$`).MatchString(code) {
			t.Fatalf("code %q", code)
		}
		if token := a.token(); len(token) > 512 || len(token) < 64 {
			t.Fatalf("a token of %d", len(token))
		}
	})
}
