package caddymodule

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// Who gets a notice, as JSON and as a table.

type recipientsQuery struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// recipientOut is somebody who shall get a notice, and what has become of it.
type recipientOut struct {
	Merchant string `json:"merchant"`
	Name     string `json:"name,omitempty"`
	// Slot is -1 if nobody is bound.
	Slot int    `json:"slot"`
	User string `json:"user,omitempty"`
	// State is that of the message; refused if there is none and there won't be, empty if
	// there is none yet.
	State   string    `json:"state,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Field   string    `json:"field,omitempty"`
	Says    string    `json:"says,omitempty"`
	Bound   bool      `json:"bound"`
	Message string    `json:"message,omitempty"`
	Sent    time.Time `json:"sent,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
}

func recipientOf(r merchant.Recipient) recipientOut {
	says, _ := r.Says()
	out := recipientOut{r.Merchant, r.Name, r.Slot, r.User, string(r.State), string(r.Reason), r.Field, says, r.Bound, r.Message, r.Sent, r.Ended}
	if r.Fault != "" {
		out.State, out.Reason = string(merchant.Refused), r.Fault
	}
	return out
}

type recipientsOut struct {
	Recipients []recipientOut `json:"recipients"`
	// After asks for the next page; empty at the end.
	After string `json:"after,omitempty"`
}

// listRecipients lists those of a notice, by merchant.
func (c *apiCall) listRecipients(in recipientsQuery) (recipientsOut, error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return recipientsOut{}, err
	}
	from := merchant.Recipient{Slot: -2}
	if in.After != "" {
		slot, id, ok := strings.Cut(in.After, ".")
		if from.Slot, err = strconv.Atoi(slot); !ok || err != nil || strings.ContainsRune(id, 0) {
			return recipientsOut{}, apiRefuse(apiBadCursor)
		}
		from.Merchant = strings.ToValidUTF8(id, "")
	}
	n, err := c.notice()
	if err != nil {
		return recipientsOut{}, err
	}
	list, err := c.desk.Store.Recipients(c.ctx, c.realm, n.ID, from, limit)
	out := recipientsOut{Recipients: []recipientOut{}}
	for _, r := range list {
		out.Recipients = append(out.Recipients, recipientOf(r))
	}
	if len(list) == limit {
		last := list[limit-1]
		out.After = strconv.Itoa(last.Slot) + "." + last.Merchant
	}
	return out, err
}

// serveRecipients answers with the same as a table for spreadsheets.
func (h *API) serveRecipients(w http.ResponseWriter, r *http.Request) {
	const endpoint = "getRecipientTable"
	ctx, cancel := context.WithTimeout(r.Context(), 6*apiTime)
	defer cancel()
	c := h.call(ctx, r)
	var table bytes.Buffer
	err := c.tabled(w)
	if err == nil {
		var n merchant.Notice
		if n, err = c.notice(); err == nil {
			err = c.desk.WriteRecipients(ctx, &table, c.realm, n.ID)
		}
	}
	if err != nil {
		h.refuse(w, r, endpoint, err)
		return
	}
	h.app.metrics.called(endpoint, "ok")
	header := w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8")
	header.Set("Content-Disposition", `attachment; filename="notice.csv"`)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(table.Bytes())
}

// tabled admits a call for a table.
func (c *apiCall) tabled(w http.ResponseWriter) error {
	_, err := c.admit(w, &endpoint{method: http.MethodGet, scopes: []identity.Scope{identity.ScopeMerchant}, in: reflect.TypeFor[none]()})
	return err
}
