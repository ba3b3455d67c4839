package caddymodule

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// forger makes tokens with a key of its own, and the key set that goes with it.
type forger struct {
	key  *ecdsa.PrivateKey
	jwks []byte
}

func newForger(t *testing.T) forger {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b := base64.RawURLEncoding.EncodeToString
	jwks, _ := json.Marshal(map[string]any{"keys": []map[string]string{
		{"kty": "EC", "crv": "P-256", "x": b(point[1:33]), "y": b(point[33:]), "kid": "k", "alg": "ES256", "use": "sig"},
	}})
	return forger{key, jwks}
}

// claims are those of a good token, changed; a nil takes one away.
func goodClaims(changes jwt.MapClaims) jwt.MapClaims {
	now := time.Now()
	c := jwt.MapClaims{
		"iss": "https://i", "aud": "a", "sub": "u", "kind": "virtual", "realm": "main", "appid": appA, "ptid": "shop", "jti": "1", "linked": false,
		"iat": now.Add(-30 * time.Second).Unix(), "nbf": now.Add(-30 * time.Second).Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func (f forger) sign(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, changes jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, goodClaims(changes))
	token.Header["kid"] = "k"
	for name, value := range header {
		token.Header[name] = value
	}
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (f forger) verify(token string) (identity.Token, error) {
	return identity.Verify(f.jwks, token, identity.Expect{Issuer: "https://i", Audience: "a", Now: time.Now()})
}

// securityG is the token: who can make one, and who has to believe it.
func securityG(t *testing.T) {
	f := newForger(t)
	good := f.sign(t, jwt.SigningMethodES256, f.key, nil, nil)
	if _, err := f.verify(good); err != nil {
		t.Fatalf("a good token is refused, so nothing below would tell anything: %v", err)
	}
	t.Run("T140 a token can't choose how it is verified", func(t *testing.T) {
		t.Parallel()
		public, _ := f.key.PublicKey.Bytes()
		other, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		body := strings.Split(good, ".")[1]
		head := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		for name, token := range map[string]string{
			"none":                       f.sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil),
			"None":                       head(`{"alg":"None","typ":"JWT","kid":"k"}`) + "." + body + ".",
			"no algorithm":               head(`{"typ":"JWT","kid":"k"}`) + "." + body + ".",
			"the public key as a secret": f.sign(t, jwt.SigningMethodHS256, public, nil, nil),
			"the key set as a secret":    f.sign(t, jwt.SigningMethodHS256, f.jwks, nil, nil),
			"another curve":              f.sign(t, jwt.SigningMethodES384, other, nil, nil),
			"no signature":               good[:strings.LastIndexByte(good, '.')+1],
		} {
			if got, err := f.verify(token); err == nil || got.Subject != "" {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
	t.Run("T141 a token that is forged and too old is called forged", func(t *testing.T) {
		t.Parallel()
		stranger := newForger(t)
		token := stranger.sign(t, jwt.SigningMethodES256, stranger.key, nil, jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()})
		if _, err := f.verify(token); !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			t.Errorf("it is called %v", err)
		}
	})
	t.Run("T143 a claim of a wrong type is no absent claim", func(t *testing.T) {
		t.Parallel()
		for _, changes := range []jwt.MapClaims{
			{"exp": 0},
			{"exp": "never"},
			{"exp": 1e300},
			{"exp": nil},
			{"exp": -1},
			{"nbf": nil},
			{"nbf": "x"},
			{"nbf": time.Now().Add(time.Hour).Unix()},
			{"aud": 123},
			{"aud": []any{}},
			{"aud": []any{"b", 5}},
			{"aud": nil},
			{"aud": ""},
			{"aud": "A"},
			{"aud": []any{"b"}},
			{"iss": nil},
			{"iss": 1},
			{"iss": "https://i/"},
			{"iss": "http://i"},
			{"sub": 1},
		} {
			if got, err := f.verify(f.sign(t, jwt.SigningMethodES256, f.key, nil, changes)); err == nil {
				t.Errorf("%v is taken for %+v", changes, got)
			}
		}
	})
	t.Run("T144 a token for one site is no token for another", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		g.phone("ming").open(g.at(appA, "shop", "/"))
		token := g.upstream.last().Header.Get(headerUser)
		keys, _ := g.app.facts().keys.JWKS()
		for _, audience := range []string{"game", "club", "shop", "https://shop.example.com/"} {
			if _, err := identity.Verify(keys, token, identity.Expect{Issuer: g.app.issuer, Audience: audience, Now: time.Now()}); err == nil {
				t.Errorf("%s takes it", audience)
			}
		}
		if got := g.verify(token, shopAudience); got.PTID != "shop" {
			t.Errorf("it says %+v", got)
		}
	})
	t.Run("T146 no config can give a claim of ours another meaning", func(t *testing.T) {
		t.Parallel()
		for _, claim := range []string{"sub", "aud", "exp", "iss", "openid sub", "openid=sub"} {
			if err := adaptError(strings.Replace(standard, "claims openid unionid", "claims "+claim, 1)); err == nil || !strings.Contains(err.Error(), "claims") {
				t.Errorf("claims %s: %v", claim, err)
			}
		}
	})
	t.Run("T147 a cached token doesn't outlive its key", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		user := g.who(p.open(g.at(appA, "shop", "/")))
		first := g.upstream.last().Header.Get(headerUser)
		if g.who(p.fetch("GET", g.at(appA, "shop", "/"))); g.upstream.last().Header.Get(headerUser) != first {
			t.Error("the token isn't cached: the test sees nothing")
		}
		if err := g.app.facts().keys.Revoke(t.Context(), g.app.facts().keys.List()[0].ID); err != nil {
			t.Fatal(err)
		}
		if g.who(p.fetch("GET", g.at(appA, "shop", "/"))).Subject != user.Subject || g.upstream.last().Header.Get(headerUser) == first {
			t.Error("the site got a token of a key that was withdrawn")
		}
	})
	t.Run("T149 T150 T155 the key set is complete, public and no page", securityKeySet)
	t.Run("T153 a key that a token brings along or points to is no key", func(t *testing.T) {
		t.Parallel()
		stranger := newForger(t)
		var set struct{ Keys []any }
		if err := json.Unmarshal(stranger.jwks, &set); err != nil {
			t.Fatal(err)
		}
		for _, header := range []map[string]any{
			{"jwk": set.Keys[0]}, {"jku": "https://evil.example.com/jwks.json"}, {"x5u": "https://evil.example.com/x"}, {"kid": "../../etc/passwd"}, {"kid": "' OR 1=1 --"}, {"kid": 5}, {"kid": nil}, {"crit": []string{"x"}}, {"typ": "at+jwt"},
		} {
			if _, err := f.verify(stranger.sign(t, jwt.SigningMethodES256, stranger.key, header, nil)); err == nil {
				t.Errorf("%v is believed", header)
			}
		}
	})
	t.Run("T156 T158 a token is good at once, for long enough, and not for long", securityTimes)
	t.Run("T159 an algorithm that verifiers don't share is refused", func(t *testing.T) {
		t.Parallel()
		for _, alg := range []string{"none", "HS256", "PS256", "ES384", "es256", "RS512", ""} {
			if err := adaptError(strings.Replace(standard, "facts sqlite", "token_algorithm "+alg+"\n\t\tfacts sqlite", 1)); err == nil {
				t.Errorf("%q is taken", alg)
			}
		}
	})
	t.Run("T161 a browser never sees its token", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		g.upstream.answer = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-User", r.Header.Get("X-User"))
			w.Header()["x-user"] = []string{r.Header.Get("X-User")}
			w.Header().Set("X-User-Id", "u")
		}
		p := g.phone("ming")
		page := p.open(g.at(appA, "shop", "/"))
		token := g.upstream.last().Header.Get(headerUser)
		if token == "" || page.Header.Get("X-User") != "" || page.Header.Get("X-User-Id") != "" {
			t.Errorf("the browser got %v", page.Header)
		}
		for _, address := range p.visited {
			if strings.Contains(address, "eyJ") {
				t.Errorf("a token stands in %s", address)
			}
		}
		for _, path := range []string{"/-/me", "/-/login", "/-/logout"} {
			if page := p.step(g.at(appA, "shop", path)); strings.Contains(page.Body, "eyJ") {
				t.Errorf("%s shows a token", path)
			}
		}
	})
}

