package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func init() { caddy.RegisterModule(new(AdminAPI)) }

// AdminAPI is what the `caddy wsite` commands talk to: it stands behind Caddy's
// admin endpoint and its guards.
type AdminAPI struct {
	ctx caddy.Context
}

// CaddyModule returns the Caddy module information.
func (*AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.wsite", New: func() caddy.Module { return new(AdminAPI) }}
}

// Provision remembers the config; the app itself is set up later than the admin
// endpoint.
func (api *AdminAPI) Provision(ctx caddy.Context) error {
	api.ctx = ctx
	return nil
}

// Paths of the admin API.
const (
	adminKeys   = "/wsite/signing-keys"
	adminRevoke = "/wsite/signing-keys/revoke"
)

// Routes are the routes of the admin API.
func (api *AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: adminKeys, Handler: caddy.AdminHandlerFunc(api.listKeys)},
		{Pattern: adminRevoke, Handler: caddy.AdminHandlerFunc(api.revokeKey)},
		{Pattern: adminAPIKeys, Handler: caddy.AdminHandlerFunc(api.listAPIKeys)},
		{Pattern: adminAPIKeysCreate, Handler: caddy.AdminHandlerFunc(api.createAPIKey)},
		{Pattern: adminAPIKeysRevoke, Handler: caddy.AdminHandlerFunc(api.revokeAPIKey)},
		{Pattern: adminLines, Handler: caddy.AdminHandlerFunc(api.listLines)},
		{Pattern: adminDead, Handler: caddy.AdminHandlerFunc(api.listDead)},
		{Pattern: adminReplay, Handler: caddy.AdminHandlerFunc(api.replay)},
		{Pattern: adminStaff, Handler: caddy.AdminHandlerFunc(api.listStaff)},
		{Pattern: adminStaffAdd, Handler: caddy.AdminHandlerFunc(api.addStaff)},
		{Pattern: adminStaffReset, Handler: caddy.AdminHandlerFunc(api.resetStaff)},
		{Pattern: adminV1, Handler: caddy.AdminHandlerFunc(api.serveV1)},
	}
}

// listKeys answers GET with the signing keys, without their private halves.
func (api *AdminAPI) listKeys(w http.ResponseWriter, r *http.Request) error {
	app, err := api.app(r, http.MethodGet)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	list := []keyLine{}
	for _, k := range app.facts().keys.List() {
		list = append(list, keyLine{k.ID, k.Algorithm, string(k.State), k.Since, k.Until})
	}
	return json.NewEncoder(w).Encode(list)
}

// keyLine is a signing key as the admin API tells of it.
type keyLine struct {
	KeyID     string    `json:"kid"`
	Algorithm string    `json:"alg"`
	State     string    `json:"state"`
	Since     time.Time `json:"since"`
	Until     time.Time `json:"until"`
}

// revokeKey answers POST {"kid": "…"}: the key signs no more and leaves the JWKS
// at once; upstreams go on with it for as long as they cache the JWKS.
func (api *AdminAPI) revokeKey(w http.ResponseWriter, r *http.Request) error {
	app, err := api.app(r, http.MethodPost)
	if err != nil {
		return err
	}
	var body struct {
		KeyID string `json:"kid"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&body); err != nil || body.KeyID == "" {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: errors.New(`the body has to be {"kid": "…"}`)}
	}
	if err := app.facts().keys.Revoke(r.Context(), body.KeyID); err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, identity.ErrUnknownKey) {
			status = http.StatusNotFound
		}
		return caddy.APIError{HTTPStatus: status, Err: err}
	}
	app.log.Warn("a signing key was revoked")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// app is the running app, for a request with the right method that no page of some site
// can have sent: a browser says where a request comes from, and won't send JSON elsewhere
// without asking.
func (api *AdminAPI) app(r *http.Request, method string) (*App, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != method:
		return nil, caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("use %s", method)}
	case r.Header.Get("Sec-Fetch-Site") != "":
		return nil, caddy.APIError{HTTPStatus: http.StatusForbidden, Err: errors.New("this is not for browsers")}
	case r.Method != http.MethodGet && kind != "application/json":
		return nil, caddy.APIError{HTTPStatus: http.StatusUnsupportedMediaType, Err: errors.New("the body has to be application/json")}
	}
	loaded, err := api.ctx.AppIfConfigured("wsite")
	if err != nil {
		return nil, caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("the running config has no wsite app")}
	}
	app := loaded.(*App)
	if err := app.awaitReady(r); err != nil {
		return nil, caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	return app, nil
}

var (
	_ caddy.AdminRouter = (*AdminAPI)(nil)
	_ caddy.Provisioner = (*AdminAPI)(nil)
)
