package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

const es1 = "signing/ES256/000001"

// withKey puts a signing key's content into a fresh store, changed as told.
func withKey(t *testing.T, change func(*signingKey)) *memSecrets {
	t.Helper()
	s, err := makeKey(ES256, 1, day(1), day(1))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(s)
	}
	plain, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	sealed := sealerOf(t, master(1)).Box(signingPurpose).Seal(plain, es1)
	return &memSecrets{secrets: map[string]Secret{es1: {Name: es1, Sealed: sealed, Version: 1}}}
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What doesn't open or doesn't suit is told by name and left as it is (T159).
func TestKeysThatAreNotTakenOver(t *testing.T) {
	t.Parallel()
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(p256.Public())
	if err != nil {
		t.Fatal(err)
	}
	put := func(key []byte) func(*signingKey) {
		return func(s *signingKey) { s.PKCS8, s.KeyID = key, "some" }
	}
	sealed := func(change func([]byte) []byte) *memSecrets {
		m := withKey(t, nil)
		s := m.secrets[es1]
		s.Sealed = change(s.Sealed)
		m.secrets[es1] = s
		return m
	}
	for name, store := range map[string]*memSecrets{
		"P-224":                     withKey(t, put(pkcs8(t, p224))),
		"RSA of 1024 bits":          withKey(t, put(pkcs8(t, weak))),
		"PKCS #1":                   withKey(t, put(x509.MarshalPKCS1PrivateKey(weak))),
		"a public key":              withKey(t, put(public)),
		"PEM":                       withKey(t, put(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8(t, p256)}))),
		"another key's id":          withKey(t, func(s *signingKey) { s.PKCS8 = pkcs8(t, p256) }),
		"another algorithm":         withKey(t, func(s *signingKey) { s.Algorithm = RS256 }),
		"no key id":                 withKey(t, func(s *signingKey) { s.KeyID, s.PKCS8 = "", nil }),
		"no time to begin":          withKey(t, func(s *signingKey) { s.UseFrom = time.Time{} }),
		"one bit changed":           sealed(func(b []byte) []byte { b[20] ^= 1; return b }),
		"cut":                       sealed(func(b []byte) []byte { return b[:40] }),
		"another master key":        sealed(func([]byte) []byte { return sealerOf(t, master(9)).Box(signingPurpose).Seal([]byte("{}"), es1) }),
		"another purpose":           sealed(func([]byte) []byte { return sealerOf(t, master(1)).Box("cookie").Seal([]byte("{}"), es1) }),
		"the secret of another":     sealed(func([]byte) []byte { return sealerOf(t, master(1)).Box(signingPurpose).Seal([]byte("{}"), es1+"1") }),
		"sealed, but not by Keys":   sealed(func([]byte) []byte { return sealerOf(t, master(1)).Box(signingPurpose).Seal([]byte("[1]"), es1) }),
		"sealed, but nothing in it": sealed(func([]byte) []byte { return sealerOf(t, master(1)).Box(signingPurpose).Seal(nil, es1) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(store.secrets)
			k := newKeys(t, store, newClock().Now, ES256)
			for _, call := range []func() error{
				func() error { return k.Load(t.Context()) },
				func() error { return k.Rotate(t.Context()) },
				func() error { return k.Revoke(t.Context(), "some") },
			} {
				err := call()
				if err == nil || !strings.Contains(err.Error(), es1) {
					t.Fatalf("error %v doesn't name the secret", err)
				}
				if strings.Contains(err.Error(), "some") {
					t.Errorf("error %v tells what is sealed", err)
				}
			}
			if len(store.secrets) != 1 || !bytes.Equal(store.secrets[es1].Sealed, before[es1].Sealed) {
				t.Error("it was written over, or a key was made in its place")
			}
			if body, _ := k.JWKS(); body != nil {
				t.Errorf("published %s", body)
			}
		})
	}
}

