package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// forge puts a token together from any header and claims, and a signature over both.
func forge(header, claims string, sign func(text string) []byte) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

func signedBy(t *testing.T, method jwt.SigningMethod, key any) func(string) []byte {
	return func(text string) []byte {
		t.Helper()
		sig, err := method.Sign(text, key)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
}

// trial is a key set with the private halves, to sign what Keys never would.
type trial struct {
	now    time.Time
	jwks   []byte
	keys   map[string]*signingKey // by algorithm
	claims string
}

func newTrial(t *testing.T) trial {
	t.Helper()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, ES256, RS256, EdDSA))
	body, _ := k.JWKS()
	tr := trial{now: c.Now(), jwks: body, keys: map[string]*signingKey{}}
	for alg, l := range k.ring.Load().lines {
		tr.keys[alg] = l[0]
	}
	tr.claims = string(sample.appendClaims(nil, "id", tr.now, tr.now.Add(time.Minute)))
	return tr
}

func (tr trial) header(alg, kid string, more string) string {
	return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"%s}`, alg, kid, more)
}

func (tr trial) refuses(t *testing.T, name, token string, want error) {
	t.Helper()
	got, err := Verify(tr.jwks, token, expect(tr.now))
	if err == nil || got.Subject != "" {
		t.Errorf("%s: believed, it is %q", name, got.Subject)
	}
	if want != nil && !errors.Is(err, want) {
		t.Errorf("%s: %v", name, err)
	}
}

// The algorithm is the key's, never the token's (T140).
func TestTheTokenDoesNotChooseTheAlgorithm(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	es, rs := tr.keys[ES256], tr.keys[RS256]
	verifies(t, tr.jwks, Signed{JWT: forge(tr.header(ES256, es.KeyID, ""), tr.claims, signedBy(t, es.method(), es.private))}, tr.now)
	for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
		tr.refuses(t, alg, forge(tr.header(alg, es.KeyID, ""), tr.claims, func(string) []byte { return nil }), nil)
	}
	for alg, key := range tr.keys {
		der, err := x509.MarshalPKIXPublicKey(key.private.Public())
		if err != nil {
			t.Fatal(err)
		}
		for form, secret := range map[string][]byte{
			"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der,
		} {
			mac := func(text string) []byte {
				h := hmac.New(sha256.New, secret)
				h.Write([]byte(text))
				return h.Sum(nil)
			}
			tr.refuses(t, "HS256 with the public key of "+alg+" in "+form, forge(tr.header("HS256", key.KeyID, ""), tr.claims, mac), nil)
		}
		for other, signer := range tr.keys {
			if other == alg {
				continue
			}
			// Two guards: the key's algorithm, and below the type of the key.
			token := forge(tr.header(other, key.KeyID, ""), tr.claims, signedBy(t, signer.method(), signer.private))
			tr.refuses(t, other+" with the key id of "+alg, token, jwt.ErrTokenUnverifiable)
			tr.refuses(t, alg+" in name, signed as "+other, forge(tr.header(alg, key.KeyID, ""), tr.claims, signedBy(t, signer.method(), signer.private)), jwt.ErrTokenSignatureInvalid)
		}
	}
	tr.refuses(t, "PS256", forge(tr.header("PS256", rs.KeyID, ""), tr.claims, signedBy(t, jwt.SigningMethodPS256, rs.private)), nil)
	tr.refuses(t, "RS512", forge(tr.header("RS512", rs.KeyID, ""), tr.claims, signedBy(t, jwt.SigningMethodRS512, rs.private)), nil)
}

// A token that is both forged and expired is forged (T141).
func TestTheSignatureIsJudgedFirst(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	es := tr.keys[ES256]
	old := string(sample.appendClaims(nil, "id", tr.now.Add(-time.Hour), tr.now.Add(-time.Minute)))
	tr.refuses(t, "expired", forge(tr.header(ES256, es.KeyID, ""), old, signedBy(t, es.method(), es.private)), jwt.ErrTokenExpired)
	token := forge(tr.header(ES256, es.KeyID, ""), old, func(string) []byte { return make([]byte, 64) })
	tr.refuses(t, "expired and forged", token, jwt.ErrTokenSignatureInvalid)
	if _, err := Verify(tr.jwks, token, expect(tr.now)); errors.Is(err, jwt.ErrTokenExpired) {
		t.Error("a forged token was judged by what it says")
	}
}

// Registered claims of a wrong type, or none at all, are refused (T143).
func TestClaimsThatAreRefused(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	es := tr.keys[ES256]
	with := func(name string, value any) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(tr.claims), &m); err != nil {
			t.Fatal(err)
		}
		if m[name] = value; value == nil {
			delete(m, name)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return forge(tr.header(ES256, es.KeyID, ""), string(b), signedBy(t, es.method(), es.private))
	}
	if _, err := Verify(tr.jwks, with("jti", "other"), expect(tr.now)); err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][]any{
		"exp":  {nil, 0, "1", "9999999999", 1e300, -1, true, []int{1}, 1.5},
		"nbf":  {nil, "1", 1e300, 9999999999},
		"iat":  {"1", 1e300, 9999999999},
		"aud":  {nil, "", 123, []string{}, []any{"shop", 5}, []string{"shop"}, "Shop", "shop2", true},
		"iss":  {nil, "", 5, "https://id.example.com/", "http://id.example.com", []string{"https://id.example.com"}},
		"sub":  {nil, "", 5},
		"kind": {nil, "", "admin", 5},
	} {
		for _, v := range values {
			tr.refuses(t, fmt.Sprintf("%s is %#v", name, v), with(name, v), nil)
		}
	}
	for _, whole := range []string{"null", "[]", `"x"`, "{}", "{", ""} {
		tr.refuses(t, "claims are "+whole, forge(tr.header(ES256, es.KeyID, ""), whole, signedBy(t, es.method(), es.private)), nil)
	}
}

