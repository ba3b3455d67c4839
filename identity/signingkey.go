package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	signingLife = 30 * 24 * time.Hour // how long a key signs
	announced   = 48 * time.Hour      // how long it is published before; the contract with verifiers is 24 h
	forgetAfter = 24 * time.Hour      // how long it stays published once the last token that it signed is over
)

// signingPrefix begins the names of the secrets that hold signing keys.
const signingPrefix = "signing/"

// signingPurpose is what those secrets are sealed for.
const signingPurpose = "signing key"

// signingKey is one generation of the keys of one algorithm, as it stands in the
// facts. The exported fields are its stored form.
//
// A key is never deleted: once it is revoked or forgotten it remains without its
// private half, so that its generation is not made a second time.
type signingKey struct {
	KeyID     string    `json:"kid"`
	Algorithm string    `json:"alg"`
	MadeAt    time.Time `json:"made_at"`
	UseFrom   time.Time `json:"use_from"`
	UseUntil  time.Time `json:"use_until"` // as planned; it goes on while there is no next one
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	PKCS8     []byte    `json:"pkcs8,omitempty"`

	generation int
	version    int64 // of the secret; 0 before it is stored
	stale      bool  // sealed under the older master key
	private    crypto.Signer
	jwk        jwk
	header     string // the encoded header of every token that it signs, with the dot
}

// name is the name of its secret. That it is unique is what makes two nodes agree
// on one key for each generation.
func (s *signingKey) name() string {
	return fmt.Sprintf("%s%s/%06d", signingPrefix, s.Algorithm, s.generation)
}

// usable says that the key can sign.
func (s *signingKey) usable() bool { return s.private != nil }

// began says that the key's time to sign has come, and that it wasn't revoked before.
func (s *signingKey) began(now time.Time) bool {
	return !s.UseFrom.After(now) && (s.RevokedAt.IsZero() || !s.RevokedAt.Before(s.UseFrom))
}

// makeKey makes the key of a generation, not stored yet. Its id never begins with a
// dash: whoever has to revoke it in a hurry would give the command an option.
func makeKey(alg string, generation int, made, from time.Time) (*signingKey, error) {
	for {
		s, err := drawKey(alg, generation, made, from)
		if err != nil || s.KeyID[0] != '-' {
			return s, err
		}
	}
}

func drawKey(alg string, generation int, made, from time.Time) (*signingKey, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, fmt.Errorf("making signing key: algorithm %q is none of %s, %s, %s", alg, ES256, RS256, EdDSA)
	}
	if err != nil {
		return nil, fmt.Errorf("making signing key: %w", err)
	}
	s := &signingKey{
		Algorithm: alg, MadeAt: made, UseFrom: from, UseUntil: from.Add(signingLife), generation: generation,
	}
	if s.PKCS8, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return nil, fmt.Errorf("making signing key: %w", err)
	}
	if err := s.unpack(); err != nil {
		return nil, fmt.Errorf("making signing key: %w", err)
	}
	return s, nil
}

// unpack derives from the stored form what signing needs.
func (s *signingKey) unpack() error {
	if len(s.PKCS8) == 0 {
		return nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(s.PKCS8)
	if err != nil {
		return errors.New("the private key is not in PKCS #8") // x509's error may quote the key
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return fmt.Errorf("a %T can't sign", parsed)
	}
	s.jwk, err = newJWK(s.Algorithm, private.Public())
	if err != nil {
		return err
	}
	if s.KeyID == "" {
		s.KeyID = s.jwk.KeyID
	}
	if s.KeyID != s.jwk.KeyID {
		return errors.New("the key id is not the thumbprint of the key")
	}
	s.private = private
	header := fmt.Sprintf(`{"alg":"%s","kid":"%s","typ":"JWT"}`, s.Algorithm, s.KeyID)
	s.header = base64url.EncodeToString([]byte(header)) + "."
	return nil
}

// method is how golang-jwt signs with this key.
func (s *signingKey) method() jwt.SigningMethod {
	switch s.Algorithm {
	case RS256:
		return jwt.SigningMethodRS256
	case EdDSA:
		return jwt.SigningMethodEdDSA
	}
	return jwt.SigningMethodES256
}

// without is the key stripped of its private half, as it remains for ever.
func (s *signingKey) without(revoked time.Time) *signingKey {
	bare := *s
	bare.PKCS8, bare.private = nil, nil
	bare.RevokedAt = revoked
	return &bare
}

// seal turns the key into its secret.
func (s *signingKey) seal(box *Box) (Secret, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return Secret{}, fmt.Errorf("sealing %s: %w", s.name(), err)
	}
	return Secret{Name: s.name(), Sealed: box.Seal(plain, s.name()), Version: s.version}, nil
}

// openSigningKey reads a key back. Whatever is wrong with it is an error that names
// the secret and nothing in it.
func openSigningKey(box *Box, secret Secret) (*signingKey, error) {
	_, digits, _ := strings.Cut(strings.TrimPrefix(secret.Name, signingPrefix), "/")
	generation, err := strconv.Atoi(digits)
	if err != nil || generation < 1 {
		return nil, fmt.Errorf("opening secret %s: the name has no generation", secret.Name)
	}
	plain, stale, err := box.Open(secret.Sealed, secret.Name)
	if err != nil {
		return nil, fmt.Errorf("opening secret %s: %w", secret.Name, err)
	}
	s := &signingKey{generation: generation, version: secret.Version, stale: stale}
	if err := json.Unmarshal(plain, s); err != nil {
		return nil, fmt.Errorf("opening secret %s: its content is not what was sealed for it", secret.Name)
	}
	if s.name() != secret.Name || s.KeyID == "" || s.UseFrom.IsZero() {
		return nil, fmt.Errorf("opening secret %s: its content doesn't fit its name", secret.Name)
	}
	if err := s.unpack(); err != nil {
		return nil, fmt.Errorf("opening secret %s: %w", secret.Name, err)
	}
	return s, nil
}