func TestNamesThatAreNoKeys(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"signing/", "signing/ES256", "signing/ES256/", "signing/ES256/1", "signing/ES256/000000", "signing/ES256/+00001", "signing/HS256/000001"} {
		s, err := makeKey(ES256, 1, day(1), day(1))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		sealed := sealerOf(t, master(1)).Box(signingPurpose).Seal(plain, name)
		store := &memSecrets{secrets: map[string]Secret{name: {Name: name, Sealed: sealed, Version: 1}}}
		if err := newKeys(t, store, newClock().Now, ES256).Load(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownAlgorithmsAreRefused(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"none", "HS256", "ES384", "RS512", "Ed448", ""} {
		if err := newKeys(t, &memSecrets{}, newClock().Now, alg).Load(t.Context()); err == nil {
			t.Errorf("makes keys for %q", alg)
		}
	}
}

func TestKeysFollowTheMasterKey(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := &memSecrets{}
	k := loaded(t, newKeys(t, store, c.Now, ES256, EdDSA))
	id := k.List()[0].ID
	if err := k.Revoke(t.Context(), id); err != nil { // what is left of it has to follow too
		t.Fatal(err)
	}
	before, _ := k.JWKS()
	for i := byte(2); i <= 3; i++ {
		for _, masters := range [][][]byte{{master(i), master(i - 1)}, {master(i)}} {
			k = newKeys(t, store, c.Now, ES256, EdDSA)
			k.Sealer = sealerOf(t, masters...)
			puts := store.puts
			loaded(t, k)
			if wrote := store.puts - puts; wrote != 3*(len(masters)-1) {
				t.Errorf("rotation %d: %d secrets sealed again", i, wrote)
			}
			if after, _ := k.JWKS(); !bytes.Equal(before, after) {
				t.Fatal("the key set has changed")
			}
		}
	}
	if k = newKeys(t, store, c.Now, ES256); !errors.Is(k.Load(t.Context()), ErrSealed) {
		t.Error("the first master key still opens them")
	}
}

// An outage while writing leaves the keys in force that were read.
func TestKeysSurviveAnOutage(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := &memSecrets{}
	k := loaded(t, newKeys(t, store, c.Now, ES256))
	store.fail = ErrUnavailable
	c.advance(29 * 24 * time.Hour)
	if err := k.Rotate(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("%v", err)
	}
	c.advance(10 * 24 * time.Hour)
	body, _ := k.JWKS()
	verifies(t, body, sign(t, k, ""), c.Now())
	store.fail = ErrConflict
	if err := k.Rotate(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("races without end: %v", err)
	}
}

func TestAnAlgorithmOutOfUseIsPublishedUntilItIsOver(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := &memSecrets{}
	loaded(t, newKeys(t, store, c.Now, EdDSA, ES256))
	k := loaded(t, newKeys(t, store, c.Now, ES256))
	if body, _ := k.JWKS(); !strings.Contains(string(body), EdDSA) || states(k) != "signing retired" {
		t.Errorf("states %s, %s", states(k), body)
	}
	if _, err := k.Sign(EdDSA, sample); err == nil {
		t.Error("it signs")
	}
	c.advance(32 * 24 * time.Hour)
	if err := k.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if body, _ := k.JWKS(); strings.Contains(string(body), EdDSA) {
		t.Error("it is published for ever")
	}
	// Back in use: the old key is as good as ever.
	k = loaded(t, newKeys(t, store, c.Now, ES256, EdDSA))
	body, _ := k.JWKS()
	verifies(t, body, sign(t, k, EdDSA), c.Now())
}

func TestRSAKeysAreLongEnough(t *testing.T) {
	t.Parallel()
	s, err := makeKey(RS256, 1, day(1), day(1))
	if err != nil {
		t.Fatal(err)
	}
	if n := s.private.(*rsa.PrivateKey).N.BitLen(); n != rsaBits || n < 2048 {
		t.Errorf("%d bits", n)
	}
}
