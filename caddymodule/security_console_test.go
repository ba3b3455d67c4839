package caddymodule

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// securityConsole is what groups J and L ask of the console.
func securityConsole(t *testing.T) {
	t.Run("T138 however a name is written, its tries are counted as one, and strangers keep nobody out", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, append(limited("console_logins 3/1h"), withConsole...)...)
		w := g.worker(t, "kim", console.Viewer)
		// from gives a password from an address of its own.
		from := func(address, cookie, name, password string) int {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/sign-in", strings.NewReader(url.Values{"name": {name}, "password": {password}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			at, _ := url.Parse(g.consoleAt(""))
			req.Host = at.Host
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Cookie", cookie)
			resp, err := (&http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp.StatusCode
		}
		for i, name := range []string{"kim", " KIM\t", "\u212aim\u00a0"} { // the last with the sign for Kelvin
			if got := from(fmt.Sprint("127.0.1.", i+1), "", name, "wrong password!"); got != http.StatusUnauthorized {
				t.Errorf("%q is answered %d", name, got)
			}
		}
		if got := from("127.0.1.9", "", "Kim", "correct horse battery"); got != http.StatusTooManyRequests {
			t.Errorf("a fourth spelling is answered %d", got)
		}
		if got := from("127.0.1.9", w.known, "KIM", "correct horse battery"); got != http.StatusSeeOther {
			t.Errorf("from where he has signed in before he is answered %d", got)
		}
	})
	t.Run("T207 no log holds a password, a code or a session of staff", func(t *testing.T) {
		t.Parallel()
		g := startConsole(t)
		code := g.setupCode(t)
		w := g.worker(t, "root", console.Administrator)
		w.ask("/sign-in", url.Values{"name": {"root"}, "password": {"a wrong password of his"}})
		_, session, _ := strings.Cut(w.cookie, "=")
		for _, entry := range g.logs.All() {
			hides(t, fmt.Sprint(entry.Message, entry.ContextMap()), code, "correct horse battery", "a wrong password of his", session, w.word)
		}
	})
	t.Run("T230 markup in a request is text in the console", func(t *testing.T) {
		t.Parallel()
		c := startConsole(t).worker(t, "root", console.Administrator)
		const markup = `"><script>alert(1)</script>`
		q := url.QueryEscape(markup)
		for _, path := range []string{
			"/merchants/main?find=" + q, "/merchants/main?from=" + q, "/merchants/main/codes?id=" + q, "/merchants/main/of/" + url.PathEscape(markup), "/merchants/main/notices/" + url.PathEscape(markup),
			"/merchants/main/notices/new?to=" + q + "&template=" + q, "/merchants/main/notices?before=" + q, "/" + url.PathEscape(markup), "/journal?staff=" + q, "/overview?done=" + q,
		} {
			if resp, text := c.ask(path, nil); strings.Contains(text, "<script>") || strings.Contains(text, markup) {
				t.Errorf("%s holds the markup: %d", path, resp.StatusCode)
			}
		}
		for _, field := range []string{"id", "name", "login", "contact", "phone", "user", "sites"} {
			form := url.Values{"id": {"M1"}, "name": {"x"}, "persons": {"0"}}
			form.Set(field, markup)
			if resp, text := c.ask("/merchants/main", form); resp.StatusCode != http.StatusBadRequest || strings.Contains(text, "<script>") {
				t.Errorf("%s: %d", field, resp.StatusCode)
			}
		}
	})
	t.Run("T231 what is no page of the console is read as what it is", func(t *testing.T) {
		t.Parallel()
		s := playConsole(t)
		c := s.worker(t, "root", console.Administrator)
		path := s.filled["/merchants/{realm}/of/{id}/codes/{code}"]["code-bound"] + "/events"
		if resp, _ := c.ask(path, nil); resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	})
	t.Run("T233 T234 no page of the console is kept or framed, nothing foreign runs in it, and what is stored is text", func(t *testing.T) {
		t.Parallel()
		s := playConsole(t)
		const markup = `<img src=x onerror=alert(1)>`
		m, err := s.app.desk.Create(t.Context(), merchant.Merchant{Realm: "main", ID: "0000", Name: markup, Contact: markup, Login: markup, Persons: 1}, "staff:"+markup)
		if err != nil {
			t.Fatal(err)
		}
		c := s.worker(t, "root", console.Administrator)
		if _, err := s.app.newConsole().Add(t.Context(), "ming", console.Operator); err != nil {
			t.Fatal(err)
		}
		pages := s.consolePages(t)
		pages["markup"], pages["markup-edit"], pages["markup-codes"] = "/merchants/main/of/"+m.ID, "/merchants/main/of/"+m.ID+"/edit", "/merchants/main/codes?id="+m.ID
		for _, name := range slices.Sorted(maps.Keys(pages)) {
			resp, text := c.ask(pages[name], nil)
			if resp.StatusCode == http.StatusSeeOther {
				continue
			}
			for header, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
				"Cache-Control":           "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Type": "text/html; charset=utf-8",
			} {
				if got := resp.Header.Get(header); got != want {
					t.Errorf("%s: %s is %q", name, header, got)
				}
			}
			tags := values.ReplaceAllString(strings.ReplaceAll(text, `<script src="/assets/console.js"`, "<script"), `""`)
			if strings.Contains(text, "<img") || handlers.MatchString(tags) {
				t.Errorf("%s runs what isn't ours: %q", name, handlers.FindString(tags))
			}
			if strings.HasPrefix(name, "markup") && !strings.Contains(text, "&lt;img src=x onerror=alert(1)&gt;") {
				t.Errorf("%s doesn't show the name", name)
			}
		}
	})
}
