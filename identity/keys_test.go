package identity

import (
	"encoding/json"
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
