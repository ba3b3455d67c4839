package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// What is taken out of an answer is taken out of all of its parts.
func TestAttack_partsOfAnswers(t *testing.T) {
	t.Parallel()
	t.Run("103 and trailers", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		p := g.phone("ming")
		p.open(g.at(appA, "shop", "/a"))
		g.upstream.answer = func(w http.ResponseWriter, r *http.Request) {
			token := r.Header.Get(headerUser)
			h := w.Header()
			h.Set(headerBind, "m1")
			h.Set(headerUser, token)
			h.Set("Set-Cookie", g.app.jar.prefix+"login=evil; Path=/; HttpOnly")
			w.WriteHeader(http.StatusEarlyHints)
			h.Del(headerBind)
			h.Del(headerUser)
			h.Del("Set-Cookie")
			h.Set("Trailer", "X-User, X-User-Bind")
			w.WriteHeader(200)
			_, _ = w.Write([]byte("x"))
			h.Set(headerUser, token)
			h.Set(headerBind, "m1")
		}
		req, _ := http.NewRequest("GET", g.at(appA, "shop", "/a"), nil)
		req.Header.Set("User-Agent", uaAndroid)
		for n, v := range p.cookies(g.url) {
			req.AddCookie(&http.Cookie{Name: n, Value: v})
		}
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			for _, name := range []string{headerUser, headerBind, "Set-Cookie"} {
				if h.Get(name) != "" {
					t.Errorf("a %d tells %s", code, name)
				}
			}
			return nil
		}}
		resp, err := http.DefaultTransport.RoundTrip(req.WithContext(httptrace.WithClientTrace(t.Context(), trace)))
		if err != nil {
			t.Fatal(err)
		}
		readWire(t, resp)
		for _, name := range []string{headerUser, headerBind} {
			if resp.Trailer.Get(name) != "" {
				t.Errorf("a trailer tells %s", name)
			}
		}
	})
	t.Run("a flush before the header", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		rec := httptest.NewRecorder()
		site := g.app.directory().Site("shop")
		pass := &passage{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: rec}, app: g.app, request: httptest.NewRequest("GET", "/", nil), route: route{site: site, account: g.app.directory().Account(appA)}}
		pass.Header().Set(headerUser, "echo")
		pass.Header().Set("Set-Cookie", g.app.jar.prefix+"login=evil")
		_ = http.NewResponseController(pass).Flush()
		if h := rec.Result().Header; h.Get(headerUser) != "" || h.Get("Set-Cookie") != "" {
			t.Errorf("flushed out: %v", h)
		}
	})
}

// T209: a secret that stands in the config itself is warned of.
func TestAttack_inlineSecrets(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "\n\t\trealm main\n", "\n\t\tmaster_key 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n\t\trealm main {\n\t\t\tbroadcast crm webhook https://hooks.example.com/t0ken {\n\t\t\t\tsecret whsec_MDEyMDEyMDEyMDEyMDEyMDEyMDEyMDEy\n\t\t\t}\n\t\t}\n")
	g.app.warn()
	var all strings.Builder
	for _, e := range g.logs.All() {
		all.WriteString(e.Message + "\n")
	}
	for _, what := range []string{"master", "webhook"} {
		if !strings.Contains(all.String(), what) {
			t.Errorf("nothing warns of the %s in /config/:\n%s", what, all.String())
		}
	}
}
