package caddymodule

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// What of a site's answer would reach beyond the site is taken out on its way back:
// sites on one host share an origin.

// WriteHeader is where an answer's headers are final.
func (p *passage) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		// What comes before the answer says nothing of the visitor.
		h := p.Header()
		for _, name := range []string{headerUser, headerUserID, headerUserKind, headerBind, headerBindError} {
			delete(h, name)
		}
		setOrDelete(h, "Set-Cookie", p.app.jar.withoutOurs(h["Set-Cookie"], p.cookies))
	}
	if !p.begun && (status >= 200 || status == http.StatusSwitchingProtocols) {
		p.begun = true
		p.app.metrics.tally.answered(status)
		p.bindAnswer()
		p.app.cleanAnswer(p.Header(), p.route, p.cookies)
		if p.visitor != nil && keepsOpen(status, p.Header()) {
			p.open = &connection{visitor: p.visitor}
			p.over = p.app.visitors.hold(p.open)
		}
	}
	p.ResponseWriterWrapper.WriteHeader(status)
}

func (p *passage) Write(b []byte) (int, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	if err := p.cut(); err != nil {
		return 0, err
	}
	return p.ResponseWriterWrapper.Write(b)
}

// FlushError sends what there is, the headers first.
func (p *passage) FlushError() error {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(p.ResponseWriterWrapper.ResponseWriter).Flush()
}

// ReadFrom keeps the kernel's way of copying, which the wrapper offers.
func (p *passage) ReadFrom(r io.Reader) (int64, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	if p.open != nil { // each piece is looked at
		return io.Copy(struct{ io.Writer }{p}, r)
	}
	return p.ResponseWriterWrapper.ReadFrom(r)
}

func (a *App) cleanAnswer(h http.Header, rt route, said []string) {
	if cookies := h["Set-Cookie"]; cookies != nil {
		setOrDelete(h, "Set-Cookie", a.jar.withoutOurs(cookies, said))
	}
	if v := h["Service-Worker-Allowed"]; v != nil && !rt.allowsScope(v) {
		delete(h, "Service-Worker-Allowed")
	}
	if v := h["Clear-Site-Data"]; v != nil {
		setOrDelete(h, "Clear-Site-Data", onlyTokens(v, func(t string) bool { return t != `"cookies"` && t != `"*"` }))
	}
	// A site that echoes its request must not show the browser its token.
	delete(h, headerUser)
	delete(h, headerUserID)
	delete(h, headerUserKind)
	if h["Cache-Control"] == nil && rt.site.NoCache == "on" && strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		h["Cache-Control"] = []string{"private, no-cache"}
	}
	if len(said) > 0 && strings.Contains(h.Get("Cache-Control"), "public") {
		// A shared cache would give this visitor's cookies to others.
		h["Cache-Control"] = []string{"private, no-cache"}
	}
}

// withoutOurs keeps the cookies of a site that don't pretend to be ours, and those
// that we said ourselves: a site can't repeat them, since it never sees them.
func (j jar) withoutOurs(cookies, said []string) []string {
	foreign := func(c string) bool { return j.ours(trimSpace(c)) && !slices.Contains(said, c) }
	if !slices.ContainsFunc(cookies, foreign) {
		return cookies
	}
	return slices.DeleteFunc(slices.Clone(cookies), foreign)
}

// allowsScope says whether a service worker's widest scope stays in the site.
func (rt route) allowsScope(values []string) bool {
	if len(values) != 1 {
		return false
	}
	path, ok := below(values[0], rt.base)
	return ok && path != "" && directory.IsCanonicalPath(values[0])
}
