package caddymodule

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

// Paths of the admin API about lines of business.
const (
	adminLines  = "/wsite/broadcast"
	adminDead   = "/wsite/broadcast/dead"
	adminReplay = "/wsite/broadcast/replay"
)

// lineStatus is a line of business as the admin API tells of it.
type lineStatus struct {
	Realm  string     `json:"realm"`
	Line   string     `json:"line"`
	Served bool       `json:"served"` // false: it isn't in the configuration any more
	Cursor int64      `json:"cursor"`
	Behind int64      `json:"behind"`
	Oldest *time.Time `json:"oldest,omitempty"` // when the oldest event happened that isn't delivered
	Parked int64      `json:"parked"`
	Dead   int64      `json:"dead"`
	Error  string     `json:"error,omitempty"`
	Next   *time.Time `json:"next,omitempty"` // left alone until then
}

// deadLetter is an event that a line of business hasn't taken for days.
type deadLetter struct {
	ID    string    `json:"id"`
	Seq   int64     `json:"seq"`
	Type  string    `json:"type"`
	At    time.Time `json:"at"`
	Tries int       `json:"tries"`
	Error string    `json:"error"`
}

// listLines answers GET with all lines of business and how they stand.
func (api *AdminAPI) listLines(w http.ResponseWriter, r *http.Request) error {
	app, store, err := api.outbox(r, http.MethodGet)
	if err != nil {
		return err
	}
	lines, err := store.Lines(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	list := []lineStatus{}
	for _, l := range lines {
		list = append(list, lineStatus{
			l.Realm, l.Name, app.serves(l.Line), l.Cursor, l.Behind, timeOrNone(l.Oldest), l.Waiting, l.Dead, l.Error, timeOrNone(l.Next),
		})
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(list)
}

func timeOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// listDead answers GET ?realm=…&line=… with the oldest thousand dead letters.
func (api *AdminAPI) listDead(w http.ResponseWriter, r *http.Request) error {
	_, store, err := api.outbox(r, http.MethodGet)
	if err != nil {
		return err
	}
	line := outbox.Line{Realm: r.URL.Query().Get("realm"), Name: r.URL.Query().Get("line")}
	if err := known(r, store, line); err != nil {
		return err
	}
	dead, err := store.Dead(r.Context(), line, 0, 1000)
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	list := []deadLetter{}
	for _, p := range dead {
		list = append(list, deadLetter{p.ID, p.Seq, string(p.Type), p.At, p.Tries, p.Error})
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(list)
}

// replay answers POST {"realm": "…", "line": "…", "events": ["…"]}: these events, or
// all that are parked, are sent again now.
func (api *AdminAPI) replay(w http.ResponseWriter, r *http.Request) error {
	app, store, err := api.outbox(r, http.MethodPost)
	if err != nil {
		return err
	}
	var body struct {
		Realm  string   `json:"realm"`
		Line   string   `json:"line"`
		Events []string `json:"events"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: errors.New(`the body has to be {"realm": "…", "line": "…", "events": ["…"]}`)}
	}
	line := outbox.Line{Realm: body.Realm, Name: body.Line}
	if err := known(r, store, line); err != nil {
		return err
	}
	n, err := store.Replay(r.Context(), line, body.Events, app.now())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]int{"replayed": n})
}

// outbox is the running app and what it keeps about lines of business.
func (api *AdminAPI) outbox(r *http.Request, method string) (*App, outbox.Store, error) {
	app, err := api.app(r, method)
	if err != nil {
		return nil, nil, err
	}
	store, err := app.outbox()
	if err != nil {
		return nil, nil, caddy.APIError{HTTPStatus: http.StatusInternalServerError, Err: err}
	}
	return app, store, nil
}

// known refuses a line that there never was, which is most likely a slip.
func known(r *http.Request, store outbox.Store, line outbox.Line) error {
	lines, err := store.Lines(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	for _, l := range lines {
		if l.Line == line {
			return nil
		}
	}
	return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("there is no such line of business in such a realm; `caddy wsite broadcast list` shows them")}
}
