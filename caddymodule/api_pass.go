package caddymodule

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// maxPassed bounds the body of a call that is passed through to WeChat, in bytes; an
// image has up to 10 MiB there.
const maxPassed = 11 << 20

// passThrough calls WeChat for a site that keeps no access token of its own: the token is
// added, and the call repeated once if it was dead. What WeChat says is answered as it
// came, errors too.
func (h *API) passThrough(w http.ResponseWriter, r *http.Request) {
	const endpoint = "passThrough"
	ctx, cancel := context.WithTimeout(r.Context(), 2*apiTime)
	defer cancel()
	ctx, part := traced(ctx, "api", ofEndpoint(endpoint))
	defer part.End()
	r = r.WithContext(ctx)
	c := h.call(ctx, r)
	answer, err := c.pass(w)
	if err != nil {
		h.refuse(w, r, endpoint, err)
		return
	}
	h.app.metrics.called(endpoint, "ok")
	tell(part, "ok", answer.Status)
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", answer.ContentType)
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/octet-stream")
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body)
}

// pass asks WeChat what the key's holder wants to know.
func (c *apiCall) pass(w http.ResponseWriter) (answer wechat.RawAnswer, err error) {
	if err := c.authenticate(); err != nil {
		return answer, err
	}
	if err := c.place(); err != nil {
		return answer, err
	}
	if err := c.need(identity.ScopeWechat); err != nil {
		return answer, err
	}
	if !c.shares(c.at) {
		// Of an account of several companies one would read the others' followers.
		return answer, apiRefuse(apiTokenKept)
	}
	path := "/" + c.r.PathValue("path")
	if !c.at.PassesThrough(path) {
		return answer, apiRefuse(apiNotPassed)
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil || query.Has("access_token") {
		return answer, apiRefuse(apiBadQuery).saying("the query can't be read, or brings an access_token, which is ours to add")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.r.Body, maxPassed))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return answer, apiRefuse(apiTooLarge).saying("the body is larger than 11 MiB")
	} else if err != nil {
		return answer, apiRefuse(apiBadBody).saying("the body ended too early")
	}
	err = c.keeper.Do(c.ctx, c.at.AppID, func(ctx context.Context, as wechat.Bearer) (err error) {
		answer, err = c.wechat.Raw(ctx, as, c.r.Method, path, query, c.r.Header.Get("Content-Type"), body)
		return err
	})
	if answer.Status != 0 {
		return answer, nil // WeChat has spoken, if only to refuse
	}
	return answer, err
}
