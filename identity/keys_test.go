package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func newKeys(t *testing.T, store SecretStore, now func() time.Time, algorithms ...string) *Keys {
	t.Helper()
	return &Keys{Store: store, Sealer: sealerOf(t, master(1)), Algorithms: algorithms, Now: now}
}

func loaded(t *testing.T, k *Keys) *Keys {
	t.Helper()
	if err := k.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

var sample = Token{
	Issuer: "https://id.example.com", Subject: "v2345", Audience: "shop", Kind: Virtual,
	Realm: "main", AppID: "wx1", PTID: "p1",
}

func expect(now time.Time) Expect {
	return Expect{Issuer: sample.Issuer, Audience: sample.Audience, Now: now}
}

func sign(t *testing.T, k *Keys, alg string) Signed {
	t.Helper()
	s, err := k.Sign(alg, sample)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verifies(t *testing.T, jwks []byte, s Signed, now time.Time) {
	t.Helper()
	if _, err := Verify(jwks, s.JWT, expect(now)); err != nil {
		t.Fatalf("key %s at %s: %v", s.KeyID, now, err)
	}
}

func states(k *Keys) string {
	var s []string
	for _, i := range k.List() {
		s = append(s, string(i.State))
	}
	return strings.Join(s, " ")
}

func TestKeysSign(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, ES256, RS256, EdDSA))
	jwks, etag := k.JWKS()
	if len(etag) < 10 || etag[0] != '"' {
		t.Errorf("etag %s", etag)
	}
	for _, alg := range []string{"", ES256, RS256, EdDSA} {
		s := sign(t, k, alg)
		verifies(t, jwks, s, c.Now())
		if got := s.Expires.Sub(s.Renew); got != 150*time.Second {
			t.Errorf("%s: %s of life left at renewal", alg, got)
		}
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(jwks, &set); err != nil || len(set.Keys) != 3 {
		t.Fatalf("%d keys, %v", len(set.Keys), err)
	}
	_, err := k.Sign("HS256", sample)
	if err == nil {
		t.Error("signed with an algorithm that is not in use")
	}
	if _, err := newKeys(t, &memSecrets{}, c.Now, ES256).Sign("", sample); err == nil {
		t.Error("signed before loading")
	}
}

func TestTwoNodesShareTheirKeys(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := &memSecrets{}
	a, b := newKeys(t, store, c.Now, ES256, EdDSA), newKeys(t, store, c.Now, ES256, EdDSA)
	store.before = func() { loaded(t, b) } // b makes both keys between a's reading and a's writing
	loaded(t, a)
	if store.puts != 2 {
		t.Errorf("%d keys made", store.puts)
	}
	bodyA, etagA := a.JWKS()
	bodyB, etagB := b.JWKS()
	if string(bodyA) != string(bodyB) || etagA != etagB {
		t.Error("the two nodes publish different key sets")
	}
	verifies(t, bodyB, sign(t, a, ""), c.Now())
}

func TestManyNodesAtOnce(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := &memSecrets{}
	var wg sync.WaitGroup
	bodies := make([]string, 8)
	for i := range bodies {
		k := newKeys(t, store, c.Now, ES256)
		wg.Go(func() {
			if err := k.Rotate(t.Context()); err != nil {
				t.Error(err)
			}
			body, _ := k.JWKS()
			bodies[i] = string(body)
		})
	}
	wg.Wait()
	for _, b := range bodies {
		if b != bodies[0] || b == "" {
			t.Fatalf("different key sets:\n%s\n%s", b, bodies[0])
		}
	}
}

func TestSigningWhileRotating(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, EdDSA))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if _, err := k.Sign("", sample); err != nil {
					t.Error(err)
					return
				}
				k.Epoch()
				k.JWKS()
				k.List()
			}
		})
	}
	for range 50 {
		c.advance(24 * time.Hour)
		if err := k.Rotate(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

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

func TestRevoke(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	tests := []struct {
		name   string
		age    time.Duration
		revoke string // which key, by its state
		states string // afterwards
	}{
		{"a new key takes over where none is announced", 0, "signing", "revoked signing"},
		{"the announced key takes over", 29 * day, "signing", "revoked signing"},
		{"the announced key itself is replaced", 29 * day, "next", "signing revoked next"},
		{"a retired key only leaves", 30*day + time.Hour, "retired", "revoked signing"},
		{"the key in force never gives way to a retired one", 30*day + time.Hour, "signing", "retired revoked signing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			store := &memSecrets{}
			k := loaded(t, newKeys(t, store, c.Now, EdDSA))
			other := newKeys(t, store, c.Now, EdDSA)
			for range int(tt.age / time.Hour) {
				c.advance(time.Hour)
				if err := k.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			loaded(t, other)
			id, epoch := "", k.Epoch()
			for _, i := range k.List() {
				if string(i.State) == tt.revoke {
					id = i.ID
				}
			}
			for range 2 { // the second time nothing happens
				if err := k.Revoke(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			if body, _ := k.JWKS(); strings.Contains(string(body), id) || k.Epoch() == epoch {
				t.Errorf("still published, epoch %d→%d", epoch, k.Epoch())
			}
			if s := sign(t, k, ""); s.KeyID == id {
				t.Error("the revoked key signs")
			}
			if err := k.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := states(k); got != tt.states {
				t.Errorf("states %q, want %q", got, tt.states)
			}
			loaded(t, other)
			body, _ := other.JWKS()
			verifies(t, body, sign(t, k, ""), c.Now())
			for _, secret := range store.secrets {
				s, err := openSigningKey(k.Sealer.Box(signingPurpose), secret)
				if err != nil || s.KeyID == id && len(s.PKCS8) > 0 {
					t.Errorf("%s still has its private half (%v)", secret.Name, err)
				}
			}
		})
	}
}

func TestRevokeKnowsItsKeys(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, EdDSA))
	if err := k.Revoke(t.Context(), "nobody"); !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
}
