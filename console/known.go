package console

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A browser in which somebody has signed in is known by a cookie (OWASP's "device cookie"):
// his tries there are counted by themselves, so that nobody who merely knows his name can
// keep him out. All other browsers are strangers to the name, and share what it allows.

// Known is how long a browser is known after somebody has signed in.
const Known = 180 * 24 * time.Hour

// knownName is the cookie's; several of the staff may use a browser.
func (v *visit) knownName(name string) string {
	return v.cookieName() + "-known-" + hex.EncodeToString(digest(name)[:8])
}

// know has the browser known as one in which somebody has signed in.
func (v *visit) know(name string) {
	id := make([]byte, 16)
	v.Random(id)
	plain := strconv.FormatInt(v.Now().Add(Known).Unix(), 10) + " " + hex.EncodeToString(id)
	http.SetCookie(v.w, &http.Cookie{
		Name: v.knownName(name), Value: base64.RawURLEncoding.EncodeToString(v.Sealer.Seal([]byte(plain), "known "+name)), Path: "/", MaxAge: int(Known / time.Second), Secure: v.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// by is who a try for a name is counted by.
func (v *visit) by(name string) string {
	strangers := "name/" + hex.EncodeToString(digest(name))
	cookies := v.r.CookiesNamed(v.knownName(name))
	if len(cookies) != 1 || len(cookies[0].Value) > 512 || !names.MatchString(name) {
		return strangers
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookies[0].Value)
	if err != nil {
		return strangers
	}
	plain, _, err := v.Sealer.Open(sealed, "known "+name)
	until, id, ok := strings.Cut(string(plain), " ")
	ends, nan := strconv.ParseInt(until, 10, 64)
	if err != nil || !ok || nan != nil || v.Now().Unix() >= ends {
		return strangers
	}
	return "browser/" + id
}
