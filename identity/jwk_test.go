package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// One key in a hundred or so has a coordinate that begins with a zero byte, which
// big.Int.Bytes would drop (T149).
func TestCoordinatesHaveTheirFullWidth(t *testing.T) {
	t.Parallel()
	short := 0
	for range 3000 {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		j, err := newJWK(ES256, key.Public())
		if err != nil {
			t.Fatal(err)
		}
		x, errX := base64.RawURLEncoding.DecodeString(j.X)
		y, errY := base64.RawURLEncoding.DecodeString(j.Y)
		if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
			t.Fatalf("x of %d bytes, y of %d", len(x), len(y))
		}
		if x[0] == 0 || y[0] == 0 {
			short++
		}
		back, ok, err := j.public()
		if err != nil || !ok || !key.PublicKey.Equal(back) {
			t.Fatalf("the key reads back as %v, %v", back, err)
		}
	}
	if short == 0 { // once in 10^10 runs
		t.Error("no short coordinate among them")
	}
}

// Among the multiples of the base point are some with a short coordinate, so that the
// case is met for certain.
func TestAShortCoordinate(t *testing.T) {
	t.Parallel()
	for d := int64(1); d < 2000; d++ {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), big.NewInt(d).FillBytes(make([]byte, 32)))
		if err != nil {
			t.Fatal(err)
		}
		j, err := newJWK(ES256, key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if len(j.X) != 43 || len(j.Y) != 43 {
			t.Fatalf("of %d: x %s, y %s", d, j.X, j.Y)
		}
	}
}

// RFC 7638 §3.1 and RFC 8037 A.3 give an example each.
func TestThumbprints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key  jwk
		want string
	}{
		{jwk{KeyType: "RSA", E: "AQAB", N: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{jwk{KeyType: "OKP", Curve: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		if got := tt.key.thumbprint(); got != tt.want {
			t.Errorf("%s: %s", tt.key.KeyType, got)
		}
	}
}

// Every key tells all that verifiers ask for, and nothing of its private half (T150).
func TestMembersOfAKey(t *testing.T) {
	t.Parallel()
	k := loaded(t, newKeys(t, &memSecrets{}, newClock().Now, ES256, RS256, EdDSA))
	body, _ := k.JWKS()
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	members := map[string]string{
		"EC": "alg crv kid kty use x y", "RSA": "alg e kid kty n use", "OKP": "alg crv kid kty use x",
	}
	for _, key := range set.Keys {
		if got := strings.Join(slices.Sorted(maps.Keys(key)), " "); got != members[key["kty"]] {
			t.Errorf("%s has the members %s", key["kty"], got)
		}
		if key["use"] != "sig" || len(key["kid"]) != 43 {
			t.Errorf("use %q, kid %q", key["use"], key["kid"])
		}
	}
}

// A key that doesn't suit its algorithm is not described (T159).
func TestKeysThatDontSuit(t *testing.T) {
	t.Parallel()
	ec := func(c elliptic.Curve) crypto.PublicKey {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k.Public()
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		alg string
		key crypto.PublicKey
	}{
		"P-224 for ES256":   {ES256, ec(elliptic.P224())},
		"P-384 for ES256":   {ES256, ec(elliptic.P384())},
		"P-256 for RS256":   {RS256, ec(elliptic.P256())},
		"RSA-1024":          {RS256, weak.Public()},
		"RSA for ES256":     {ES256, weak.Public()},
		"Ed25519 for ES256": {ES256, make(ed25519.PublicKey, 32)},
		"a private key":     {RS256, weak},
		"nothing":           {ES256, nil},
	} {
		if j, err := newJWK(tt.alg, tt.key); err == nil {
			t.Errorf("%s: %+v", name, j)
		}
	}
}
