package caddymodule

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestLogEncoder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	g := startGatewayOn(t, simulated(t), standard, data, "\twsite\n\treverse", "\tlog {\noutput file DATA/access.log\nformat wsite {\nfields {\nrequest>headers>X-Mine delete\n}\n}\n}\n\twsite\n\treverse")
	g.sim.Answer("allow")
	secrets := secretsOfALife(t, g)
	if len(secrets) < 15 {
		t.Fatalf("only %d secrets passed by", len(secrets))
	}
	text, err := os.ReadFile(filepath.Join(data, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	log := string(text)
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for _, line := range lines {
		var fields struct {
			Request struct{ URI string } `json:"request"`
			Status  int                  `json:"status"`
		}
		if err := json.Unmarshal([]byte(line), &fields); err != nil || fields.Request.URI == "" || fields.Status == 0 {
			t.Errorf("a line that tells nothing, %v: %s", err, line)
		}
	}
	if len(lines) < 8 {
		t.Errorf("there are only %d lines", len(lines))
	}
	for secret, what := range secrets {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("the log holds a %s: …%.300s", what, log[max(0, i-200):])
		}
	}
	for _, want := range []string{`/app?lang=zh"`, `callback?`, `code=REDACTED`, `state=REDACTED`, `logout?return=REDACTED"`, `/app?lang=zh#REDACTED`, `"user_id":"v`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

// secretsOfALife leads a visitor through a login with a fragment, consent, a page asked
// for by a script, a forged request and a sign-out, and gives what must not be known of
// that, each with what it is.
func secretsOfALife(t *testing.T, g *gateway) map[string]string {
	t.Helper()
	ming := g.phone("ming")
	secrets := map[string]string{}
	keep := func(what, value string) {
		if len(value) > 5 {
			secrets[value] = what
		}
	}

	ming.open(g.at(appA, "shop", "/app?lang=zh#/level/2"))
	keep("token", g.upstream.last().Header.Get("X-User"))
	asked := ming.open(g.at(appA, "shop", "/ask/"))
	_, login, _ := strings.Cut(asked.Body, `id="allow" href="`)
	login, _, _ = strings.Cut(login, `"`)
	ming.open(g.url + strings.ReplaceAll(login, "&amp;", "&"))
	keep("token", g.upstream.last().Header.Get("X-User"))
	for name, value := range ming.cookies(g.url + "/") {
		keep("cookie "+name, value)
	}
	ming.send("GET", g.at(appA, "shop", "/"), nil, "Accept", "text/html", "Referer", ming.visited[3], "X-User", "forged-user", "X-User-Id", "forged-id", "X-Mine", "mine-alone", "Authorization", "Bearer forged-bearer")
	ming.fetch("GET", g.at(appLone, "shop", "/data.json"))
	ming.send("POST", g.at(appA, "shop", "/-/logout?return="+url.QueryEscape("/wsite/"+appA+"/shop/secret-place")), nil, "Accept", "text/html")
	for _, address := range ming.visited {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"code", "state", "r", "f"} {
			keep(word, u.Query().Get(word))
			keep(word+", escaped", url.QueryEscape(u.Query().Get(word)))
		}
		if word := u.Query().Get("redirect_uri"); word != "" {
			_, sealed, _ := strings.Cut(word, "r=")
			keep("the target told to WeChat", sealed)
		}
	}
	for _, forged := range []string{"forged-user", "forged-id", "forged-bearer", "mine-alone"} {
		keep("what a client claims", forged)
	}
	return secrets
}

func TestLogEncoder_words(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"/a/b":                                 "/a/b",
		"/a?b=c":                               "/a?b=c",
		"/a?code=1":                            "/a?code=REDACTED",
		"/a?x=1&code=1&y=2":                    "/a?x=1&code=REDACTED&y=2",
		"/a?code":                              "/a?code=REDACTED",
		"/a?%63ode=1":                          "/a?code=REDACTED",
		"/a?state=1#/b?code=2":                 "/a?state=REDACTED#REDACTED",
		"/a?barcode=1&codes=2&r=3":             "/a?barcode=1&codes=2&r=3",
		"/wsite/wx/shop/-/callback?r=1&code=2": "/wsite/wx/shop/-/callback?r=REDACTED&code=REDACTED",
		"/wsite/wx/shop/-/login?return=/a&f=b": "/wsite/wx/shop/-/login?return=REDACTED&f=REDACTED",
		"https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx&redirect_uri=x&scope=y&state=z#wechat_redirect": "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx&redirect_uri=REDACTED&scope=y&state=REDACTED#wechat_redirect",
		"/wsite/-/push/wx?signature=1&timestamp=2&nonce=3&openid=4&encrypt_type=aes&msg_signature=5":                  "/wsite/-/push/wx?signature=REDACTED&timestamp=2&nonce=3&openid=REDACTED&encrypt_type=aes&msg_signature=REDACTED",
		"/v1/accounts/wx/wechat/cgi-bin/user/info?lang=zh_CN&openid=1":                                                "/v1/accounts/wx/wechat/cgi-bin/user/info?lang=zh_CN&openid=REDACTED",
		"/v1/accounts/wx/wechat/cgi-bin/user/get?next_openid=1":                                                       "/v1/accounts/wx/wechat/cgi-bin/user/get?next_openid=REDACTED",
		"/wsite/wx/shop/-/jssdk?url=https%3A%2F%2Fexample.com%2F%3Fcode%3D1":                                          "/wsite/wx/shop/-/jssdk?url=REDACTED",
		"/v1/merchants?shown=bound&search=13812345678":                                                                "/v1/merchants?shown=bound&search=REDACTED", "/a?search=tea": "/a?search=tea",
		"/a?url=1&signature=2": "/a?url=1&signature=2",
		"/a#/level/2":          "/a#REDACTED", "/a#": "/a#",
		"": "", "?": "?", "/?&&": "/?&&",
	} {
		if got := hideWords(address); got != want {
			t.Errorf("%s is logged as %s, want %s", address, got, want)
		}
	}
}

