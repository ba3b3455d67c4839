package caddymodule

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func init() { caddy.RegisterModule(new(API)) }

// API is the HTTP API for lines of business and operators: who somebody is, that he has
// logged in, what became of ids. It answers everything that reaches it; who calls shows
// a key, made with `caddy wsite api-keys create`. docs/api.md describes it for its
// users, `/openapi.json` for their programs.
type API struct {
	app *App
	mux *http.ServeMux
	// operator is the key in whose name everything is done, for those who need none:
	// they have reached Caddy's admin endpoint.
	operator *identity.APIKey
}

// CaddyModule returns the Caddy module information.
func (*API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.wsite_api", New: func() caddy.Module { return new(API) }}
}

// Provision finds the app and lays out the routes.
func (h *API) Provision(ctx caddy.Context) error {
	app, err := appOf(ctx)
	if err != nil {
		return err
	}
	h.app = app
	h.lay()
	return nil
}

// lay lays out the routes.
func (h *API) lay() {
	h.mux = http.NewServeMux()
	for _, e := range endpoints {
		h.mux.HandleFunc(e.method+" "+e.pattern(), func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, e) })
	}
	h.mux.HandleFunc("GET "+openAPIPath, serveOpenAPI)
	h.mux.HandleFunc("GET "+imagePath, h.serveCodeImage)
	h.mux.HandleFunc("GET "+recipientTablePath, h.serveRecipients)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		h.mux.HandleFunc(method+" "+passPath+"{path...}", h.passThrough)
	}
	for _, name := range wellKnown {
		h.mux.HandleFunc("GET "+h.app.Prefix+"/-/"+name, func(w http.ResponseWriter, r *http.Request) { _ = h.app.serveWellKnown(w, r, name) })
	}
	for _, name := range []string{"live", "ready"} {
		h.mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { _ = h.app.serveHealth(w, r, name, true) })
	}
	h.mux.HandleFunc("/", h.serveNothing)
}

const (
	realmPath   = "/v1/realms/{realm}/"
	accountPath = "/v1/accounts/{appid}"
	passPath    = accountPath + "/wechat/"
	imagePath   = accountPath + "/qr-codes/{id}/image"
	openAPIPath = "/openapi.json"

	recipientTablePath = realmPath + "merchant-notices/{notice}/recipients.csv"
)

// wellKnown is what is served here as at the origin.
var wellKnown = []string{"jwks.json", ".well-known/openid-configuration"}

// ServeHTTP answers a request; it never calls the next handler.
func (h *API) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	strip(r) // nothing here believes X-User, and nothing shall
	if err := h.app.awaitReady(r); err != nil {
		h.refuse(w, r, "", apiRefuse(codeStarting).because(err))
		return nil
	}
	if raw := r.URL.EscapedPath(); path.Clean(raw) != raw {
		h.refuse(w, r, "", apiRefuse(apiNoEndpoint)) // the mux would redirect
		return nil
	}
	defer h.app.survive(r, func() { h.refuse(w, r, "", apiRefuse(codeBug)) })
	h.mux.ServeHTTP(w, r)
	return nil
}

// serveNothing answers what no route is for.
func (h *API) serveNothing(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPost, http.MethodPut} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := h.mux.Handler(other); pattern != "/" && strings.HasPrefix(pattern, method) {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		h.refuse(w, r, "", apiRefuse(apiNoEndpoint))
		return
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	h.refuse(w, r, "", apiRefuse(codeBadMethod))
}

//go:embed openapi.json
var openAPI []byte

var openAPITag = func() string {
	sum := sha256.Sum256(openAPI)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}()

func serveOpenAPI(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", openAPITag)
	if r.Header.Get("If-None-Match") == openAPITag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(openAPI)
}

var (
	_ caddy.Provisioner           = (*API)(nil)
	_ caddyhttp.MiddlewareHandler = (*API)(nil)
)
