package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"
)

// payload is what a token says, as any verifier reads it.
func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestClaims(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, ES256))
	k.Rand = strings.NewReader(strings.Repeat("0123456789abcdef", 2))
	now := float64(c.Now().Unix())
	base := func() map[string]any {
		return map[string]any{
			"iss": "https://id.example.com", "sub": "v2345", "aud": "shop", "kind": "virtual", "realm": "main",
			"appid": "wx1", "ptid": "p1", "linked": false, "iat": now - 30, "nbf": now - 30, "exp": now + 300,
			"jti": "MDEyMzQ1Njc4OWFiY2RlZg",
		}
	}
	if got := payload(t, sign(t, k, "").JWT); !reflect.DeepEqual(got, base()) {
		t.Errorf("the least token says %v", got)
	}
	full := sample
	full.OpenID, full.UnionID, full.Linked, full.Kind = "o1", "u1", true, Real
	full.AMR, full.AuthTime = []string{"wx_base", "wx_userinfo"}, time.Unix(1700000000, 999)
	full.Prev = []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}
	s, err := k.Sign("", full)
	if err != nil {
		t.Fatal(err)
	}
	want := base()
	want["kind"], want["openid"], want["unionid"], want["linked"] = "real", "o1", "u1", true
	want["amr"], want["auth_time"] = []any{"wx_base", "wx_userinfo"}, 1700000000.
	want["prev"] = []any{"1", "2", "3", "4", "5", "6", "7", "8"}
	if got := payload(t, s.JWT); !reflect.DeepEqual(got, want) {
		t.Errorf("the fullest token says %v", got)
	}
	var header map[string]string
	raw, _ := base64.RawURLEncoding.DecodeString(strings.Split(s.JWT, ".")[0])
	if err := json.Unmarshal(raw, &header); err != nil || !reflect.DeepEqual(header, map[string]string{"alg": "ES256", "kid": s.KeyID, "typ": "JWT"}) {
		t.Errorf("header %s, %v", raw, err)
	}
	if _, err := k.Sign("", sample); err == nil {
		t.Error("signed without randomness for the id")
	}
}

func TestTokensThatAreNotSigned(t *testing.T) {
	t.Parallel()
	k := loaded(t, newKeys(t, &memSecrets{}, newClock().Now, EdDSA))
	for name, change := range map[string]func(*Token){
		"no issuer":           func(t *Token) { t.Issuer = "" },
		"no subject":          func(t *Token) { t.Subject = "" },
		"no audience":         func(t *Token) { t.Audience = "" },
		"no kind":             func(t *Token) { t.Kind = "" },
		"a kind of its own":   func(t *Token) { t.Kind = "admin" },
		"a subject not UTF-8": func(t *Token) { t.Subject = "u\xff" },
		"a former id not so":  func(t *Token) { t.Prev = []string{"a", "\xfe"} },
		"a method not so":     func(t *Token) { t.AMR = []string{"\xc0\x80"} },
	} {
		token := sample
		change(&token)
		if _, err := k.Sign("", token); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

// Whatever the claims hold, the verifier reads what the signer wrote.
func TestClaimsSurviveTheJourney(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, EdDSA))
	jwks, _ := k.JWKS()
	text := rapid.StringMatching(`[^\x{fffd}]*`)
	some := rapid.StringMatching(`[^\x{fffd}]+`)
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(text, 0, 8)
		in := Token{
			Issuer: some.Draw(t, "iss"), Subject: some.Draw(t, "sub"), Audience: some.Draw(t, "aud"),
			Kind: rapid.SampledFrom([]Kind{Virtual, Real}).Draw(t, "kind"), Realm: text.Draw(t, "realm"),
			AppID: text.Draw(t, "appid"), PTID: text.Draw(t, "ptid"), OpenID: text.Draw(t, "openid"),
			UnionID: text.Draw(t, "unionid"), Linked: rapid.Bool().Draw(t, "linked"),
			AMR: list.Draw(t, "amr"), Prev: list.Draw(t, "prev"),
			AuthTime: time.Unix(rapid.Int64Range(1, 1<<40).Draw(t, "auth_time"), 0).UTC(),
		}
		signed, err := k.Sign("", in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Verify(jwks, signed.JWT, Expect{Issuer: in.Issuer, Audience: in.Audience, Now: c.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if len(in.AMR) == 0 {
			in.AMR = nil
		}
		if len(in.Prev) == 0 {
			in.Prev = nil
		}
		if !reflect.DeepEqual(in, out) {
			t.Fatalf("%+v, was %+v", out, in)
		}
	})
}

// Verifiers without leeway have clocks that are off by some seconds (T156).
func TestClockSkew(t *testing.T) {
	t.Parallel()
	c := newClock()
	for _, life := range []time.Duration{0, 10 * time.Second, time.Minute + 700*time.Millisecond, time.Hour} {
		k := newKeys(t, &memSecrets{}, c.Now, ES256)
		k.Life = life
		jwks := func() []byte { body, _ := loaded(t, k).JWKS(); return body }()
		s := sign(t, k, "")
		for _, skew := range []time.Duration{-29 * time.Second, -5 * time.Second, 0, 4 * time.Second} {
			verifies(t, jwks, s, c.Now().Add(skew))
		}
		// Whoever renews in time never hands over less than half of a life.
		if left := s.Expires.Sub(s.Renew); left < k.life()/2 || s.Renew.Before(c.Now().Add(-time.Second)) {
			t.Errorf("life %s: %s left at renewal", life, left)
		}
		verifies(t, jwks, s, s.Expires.Add(-time.Nanosecond))
		for _, wrong := range []struct {
			now  time.Time
			want error
		}{{s.Expires, jwt.ErrTokenExpired}, {c.Now().Add(-31 * time.Second), jwt.ErrTokenNotValidYet}} {
			if _, err := Verify(jwks, s.JWT, expect(wrong.now)); !errors.Is(err, wrong.want) {
				t.Errorf("life %s, at %s: %v", life, wrong.now, err)
			}
		}
	}
}

func BenchmarkSign(b *testing.B) {
	s, err := NewSealer(master(1))
	if err != nil {
		b.Fatal(err)
	}
	k := &Keys{Store: &memSecrets{}, Sealer: s, Algorithms: []string{ES256}, Now: time.Now}
	if err := k.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Sign("", sample); err != nil {
			b.Fatal(err)
		}
	}
}
