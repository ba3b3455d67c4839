package caddymodule

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// A caller who didn't hear the answer may ask again under the same Idempotency-Key
// (draft-ietf-httpapi-idempotency-key-header): what was done is done once, and he gets
// the answer that he missed.

// repeatKey is the Idempotency-Key of a request, with or without quotes; empty if it
// has none.
func repeatKey(r *http.Request) (string, error) {
	values := r.Header["Idempotency-Key"]
	if len(values) == 0 {
		return "", nil
	}
	name := values[0]
	if len(name) >= 2 && strings.HasPrefix(name, `"`) && strings.HasSuffix(name, `"`) {
		name = name[1 : len(name)-1]
	}
	odd := strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' })
	if len(values) > 1 || name == "" || len(name) > 128 || odd {
		return "", apiRefuse(apiBadRepeatKey)
	}
	return name, nil
}

// once performs a call, unless it was performed before.
func (h *API) once(w http.ResponseWriter, c *apiCall, e *endpoint, name string, body []byte, perform func() (int, []byte)) {
	r := identity.Repeat{KeyID: c.key.ID, Idem: name, Fingerprint: fingerprint(c.r, body), At: c.now()}
	before, begun, err := c.store.BeginRepeat(c.ctx, r)
	switch {
	case err != nil:
		h.refuse(w, c.r, e.id, err)
		return
	case begun:
	case !bytes.Equal(before.Fingerprint, r.Fingerprint):
		h.refuse(w, c.r, e.id, apiRefuse(apiReused))
		return
	case before.Status == 0:
		h.refuse(w, c.r, e.id, apiRefuse(apiInFlight))
		return
	default:
		h.app.metrics.called(e.id, "replayed")
		tell(trace.SpanFromContext(c.ctx), "replayed", before.Status)
		w.Header().Set("Idempotent-Replayed", "true")
		writeAPI(w, before.Status, before.Body)
		return
	}
	r.Status, r.Body = perform()
	status, answer := r.Status, r.Body
	if status >= 500 {
		r.Status, r.Body = 0, nil // he may try again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), apiTime)
	defer cancel()
	if err := c.store.EndRepeat(ctx, r); err != nil {
		// He who repeats the call hears that it is under way, and a minute later is
		// answered afresh; what was done is then found done.
		c.log.Warn("keeping an answer", zap.String("step", "api"), zap.String("endpoint", e.id), zap.Error(err))
	}
	writeAPI(w, status, answer)
}

// fingerprint tells one request of a key from another.
func fingerprint(r *http.Request, body []byte) []byte {
	sum := sha256.New()
	for _, part := range []string{r.Method, r.URL.EscapedPath(), string(body)} {
		one := sha256.Sum256([]byte(part))
		sum.Write(one[:])
	}
	return sum.Sum(nil)
}