// A token is for one audience, and for no other use (T144).
func TestTokensAreForOneAudience(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	es := tr.keys[ES256]
	sig := signedBy(t, es.method(), es.private)
	token := forge(tr.header(ES256, es.KeyID, ""), tr.claims, sig)
	for _, want := range []Expect{
		{sample.Issuer, "forum", tr.now, 0},
		{sample.Issuer, "", tr.now, 0},
		{"", sample.Audience, tr.now, 0},
		{sample.Issuer, sample.Audience, time.Time{}, 0},
	} {
		if _, err := Verify(tr.jwks, token, want); err == nil {
			t.Errorf("believed by one who expects %+v", want)
		}
	}
	for _, header := range []string{
		fmt.Sprintf(`{"alg":"ES256","kid":%q}`, es.KeyID),
		fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, es.KeyID),
		fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":5}`, es.KeyID),
	} {
		tr.refuses(t, header, forge(header, tr.claims, sig), nil)
	}
}

// The key id is looked up in a map, and keys that come along are ignored (T153).
func TestTheTokenBringsNoKey(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	es := tr.keys[ES256]
	mine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own, err := newJWK(ES256, mine.Public())
	if err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	for _, kid := range []string{own.KeyID, es.KeyID, "", "../../etc/passwd", "' OR 1=1 --"} {
		for _, more := range []string{"", `,"jwk":` + string(j), `,"jku":"https://evil.example/jwks"`, `,"x5u":"https://evil.example/cert"`} {
			tr.refuses(t, kid+more, forge(tr.header(ES256, kid, more), tr.claims, signedBy(t, jwt.SigningMethodES256, mine)), nil)
		}
	}
	for _, header := range []string{`{"alg":"ES256","typ":"JWT"}`, `{"alg":"ES256","typ":"JWT","kid":["` + es.KeyID + `"]}`, tr.header(ES256, es.KeyID, `,"crit":["b64"],"b64":false`)} {
		tr.refuses(t, header, forge(header, tr.claims, signedBy(t, es.method(), es.private)), nil)
	}
}

func TestKeySetsThatAreRefused(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	es := tr.keys[ES256]
	token := forge(tr.header(ES256, es.KeyID, ""), tr.claims, signedBy(t, es.method(), es.private))
	change := func(f func(*jwk)) jwk {
		j := es.jwk
		f(&j)
		return j
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weakJWK := jwk{KeyType: "RSA", Algorithm: RS256, Use: "sig", KeyID: "w", E: "AQAB", N: base64url.EncodeToString(weak.N.Bytes())}
	for name, keys := range map[string][]jwk{
		"an X without its leading byte": {change(func(j *jwk) { j.X = base64url.EncodeToString(make([]byte, 31)) })},
		"a point that isn't on P-256":   {change(func(j *jwk) { j.X = j.Y })},
		"a key twice":                   {es.jwk, es.jwk},
		"a key without an id":           {change(func(j *jwk) { j.KeyID = "" })},
		"a weak key beside":             {es.jwk, weakJWK},
		"a key for encryption":          {change(func(j *jwk) { j.Use = "enc" })},
		"a key without an algorithm":    {change(func(j *jwk) { j.Algorithm = "" })},
		"no keys":                       nil,
	} {
		body, err := json.Marshal(jwkSet{keys})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(body, token, expect(tr.now)); err == nil {
			t.Errorf("%s: believed", name)
		}
	}
	odd := strings.Replace(string(tr.jwks), `{"keys":[`, `{"keys":[{"kty":"oct","k":"AA","alg":"HS256","kid":"h","use":"sig"},`, 1)
	if _, err := Verify([]byte(odd), token, expect(tr.now)); err != nil {
		t.Errorf("a key of another sort is in the way: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	s, err := makeKey(EdDSA, 1, day(1), day(1))
	if err != nil {
		f.Fatal(err)
	}
	jwks, err := json.Marshal(jwkSet{[]jwk{s.jwk}})
	if err != nil {
		f.Fatal(err)
	}
	claims := string(sample.appendClaims(nil, "id", day(2), day(3)))
	genuine := forge(fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"JWT"}`, s.KeyID), claims, func(text string) []byte {
		sig, err := s.private.Sign(rand.Reader, []byte(text), crypto.Hash(0))
		if err != nil {
			f.Fatal(err)
		}
		return sig
	})
	for _, seed := range []string{"", ".", "..", "...", genuine + ".", genuine + "\n", genuine[:len(genuine)-2], forge(`{"alg":"none"}`, claims, func(string) []byte { return nil }), forge("null", "null", func(string) []byte { return nil })} {
		f.Add(seed)
	}
	if _, err := Verify(jwks, genuine, expect(day(2))); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := Verify(jwks, token, expect(day(2)))
		if err == nil && token != genuine || err != nil && got.Subject != "" {
			t.Errorf("%q: %+v, %v", token, got, err)
		}
	})
}
