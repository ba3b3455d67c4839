package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// backdate is how long before its making a token says that it was issued, so that
// verifiers whose clock is slow, and that allow no leeway, take it.
const backdate = 30 * time.Second

// Token is what an upstream is told about a visitor.
type Token struct {
	Issuer   string
	Subject  string // the user id
	Audience string // the one upstream that shall believe it
	Kind     Kind
	Realm    string
	AppID    string
	PTID     string
	// OpenID and UnionID are left out of the token when empty.
	OpenID  string
	UnionID string
	// Bind is what a line of business shows to bind a login to this visitor: opaque to
	// it; left out when empty.
	Bind string
	// Hinted says that Subject is only what an old table says of the openid.
	Hinted bool
	// Linked says that a unionid is known, whether or not it is told.
	Linked bool
	// AMR names how the visitor logged in (RFC 8176); left out when empty.
	AMR []string
	// AuthTime is when he did, to the second; left out when zero.
	AuthTime time.Time
	// Prev are ids lately retired into Subject, the youngest first. The ninth and
	// later ones are not told; left out when empty.
	Prev []string
}

// Signed is a token in its compact form (RFC 7515 §3.1) and how long it may be used.
type Signed struct {
	JWT   string
	KeyID string
	// Epoch is [Keys.Epoch] as of the signing: once the two differ, sign again.
	Epoch uint64
	// Renew is when half of its life is left: sign again from then on.
	Renew time.Time
	// Expires is its exp claim.
	Expires time.Time
}

// check refuses a token that would say something else than was meant. JSON has
// no bytes: two ids that aren't UTF-8 could read as the same one.
func (t Token) check() error {
	if t.Issuer == "" || t.Subject == "" || t.Audience == "" {
		return fmt.Errorf("signing token: issuer, subject and audience must be set")
	}
	if t.Kind != Virtual && t.Kind != Real {
		return fmt.Errorf("signing token: kind is neither %s nor %s", Virtual, Real)
	}
	for _, s := range []string{t.Issuer, t.Subject, t.Audience, t.Realm, t.AppID, t.PTID, t.OpenID, t.UnionID, t.Bind} {
		if !utf8.ValidString(s) {
			return fmt.Errorf("signing token: a claim is not UTF-8")
		}
	}
	for _, list := range [][]string{t.AMR, t.Prev} {
		for _, s := range list {
			if !utf8.ValidString(s) {
				return fmt.Errorf("signing token: a claim is not UTF-8")
			}
		}
	}
	return nil
}

// appendClaims writes the claims set. It is written by hand because a login waits
// for it: encoding/json would cost a map and a dozen allocations.
func (t Token) appendClaims(b []byte, id string, now, expires time.Time) []byte {
	issued := now.Add(-backdate).Unix()
	b = append(b, `{"iss":`...)
	b = appendString(b, t.Issuer)
	b = appendMember(b, "sub", t.Subject)
	b = appendMember(b, "aud", t.Audience)
	b = appendNumber(b, "iat", issued)
	b = appendNumber(b, "nbf", issued)
	b = appendNumber(b, "exp", expires.Unix())
	b = appendMember(b, "jti", id)
	b = appendMember(b, "kind", string(t.Kind))
	b = appendMember(b, "realm", t.Realm)
	b = appendMember(b, "appid", t.AppID)
	b = appendMember(b, "ptid", t.PTID)
	if t.OpenID != "" {
		b = appendMember(b, "openid", t.OpenID)
	}
	if t.UnionID != "" {
		b = appendMember(b, "unionid", t.UnionID)
	}
	if t.Bind != "" {
		b = appendMember(b, "bind", t.Bind)
	}
	if t.Hinted {
		b = append(b, `,"hinted":true`...)
	}
	b = append(b, `,"linked":`...)
	b = strconv.AppendBool(b, t.Linked)
	b = appendList(b, "amr", t.AMR)
	if !t.AuthTime.IsZero() {
		b = appendNumber(b, "auth_time", t.AuthTime.Unix())
	}
	b = appendList(b, "prev", t.Prev[:min(len(t.Prev), maxPrev)])
	return append(b, '}')
}

func appendName(b []byte, name string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func appendMember(b []byte, name, value string) []byte {
	return appendString(appendName(b, name), value)
}

func appendNumber(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

func appendList(b []byte, name string, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(appendName(b, name), '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// appendString writes a JSON string. Nearly all of ours need no escape.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			// Without escapes for HTML, or 64 signs of an id would be six times as many
			// and the header too long for a server.
			var quoted bytes.Buffer
			e := json.NewEncoder(&quoted)
			e.SetEscapeHTML(false)
			_ = e.Encode(s) // a string never fails
			return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// base64url is the one encoding of RFC 7515 §2. Strict, so that a token has one form.
var base64url = base64.RawURLEncoding.Strict()
