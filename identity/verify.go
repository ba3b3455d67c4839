package identity

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Expect is what a verifier demands of a token. Issuer and Audience are required:
// a verifier that doesn't name its audience takes tokens that were made for others.
type Expect struct {
	Issuer   string
	Audience string
	Now      time.Time
	// Leeway is how far the clocks may differ; zero will do, since our tokens are
	// issued half a minute in the past.
	Leeway time.Duration
}

// Verify checks a token against a key set in JSON (RFC 7517) and returns what it
// says. The signature is checked first, with the algorithm that the key set names
// for the key and never with one that the token asks for (RFC 8725 §3.1). Keys that
// a token brings along or points to are ignored (§3.10).
//
// An error wraps jwt.ErrTokenSignatureInvalid, jwt.ErrTokenExpired and the like,
// and comes with a zero Token.
func Verify(jwks []byte, token string, want Expect) (Token, error) {
	if want.Issuer == "" || want.Audience == "" || want.Now.IsZero() {
		return Token{}, errors.New("verifying token: the expected issuer and audience and the time must be given")
	}
	if strings.ContainsAny(token, "\r\n") {
		return Token{}, errors.New("verifying token: it has line breaks") // encoding/base64 would skip them
	}
	keys, err := parseJWKS(jwks)
	if err != nil {
		return Token{}, fmt.Errorf("verifying token: %w", err)
	}
	var c claims
	_, err = jwt.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) { return pick(keys, t) },
		jwt.WithValidMethods([]string{ES256, RS256, EdDSA}),
		jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(),
		jwt.WithNotBeforeRequired(),
		jwt.WithIssuedAt(),
		jwt.WithIssuer(want.Issuer),
		jwt.WithAudience(want.Audience),
		jwt.WithLeeway(want.Leeway),
		jwt.WithTimeFunc(func() time.Time { return want.Now }),
	)
	if err != nil {
		return Token{}, fmt.Errorf("verifying token: %w", err)
	}
	return c.token(), nil
}

// pick finds the key that a token names, by nothing but its id in a map.
func pick(keys map[string]verifyKey, t *jwt.Token) (any, error) {
	if t.Header["typ"] != "JWT" {
		return nil, errors.New("the type is not JWT")
	}
	if _, ok := t.Header["crit"]; ok {
		return nil, errors.New("the header demands what we don't know") // RFC 7515 §4.1.11
	}
	id, _ := t.Header["kid"].(string)
	key, ok := keys[id]
	if !ok {
		return nil, errors.New("no such key")
	}
	if t.Method.Alg() != key.alg {
		return nil, errors.New("the key is for another algorithm")
	}
	return key.public, nil
}

// claims is the claims set in the form that we write, and in no other: with types
// this strict, a claim of a wrong type is an error and never an absent claim.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	IssuedAt  *int64   `json:"iat"`
	NotBefore *int64   `json:"nbf"`
	Expires   *int64   `json:"exp"`
	Kind      Kind     `json:"kind"`
	Realm     string   `json:"realm"`
	AppID     string   `json:"appid"`
	PTID      string   `json:"ptid"`
	OpenID    string   `json:"openid"`
	UnionID   string   `json:"unionid"`
	Bind      string   `json:"bind"`
	Hinted    bool     `json:"hinted"`
	Linked    bool     `json:"linked"`
	AMR       []string `json:"amr"`
	AuthTime  int64    `json:"auth_time"`
	Prev      []string `json:"prev"`
}

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.Expires), nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.IssuedAt), nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return date(c.NotBefore), nil }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

// Validate is called by the parser after the registered claims were checked.
func (c *claims) Validate() error {
	if c.Subject == "" {
		return jwt.ErrTokenInvalidSubject
	}
	if c.Kind != Virtual && c.Kind != Real {
		return errors.New("the kind of the user is unknown")
	}
	return nil
}

func date(seconds *int64) *jwt.NumericDate {
	if seconds == nil {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(*seconds, 0))
}

func (c *claims) token() Token {
	t := Token{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience,
		Kind: c.Kind, Realm: c.Realm, AppID: c.AppID, PTID: c.PTID,
		OpenID: c.OpenID, UnionID: c.UnionID, Bind: c.Bind, Hinted: c.Hinted, Linked: c.Linked, AMR: c.AMR, Prev: c.Prev,
	}
	if c.AuthTime != 0 {
		t.AuthTime = time.Unix(c.AuthTime, 0).UTC()
	}
	return t
}
