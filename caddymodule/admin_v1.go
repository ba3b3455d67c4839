package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// adminV1 is where the commands find the HTTP API, without a key: who reaches Caddy's
// admin endpoint could as well change the config.
const adminV1 = "/wsite/v1/"

// operatorKey is the id of the key that stands for whoever reaches the admin endpoint.
const operatorKey = "operator"

func operator() *identity.APIKey {
	return &identity.APIKey{ID: operatorKey, Realm: identity.AllRealms, Name: operatorKey, Scopes: identity.Scopes}
}

// serveV1 answers as the HTTP API would an operator.
func (api *AdminAPI) serveV1(w http.ResponseWriter, r *http.Request) error {
	app, err := api.app(r, r.Method)
	if err != nil {
		return err
	}
	h := &API{app: app, operator: operator()}
	h.lay()
	there := r.Clone(r.Context())
	there.URL.Path = strings.TrimPrefix(r.URL.Path, "/wsite")
	there.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, "/wsite")
	return h.ServeHTTP(w, there, nil)
}
