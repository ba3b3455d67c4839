package caddymodule

import (
	"encoding/json"
	"net/http"
	"strings"
)

// serveWellKnown answers what belongs to no site: the keys by which upstreams
// verify a token, and where to find them. Anybody may read both, from any page.
func (a *App) serveWellKnown(w http.ResponseWriter, r *http.Request, path string) error {
	if appID, ok := strings.CutPrefix(path, "push/"); ok {
		return a.servePush(w, r, appID)
	}
	h := w.Header()
	switch path {
	case "jwks.json", ".well-known/openid-configuration":
	default:
		return a.refused(w, r, route{}, refuse(codeNoPage))
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return a.refused(w, r, route{}, refuse(codeBadMethod).allowing("GET, HEAD"))
	}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=300")
	if path != "jwks.json" {
		return json.NewEncoder(w).Encode(a.discovery())
	}
	body, etag := a.facts().keys.JWKS()
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, err := w.Write(body)
	return err
}

// discovery is what verifiers want of an issuer (OpenID Connect Discovery 1.0 §3).
// There is no flow of that standard here; its required fields stand there because
// libraries refuse a document without them.
func (a *App) discovery() map[string]any {
	return map[string]any{
		"issuer":                                a.issuer,
		"jwks_uri":                              a.issuer + "/jwks.json",
		"authorization_endpoint":                a.issuer + "/authorize",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": a.algorithms(),
		"claims_supported": []string{
			"iss", "sub", "aud", "iat", "nbf", "exp", "jti", "kind", "realm", "appid", "ptid", "openid", "unionid", "bind", "hinted", "linked", "amr", "auth_time", "prev",
		},
	}
}
