package caddymodule

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// withConsole adds the console to the standard Caddyfile, and the API, on hosts of their own.
var withConsole = []string{"ORIGIN {\n", "http://console.localhost:PORT {\n\tbind 127.0.0.1\n\twsite_console\n}\n" + withAPI[1]}

// consoleAt is an address of the console.
func (g *gateway) consoleAt(path string) string {
	return strings.Replace(g.url, "127.0.0.1", "console.localhost", 1) + path
}

// askConsole asks for a page of the console, or posts a form to it.
func (g *gateway) askConsole(t *testing.T, path string, form url.Values) consoleAnswer {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, g.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse(g.consoleAt(""))
	req.Host = at.Host
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return consoleAnswer{resp.StatusCode, text.String()}
}

type consoleAnswer struct {
	Status int
	Body   string
}

// setupCode is the code for the first administrator, from the file that the log names.
func (g *gateway) setupCode(t *testing.T) string {
	t.Helper()
	g.askConsole(t, "/sign-in", nil)
	file := filepath.Join(filepath.Dir(g.app.Facts.SQLite), "console-setup.txt")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file is %v, %v", info, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`/setup#(\S+)`).FindSubmatch(text)
	if code == nil {
		t.Fatalf("the file says %s", text)
	}
	for _, e := range g.logs.All() {
		if named, _ := e.ContextMap()["file"].(string); named == file {
			return string(code[1])
		}
	}
	t.Fatalf("the log doesn't name %s", file)
	return ""
}

func TestConsole(t *testing.T) {
	t.Parallel()
	g := startGateway(t, append(limited("console_logins 3/1h"), withConsole...)...)
	code := g.setupCode(t)
	for range 2 {
		if a := g.askConsole(t, "/sign-in", url.Values{"name": {"root"}, "password": {"wrong password"}}); a.Status != http.StatusUnauthorized {
			t.Errorf("a wrong password is answered %d", a.Status)
		}
	}
	form := url.Values{"code": {code}, "name": {"root"}, "password": {"correct horse battery"}, "again": {"correct horse battery"}}
	if a := g.askConsole(t, "/setup", form); a.Status != http.StatusSeeOther {
		t.Errorf("the link is answered %d %s", a.Status, a.Body)
	}
	if a := g.askConsole(t, "/sign-in", url.Values{"name": {"root"}, "password": {"correct horse battery"}}); a.Status != http.StatusTooManyRequests {
		t.Errorf("over the limit it answers %d", a.Status)
	}
	for _, e := range g.logs.All() {
		for _, v := range e.ContextMap() {
			if s, ok := v.(string); ok && strings.Contains(s, code) {
				t.Errorf("the log holds the code: %s", e.Message)
			}
		}
	}
}
