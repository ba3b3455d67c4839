package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
)

// The algorithms that tokens are signed with (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	ES256 = "ES256" // ECDSA on P-256: the default, known to every verifier
	RS256 = "RS256" // for verifiers that must be told before they take another
	EdDSA = "EdDSA" // Ed25519; Spring Security doesn't know it, PHP needs libsodium
)

// rsaBits is enough for keys that sign for a month tokens that live minutes: NIST
// SP 800-57 part 1 allows 2048 bits through 2030, all verifiers take them, and 3072
// would make each signature three times as dear. Less is refused (RFC 7518 §3.3).
const rsaBits = 2048

// jwk is the public half of a key (RFC 7517). It has no private members, so none
// can be published by mistake.
type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

// jwkSet is a set of keys (RFC 7517 §5).
type jwkSet struct {
	Keys []jwk `json:"keys"`
}

// newJWK describes a public key, which must suit its algorithm.
func newJWK(alg string, public crypto.PublicKey) (jwk, error) {
	j := jwk{Algorithm: alg, Use: "sig"}
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		if alg != ES256 || p.Curve != elliptic.P256() {
			return jwk{}, fmt.Errorf("describing key: an EC key on %s doesn't suit %s", p.Curve.Params().Name, alg)
		}
		point, err := p.Bytes() // 0x04, X, Y, both at full width (RFC 7518 §6.2.1.2)
		if err != nil {
			return jwk{}, fmt.Errorf("describing key: %w", err)
		}
		j.KeyType, j.Curve = "EC", "P-256"
		j.X, j.Y = base64url.EncodeToString(point[1:33]), base64url.EncodeToString(point[33:])
	case *rsa.PublicKey:
		if alg != RS256 || p.N.BitLen() < rsaBits {
			return jwk{}, fmt.Errorf("describing key: an RSA key of %d bits doesn't suit %s", p.N.BitLen(), alg)
		}
		j.KeyType = "RSA"
		j.N = base64url.EncodeToString(p.N.Bytes())
		j.E = base64url.EncodeToString(big.NewInt(int64(p.E)).Bytes())
	case ed25519.PublicKey:
		if alg != EdDSA {
			return jwk{}, fmt.Errorf("describing key: an Ed25519 key doesn't suit %s", alg)
		}
		j.KeyType, j.Curve, j.X = "OKP", "Ed25519", base64url.EncodeToString(p)
	default:
		return jwk{}, fmt.Errorf("describing key: a %T doesn't suit %s", public, alg)
	}
	j.KeyID = j.thumbprint()
	return j, nil
}

// thumbprint is the SHA-256 of the required members in their order (RFC 7638 §3,
// for Ed25519 RFC 8037 §2). None of them holds a character that JSON escapes.
func (j jwk) thumbprint() string {
	var canonical string
	switch j.KeyType {
	case "EC":
		canonical = fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, j.Curve, j.X, j.Y)
	case "RSA":
		canonical = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, j.E, j.N)
	case "OKP":
		canonical = fmt.Sprintf(`{"crv":"%s","kty":"OKP","x":"%s"}`, j.Curve, j.X)
	}
	sum := sha256.Sum256([]byte(canonical))
	return base64url.EncodeToString(sum[:])
}

// public turns a jwk into the key that it describes. ok is false if it is of a sort
// that we don't use, which RFC 7517 §5 wants ignored; a key of our sort that is
// malformed or weak is an error.
func (j jwk) public() (key crypto.PublicKey, ok bool, err error) {
	switch {
	case j.Use != "sig":
		return nil, false, nil
	case j.Algorithm == ES256 && j.KeyType == "EC" && j.Curve == "P-256":
		x, errX := base64url.DecodeString(j.X)
		y, errY := base64url.DecodeString(j.Y)
		if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
			return nil, false, fmt.Errorf("reading EC key: a coordinate is not 32 bytes in base64url")
		}
		key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err != nil {
			return nil, false, fmt.Errorf("reading EC key: %w", err)
		}
		return key, true, nil
	case j.Algorithm == RS256 && j.KeyType == "RSA":
		key, err = j.rsa()
		return key, err == nil, err
	case j.Algorithm == EdDSA && j.KeyType == "OKP" && j.Curve == "Ed25519":
		x, err := base64url.DecodeString(j.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, false, fmt.Errorf("reading Ed25519 key: x is not %d bytes in base64url", ed25519.PublicKeySize)
		}
		return ed25519.PublicKey(x), true, nil
	}
	return nil, false, nil
}

func (j jwk) rsa() (*rsa.PublicKey, error) {
	n, errN := base64url.DecodeString(j.N)
	e, errE := base64url.DecodeString(j.E)
	if errN != nil || errE != nil || len(e) == 0 || len(e) > 4 {
		return nil, fmt.Errorf("reading RSA key: n or e is not a number in base64url")
	}
	exponent := binary.BigEndian.Uint32(append(make([]byte, 4-len(e)), e...))
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}
	if key.N.BitLen() < rsaBits || exponent < 3 || exponent%2 == 0 || exponent > 1<<31-1 {
		return nil, fmt.Errorf("reading RSA key: %d bits with exponent %d is too weak", key.N.BitLen(), exponent)
	}
	return key, nil
}

// parseJWKS returns the usable keys of a set, by key id.
func parseJWKS(body []byte) (map[string]verifyKey, error) {
	var set jwkSet
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("reading key set: %w", err)
	}
	keys := make(map[string]verifyKey, len(set.Keys))
	for _, j := range set.Keys {
		key, ok, err := j.public()
		if err != nil {
			return nil, fmt.Errorf("reading key set: %w", err)
		}
		if !ok {
			continue
		}
		if _, twice := keys[j.KeyID]; twice || j.KeyID == "" {
			return nil, fmt.Errorf("reading key set: a key id is empty or there twice")
		}
		keys[j.KeyID] = verifyKey{j.Algorithm, key}
	}
	return keys, nil
}

// verifyKey is a public key together with the one algorithm that it is for.
type verifyKey struct {
	alg    string
	public crypto.PublicKey
}