func securityKeySet(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "facts sqlite", "token_algorithm RS256\n\t\tfacts sqlite", "fragment off", "algorithm ES256", "outside deny", "outside deny\nalgorithm EdDSA")
	for _, accept := range []string{"application/json", "text/html"} {
		p := g.phone("")
		page := p.send("GET", g.url+"/wsite/-/jwks.json", nil, "Accept", accept, "Origin", "https://other.example.com")
		h := page.Header
		if page.Status != http.StatusOK || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "public, max-age=300" || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("ETag") == "" || h["Set-Cookie"] != nil {
			t.Errorf("answered %d with %v", page.Status, h)
		}
		if again := p.send("GET", g.url+"/wsite/-/jwks.json", nil, "If-None-Match", h.Get("ETag")); again.Status != http.StatusNotModified || again.Body != "" {
			t.Errorf("asked again it answers %d %q", again.Status, again.Body)
		}
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal([]byte(page.Body), &set); err != nil {
			t.Fatal(err)
		}
		var algs []string
		for _, k := range set.Keys {
			algs = append(algs, k["alg"])
			if k["kty"] == "" || k["kid"] == "" || k["use"] != "sig" {
				t.Errorf("a key lacks something: %v", k)
			}
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
				if _, there := k[private]; there {
					t.Errorf("a key has %q", private)
				}
			}
			for _, c := range []string{"x", "y"} {
				if v, err := base64.RawURLEncoding.DecodeString(k[c]); err != nil || k[c] != "" && len(v) != 32 {
					t.Errorf("%s has %d bytes", c, len(v))
				}
			}
		}
		for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
			if !slices.Contains(algs, alg) {
				t.Errorf("there is no key for %s, only %v", alg, algs)
			}
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if page := g.phone("").send(method, g.url+"/wsite/-/jwks.json", nil); page.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s is answered with %d", method, page.Status)
		}
	}
}

func securityTimes(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	g.who(p.open(g.at(appA, "shop", "/")))
	seen := map[string]bool{}
	for range 12 {
		g.who(p.fetch("GET", g.at(appA, "shop", "/")))
		token := g.upstream.last().Header.Get(headerUser)
		var c struct {
			Exp, Iat, Nbf int64
			Jti           string
		}
		body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil || json.Unmarshal(body, &c) != nil {
			t.Fatalf("%v: %s", err, body)
		}
		now := g.now().Unix()
		if c.Iat != c.Nbf || c.Iat > now-29 || c.Exp-c.Iat != 330 || c.Exp < now+150 || c.Exp > now+300 {
			t.Errorf("issued %d s ago, good from %d s ago for another %d s", now-c.Iat, now-c.Nbf, c.Exp-now)
		}
		if seen[token] = true; c.Jti == "" {
			t.Error("a token without a number")
		}
		g.advance(50 * time.Second)
	}
	if len(seen) != 4 {
		t.Errorf("in ten minutes %d tokens were signed, want one per two and a half", len(seen))
	}
}
