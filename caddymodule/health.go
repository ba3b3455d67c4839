package caddymodule

import (
	"encoding/json"
	"net/http"

	"github.com/caddyserver/caddy/v2"
)

// health is how a node is, for what watches it. live says that the process answers;
// ready that visitors may be sent to it.
type health struct {
	Ready bool `json:"ready"`
	// Checks are told where only operators ask: by name, `ok` or a word for what is wrong.
	Checks map[string]string `json:"checks,omitempty"`
}

// health of this node. What all nodes need and miss makes none of them unready, for
// then nobody would serve the visitors who can be served: a node is unready while it
// starts or stops, and once it has been without the facts for so long that it believes
// nothing in its cache any more.
func (a *App) health() health {
	h := health{Checks: map[string]string{"process": "ok", "facts": "ok", "cluster": "ok", "wechat": "ok"}}
	select {
	case <-a.ready:
		h.Ready = a.factsTrusted(a.now())
	default:
		h.Checks["process"] = "starting"
		return h
	}
	if a.factsDown.Load() {
		h.Checks["facts"] = "away"
	}
	if a.redisDown.Load() {
		h.Checks["cluster"] = "away"
	}
	if !a.wechat.Reachable() {
		h.Checks["wechat"] = "away"
	}
	if caddy.Exiting() {
		h.Ready, h.Checks["process"] = false, "stopping"
	}
	return h
}

// serveHealth answers `/wsite/-/live` and `/wsite/-/ready`, under any Host, since what
// watches a node asks by its address. Strangers may ask too, so they hear no reasons.
func (a *App) serveHealth(w http.ResponseWriter, r *http.Request, name string, reasons bool) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return a.refused(w, r, route{}, refuse(codeBadMethod).allowing("GET, HEAD"))
	}
	h := health{Ready: true}
	if name == "ready" {
		if h = a.health(); !reasons {
			h.Checks = nil
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !h.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	return json.NewEncoder(w).Encode(h)
}
