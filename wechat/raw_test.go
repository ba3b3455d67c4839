package wechat_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestRawPassesEverythingOn(t *testing.T) {
	t.Parallel()
	image := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 2<<20)
	for _, tc := range []struct {
		name, method, path, kind, body, answer string
		class                                  wechat.Class
		code                                   int
	}{
		{"a query", http.MethodGet, "cgi-bin/menu/get", "", "", `{"menu":{}}`, "", 0},
		{"a slash before the path", http.MethodGet, "/cgi-bin/menu/get", "", "", `{"menu":{}}`, "", 0},
		{"a body as it is", http.MethodPost, "cgi-bin/menu/create", "application/json", `{"button":"\u4f60<"}`, `{"errcode":0,"errmsg":"ok"}`, "", 0},
		{"a form", http.MethodPost, "cgi-bin/media/upload", "multipart/form-data; boundary=x", "--x--", `{"media_id":"x"}`, "", 0},
		{"an image", http.MethodGet, "cgi-bin/media/get", "", "", image, "", 0},
		{"an errcode is an error, and the answer is there", http.MethodPost, "cgi-bin/menu/create", "", `{}`, refusal(40018, "invalid button name size rid: 6949fe38-0627ff0d-47df91c7"), wechat.ClassFault, 40018},
		{"a dead token", http.MethodGet, "cgi-bin/menu/get", "", "", refusal(42001, "access_token expired"), wechat.ClassRefresh, 42001},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				kind := tc.kind
				if kind == "" && tc.method == http.MethodPost {
					kind = "application/json"
				}
				if r.Method != tc.method || r.URL.Path != "/"+strings.TrimPrefix(tc.path, "/") || string(body) != tc.body || r.Header.Get("Content-Type") != kind ||
					r.URL.Query().Encode() != "a=b+c&access_token="+token {
					t.Errorf("got %s %s, %s: %s", r.Method, r.URL, r.Header.Get("Content-Type"), body)
				}
				w.Header().Set("Content-Type", "x/y")
				_, _ = io.WriteString(w, tc.answer)
			})
			c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
			given := url.Values{"a": {"b c"}}
			a, err := c.Raw(t.Context(), bearer, tc.method, tc.path, given, tc.kind, []byte(tc.body))
			if tc.class != "" {
				if e := want(t, err, tc.class); e.Code != tc.code || e.API != strings.TrimPrefix(tc.path, "/") {
					t.Errorf("got %v", e)
				}
			} else if check(t, err) != nil {
				t.Fatal(err)
			}
			if a.Status != 200 || a.ContentType != "x/y" || string(a.Body) != tc.answer || len(given) != 1 {
				t.Errorf("got %d, %s, %d bytes; the given query is %v", a.Status, a.ContentType, len(a.Body), given)
			}
		})
	}
}

func TestRawIsNoWayAround(t *testing.T) {
	t.Parallel()
	host := serve(t, says(`{}`))
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
	for _, tc := range []struct {
		name, method, path string
		query              url.Values
		body               string
	}{
		{"no path", "GET", "", nil, ""},
		{"a slash alone", "GET", "/", nil, ""},
		{"two slashes", "GET", "//evil.example/x", nil, ""},
		{"a parent", "GET", "cgi-bin/../sns/auth", nil, ""},
		{"an encoded slash", "GET", "cgi-bin%2ftoken", nil, ""},
		{"a query in the path", "GET", "cgi-bin/menu/get?access_token=x", nil, ""},
		{"a fragment in the path", "GET", "cgi-bin/menu/get#x", nil, ""},
		{"credentials for another host", "GET", "x@evil.example/", nil, ""},
		{"a path of 129 characters", "GET", strings.Repeat("a/", 64) + "b", nil, ""},
		{"another token", "GET", "cgi-bin/menu/get", url.Values{"access_token": {"x"}}, ""},
		{"another token in capitals", "GET", "cgi-bin/menu/get", url.Values{"Access_Token": {"x"}}, ""},
		{"a secret", "GET", "cgi-bin/menu/get", url.Values{"secret": {"x"}}, ""},
		{"another method", "DELETE", "cgi-bin/menu/get", nil, ""},
		{"a method with a line break", "GET /x\r\n", "cgi-bin/menu/get", nil, ""},
		{"a GET with a body", "GET", "cgi-bin/menu/get", nil, "{}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := c.Raw(t.Context(), bearer, tc.method, tc.path, tc.query, "", []byte(tc.body))
			if want(t, err, wechat.ClassFault); a.Body != nil {
				t.Errorf("got %s", a.Body)
			}
		})
	}
	if n := host.calls(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestRawBoundsAndJudgesAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status int
		body   string
		class  wechat.Class
	}{
		{"more than 16 MiB", 200, strings.Repeat("x", 16<<20+1), wechat.ClassFault},
		{"a page with status 404", 404, "<html>", wechat.ClassFault},
		{"a redirect", 302, "", wechat.ClassFault},
		{"a gateway's error", 502, "<html>", wechat.ClassRetry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			a, err := newClient(t, wechat.Config{Hosts: []string{host.URL}}).Raw(t.Context(), bearer, "GET", "cgi-bin/media/get", nil, "", nil)
			want(t, err, tc.class)
			if len(tc.body) > 16<<20 && (a.Status != 0 || a.Body != nil) {
				t.Errorf("a part of it is answered as if it were all: %d and %d bytes", a.Status, len(a.Body))
			}
		})
	}
	t.Run("a POST that may have left is not sent again, a GET is", func(t *testing.T) {
		t.Parallel()
		for method, calls := range map[string]int{"GET": 1, "POST": 0} {
			first, second := serve(t, hangsUp), serve(t, says("{}"))
			_, err := newClient(t, wechat.Config{Hosts: []string{first.URL, second.URL}}).Raw(t.Context(), bearer, method, "cgi-bin/x", nil, "", nil)
			if n := second.calls(); n != calls || (err == nil) != (calls == 1) {
				t.Errorf("%s: %d requests at the second host, %v", method, n, err)
			}
		}
	})
}
