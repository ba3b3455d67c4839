package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Paths of the admin API for the keys of the HTTP API.
const (
	adminAPIKeys       = "/wsite/api-keys"
	adminAPIKeysCreate = "/wsite/api-keys/create"
	adminAPIKeysRevoke = "/wsite/api-keys/revoke"
)

// apiKeyLine is a key as the admin API tells of it.
type apiKeyLine struct {
	ID      string           `json:"id"`
	Realm   string           `json:"realm"`
	Name    string           `json:"name"`
	Scopes  []identity.Scope `json:"scopes"`
	Sites   []string         `json:"sites"`
	Made    time.Time        `json:"made"`
	Used    time.Time        `json:"used,omitzero"`
	Revoked time.Time        `json:"revoked,omitzero"`
}

// listAPIKeys answers GET with the keys, without their secrets.
func (api *AdminAPI) listAPIKeys(w http.ResponseWriter, r *http.Request) error {
	app, err := api.app(r, http.MethodGet)
	if err != nil {
		return err
	}
	keys, err := app.facts().apiStore().APIKeys(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	list := []apiKeyLine{}
	for _, k := range keys {
		list = append(list, apiKeyLine{k.ID, k.Realm, k.Name, k.Scopes, k.Sites, k.Made, k.Used, k.Revoked})
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(list)
}

// createAPIKey answers POST with a new key, which is shown this once.
func (api *AdminAPI) createAPIKey(w http.ResponseWriter, r *http.Request) error {
	app, err := api.app(r, http.MethodPost)
	if err != nil {
		return err
	}
	var body struct {
		Realm  string           `json:"realm"`
		Name   string           `json:"name"`
		Scopes []identity.Scope `json:"scopes"`
		Sites  []string         `json:"sites"`
	}
	if err := readAdmin(w, r, &body, `{"realm": "…", "name": "…", "scopes": ["…"], "sites": ["…"]}`); err != nil {
		return err
	}
	refused := func(err error) error { return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err} }
	if body.Realm != identity.AllRealms && app.directory().Realm(body.Realm) == nil {
		return refused(fmt.Errorf("there is no realm %q", body.Realm))
	}
	for _, ptid := range body.Sites {
		site, err := app.site(r.Context(), ptid)
		if err != nil {
			return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
		}
		if site == nil || site.Realm != body.Realm {
			return refused(fmt.Errorf("there is no site %q in the realm %s", ptid, body.Realm))
		}
	}
	key, text, err := identity.NewAPIKey(identity.APIKey{
		Realm: body.Realm, Name: body.Name, Scopes: body.Scopes, Sites: body.Sites, Made: app.now().UTC(),
	}, app.random)
	if err != nil {
		return refused(err)
	}
	if err := app.facts().apiStore().PutAPIKey(r.Context(), key); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	app.log.Info("a key of the API was made", zap.String("key", key.ID), zap.String("name", key.Name), zap.String("realm", key.Realm))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(map[string]string{"id": key.ID, "key": text})
}

// revokeAPIKey answers POST {"id": "…"}: the key is worth nothing from now on.
func (api *AdminAPI) revokeAPIKey(w http.ResponseWriter, r *http.Request) error {
	app, err := api.app(r, http.MethodPost)
	if err != nil {
		return err
	}
	var body struct {
		ID string `json:"id"`
	}
	if err := readAdmin(w, r, &body, `{"id": "…"}`); err != nil {
		return err
	}
	found, err := app.facts().apiStore().RevokeAPIKey(r.Context(), body.ID, app.now())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	if !found {
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("there is no such key")}
	}
	app.log.Warn("a key of the API was revoked", zap.String("key", body.ID))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readAdmin reads the JSON body of a change.
func readAdmin(w http.ResponseWriter, r *http.Request, into any, form string) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: errors.New("the body has to be " + form)}
	}
	return nil
}
