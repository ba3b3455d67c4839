package identity

import (
	"fmt"
	"testing"
	"time"
)

// A verifier that caches the key set for a day, and never asks again within it, must
// take every token through more than half a year of rotations.
func TestNoValidTokenIsEverRefused(t *testing.T) {
	t.Parallel()
	c := newClock()
	start := c.Now()
	store := &memSecrets{}
	nodes := []*Keys{loaded(t, newKeys(t, store, c.Now, ES256)), loaded(t, newKeys(t, store, c.Now, ES256))}
	type cached struct {
		body    []byte
		fetched time.Time
	}
	verifiers := make([]cached, 8) // each fetches three hours after the one before
	for i := range verifiers {
		verifiers[i].fetched = start.Add(time.Duration(i*3-24) * time.Hour)
	}
	used := map[string]time.Time{}
	for hour := range 200 * 24 {
		if hour%24 != 7 { // now and then an hourly call is missed
			if err := nodes[hour%2].Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := nodes[(hour+1)%2].Load(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		s := sign(t, nodes[hour%2], "")
		if _, seen := used[s.KeyID]; !seen {
			used[s.KeyID] = c.Now()
		}
		c.advance(5*time.Minute - 2*time.Second) // the token is as old as can be
		v := &verifiers[hour%len(verifiers)]
		if v.body == nil || c.Now().Sub(v.fetched) >= 24*time.Hour {
			v.body, _ = nodes[(hour+1)%2].JWKS()
			v.fetched = c.Now()
		}
		verifies(t, v.body, s, c.Now())
		c.advance(55*time.Minute + 2*time.Second)
	}
	if n := len(used); n != 7 {
		t.Errorf("%d keys signed in 200 days, want 7", n)
	}
	if n := len(nodes[0].ring.Load().published); n > 2 {
		t.Errorf("%d keys are published", n)
	}
	for name := range store.secrets {
		s, err := openSigningKey(nodes[0].Sealer.Box(signingPurpose), store.secrets[name])
		if err != nil {
			t.Fatal(err)
		}
		if old := c.Now().Sub(s.UseUntil) > 2*24*time.Hour; old == s.usable() {
			t.Errorf("%s, planned until %s: private half kept is %t", name, s.UseUntil, s.usable())
		}
	}
}

func TestTheNextKeyIsPublishedBeforeItsUse(t *testing.T) {
	t.Parallel()
	for _, down := range []time.Duration{0, 27 * 24 * time.Hour, 31 * 24 * time.Hour, 90 * 24 * time.Hour} {
		t.Run(fmt.Sprintf("when nobody rotates for %s", down), func(t *testing.T) {
			t.Parallel()
			c := newClock()
			k := loaded(t, newKeys(t, &memSecrets{}, c.Now, EdDSA))
			c.advance(down)
			published := map[string]time.Time{}
			first := sign(t, k, "").KeyID
			for range 40 * 24 {
				if err := k.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
				for _, i := range k.List() {
					if _, ok := published[i.ID]; !ok {
						published[i.ID] = c.Now()
					}
				}
				if id := sign(t, k, "").KeyID; id != first {
					if ahead := c.Now().Sub(published[id]); ahead < 24*time.Hour {
						t.Fatalf("a key signs %s after it was published", ahead)
					}
					return
				}
				c.advance(time.Hour)
			}
			t.Fatal("the first key was never succeeded")
		})
	}
}

func TestRotateIsIdempotent(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := &memSecrets{}
	k := loaded(t, newKeys(t, store, c.Now, EdDSA))
	for _, wait := range []time.Duration{0, 28 * 24 * time.Hour, 2 * 24 * time.Hour, 2 * 24 * time.Hour} {
		c.advance(wait)
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		puts, epoch := store.puts, k.Epoch()
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if store.puts != puts || k.Epoch() != epoch {
			t.Errorf("after %s the second call wrote %d times, epoch %d→%d", wait, store.puts-puts, epoch, k.Epoch())
		}
	}
}

func TestEpochTellsWhenToSignAgain(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, EdDSA))
	rotate := func() uint64 {
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return k.Epoch()
	}
	begin := sign(t, k, "")
	if begin.Epoch != k.Epoch() {
		t.Fatal("a fresh token is of another epoch")
	}
	c.advance(28 * 24 * time.Hour)
	if rotate() != begin.Epoch {
		t.Error("a key that was only announced began an epoch")
	}
	c.advance(2 * 24 * time.Hour)
	if rotate() == begin.Epoch {
		t.Error("another key signs in the same epoch")
	}
}
