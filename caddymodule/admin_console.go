package caddymodule

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Paths of the admin API for the staff of the console.
const (
	adminStaff      = "/wsite/console-users"
	adminStaffAdd   = "/wsite/console-users/add"
	adminStaffReset = "/wsite/console-users/reset"
)

// staffLine is somebody on the staff as the admin API tells of him.
type staffLine struct {
	Name     string       `json:"name"`
	Role     console.Role `json:"role"`
	Password bool         `json:"password"` // whether he has one
	Made     time.Time    `json:"made"`
	Disabled time.Time    `json:"disabled,omitzero"`
}

// listStaff answers GET with the staff.
func (api *AdminAPI) listStaff(w http.ResponseWriter, r *http.Request) error {
	app, err := api.app(r, http.MethodGet)
	if err != nil {
		return err
	}
	all, err := app.consoleStore().ConsoleStaffs(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	list := []staffLine{}
	for _, s := range all {
		list = append(list, staffLine{s.Name, s.Role, s.Password != "", s.Made, s.Disabled})
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(list)
}

// addStaff answers POST with a code with which somebody new chooses his password.
func (api *AdminAPI) addStaff(w http.ResponseWriter, r *http.Request) error {
	return api.inviteStaff(w, r, `{"name": "…", "role": "…"}`, func(c *console.Console, name string, role console.Role) (string, error) {
		return c.Add(r.Context(), name, role)
	})
}

// resetStaff answers POST with a code with which somebody chooses another password.
func (api *AdminAPI) resetStaff(w http.ResponseWriter, r *http.Request) error {
	return api.inviteStaff(w, r, `{"name": "…"}`, func(c *console.Console, name string, _ console.Role) (string, error) {
		return c.Reset(r.Context(), name)
	})
}

func (api *AdminAPI) inviteStaff(w http.ResponseWriter, r *http.Request, form string, invite func(*console.Console, string, console.Role) (string, error)) error {
	app, err := api.app(r, http.MethodPost)
	if err != nil {
		return err
	}
	var body struct {
		Name string       `json:"name"`
		Role console.Role `json:"role"`
	}
	if err := readAdmin(w, r, &body, form); err != nil {
		return err
	}
	code, err := invite(app.newConsole(), body.Name, body.Role)
	switch {
	case errors.Is(err, identity.ErrUnavailable):
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	case err != nil:
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
	}
	entry := console.Entry{At: app.now(), What: "staff_reset", About: body.Name, Address: "admin", Result: "done"}
	if body.Role != "" {
		entry.What = "staff_add"
	}
	if _, err := app.consoleStore().PutConsoleEntry(r.Context(), entry); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	app.log.Info("somebody was invited to the console", zap.String("name", body.Name))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(map[string]string{"code": code})
}