// TestLogEncoder_headers: what has to be hidden is, even where Caddy was told to log
// credentials, and neither the request nor the answer is changed by that.
func TestLogEncoder_headers(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/a?b=c", nil)
	r.Header = http.Header{"Cookie": {"s=SECRET"}, "Authorization": {"Bearer SECRET"}, "Accept": {"text/html"}}
	answer := http.Header{"Set-Cookie": {"s=SECRET"}, "Content-Type": {"text/html"}}
	var plain LogEncoder
	provision(t, &plain)
	for _, header := range []http.Header{{}, {"X-User": {"SECRET"}}, {"X-User-Id": {"SECRET"}}, {"Referer": {"/?x=1", "/?code=SECRET"}}} {
		asked := r.Clone(t.Context())
		for name, values := range header {
			asked.Header[name] = values
		}
		before := asked.Header.Clone()
		line := encoded(t, &plain, caddyhttp.LoggableHTTPRequest{Request: asked, ShouldLogCredentials: true},
			caddyhttp.LoggableHTTPHeader{Header: answer, ShouldLogCredentials: true})
		if strings.Contains(line, "SECRET") || strings.Count(line, "text/html") != 2 || !strings.Contains(line, `"/a?b=c"`) {
			t.Errorf("with %v the line is %s", header, line)
		}
		for name := range before {
			if strings.Join(asked.Header[name], " ") != strings.Join(before[name], " ") {
				t.Errorf("%s of the request became %q", name, asked.Header[name])
			}
		}
	}
	if answer.Get("Set-Cookie") != "s=SECRET" {
		t.Error("the answer has lost its cookie")
	}
}

func provision(tb testing.TB, m caddy.Provisioner) {
	tb.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: tb.Context()})
	tb.Cleanup(cancel)
	if err := m.Provision(ctx); err != nil {
		tb.Fatal(err)
	}
}

// encoded is the line of an access log, made as Caddy makes it: the request is a
// field of the logger, the answer one of the entry.
func encoded(tb testing.TB, e zapcore.Encoder, request, answer zapcore.ObjectMarshaler) string {
	tb.Helper()
	e = e.Clone()
	if err := e.AddObject("request", request); err != nil {
		tb.Fatal(err)
	}
	line, err := e.EncodeEntry(zapcore.Entry{Message: "handled request"}, []zapcore.Field{zap.Int("status", 200), zap.Object("resp_headers", answer)})
	if err != nil {
		tb.Fatal(err)
	}
	defer line.Free()
	return line.String()
}

// BenchmarkLogEncoder is what a line costs that has nothing to hide, beside Caddy's own.
func BenchmarkLogEncoder(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, "/wsite/"+appA+"/shop01/a/b?id=7&page=2", nil)
	r.Header = http.Header{"User-Agent": {uaIOS}, "Accept": {"text/html"}, "Cookie": {"a=b"}}
	answer := http.Header{"Content-Type": {"text/html"}, "Content-Length": {"1024"}, "Via": {"1.1 Caddy"}}
	for name, e := range map[string]interface {
		caddy.Provisioner
		zapcore.Encoder
	}{"json": new(logging.JSONEncoder), "wsite": new(LogEncoder)} {
		provision(b, e)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				encoded(b, e, caddyhttp.LoggableHTTPRequest{Request: r}, caddyhttp.LoggableHTTPHeader{Header: answer})
			}
		})
	}
}
