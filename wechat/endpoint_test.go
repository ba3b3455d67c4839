package wechat_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

var bearer = wechat.Bearer{AppID: appID, Token: token}

// must fails unless a call came to what the endpoint says.
func (e endpoint) must(t testing.TB, got any, err error) {
	t.Helper()
	if e.class != "" {
		if x := want(t, err, e.class); x.Code != e.code || x.RID == "" || strings.Contains(x.Message, "rid") {
			t.Errorf("got %v", x)
		}
		return
	}
	if check(t, err) != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, e.want) {
		t.Errorf("got  %s\nwant %s", writeJSON(t, got), writeJSON(t, e.want))
	}
}

// against calls an endpoint at hosts.
func (e endpoint) against(t testing.TB, hosts ...string) (any, error) {
	t.Helper()
	return e.call(t.Context(), newClient(t, wechat.Config{Hosts: hosts}), bearer)
}

func TestEveryRecordingHasItsCall(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(wireFiles + "*.txt")
	if err != nil || len(files) != len(endpoints) {
		t.Errorf("%d recordings of %d calls, %v", len(files), len(endpoints), err)
	}
}

func TestEveryCallIsTheRecordedOne(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints {
		t.Run(e.file, func(t *testing.T) {
			t.Parallel()
			r := readWire(t, e.file).fill(wireWords)
			host := serve(t, func(w http.ResponseWriter, got *http.Request) {
				to, err := url.Parse(r.target)
				if err != nil || got.Method != r.method || got.URL.Path != to.Path || !reflect.DeepEqual(got.URL.Query(), to.Query()) {
					t.Errorf("got  %s %s\nwant %s %s", got.Method, got.URL, r.method, r.target)
				}
				body, err := io.ReadAll(got.Body)
				if err != nil {
					t.Error(err)
				}
				if r.body != "" {
					if strings.Contains(string(body), `\u`) || !sameJSON(t, string(body), r.body) || got.Header.Get("Content-Type") != "application/json" {
						t.Errorf("got  %s of type %s\nwant %s", body, got.Header.Get("Content-Type"), r.body)
					}
				} else if len(body) != 0 {
					t.Errorf("a body: %s", body)
				}
				says(r.answer)(w, got)
			})
			got, err := e.against(t, host.URL)
			e.must(t, got, err)
			if n := host.calls(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// WeChat changes between numbers and strings, adds fields, and writes any content
// type.
func TestEveryAnswerMayBeWrittenOtherwise(t *testing.T) {
	t.Parallel()
	asStrings := func(v any) any {
		if n, ok := v.(json.Number); ok {
			return n.String()
		}
		return v
	}
	for _, e := range endpoints {
		answer := readWire(t, e.file).fill(wireWords).answer
		more := strings.TrimSuffix(answer, "}") + `,"new":{"deep":[1,null,{"x":true}]}}`
		for name, body := range map[string]string{
			"numbers as strings": writeJSON(t, every(readJSON(t, answer), asStrings)),
			"a byte order mark":  "\xef\xbb\xbf" + answer,
			"spaces around it":   "\r\n " + answer + "\n",
			"fields to come":     more,
		} {
			t.Run(e.file+" with "+name, func(t *testing.T) {
				t.Parallel()
				host := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
					_, _ = io.WriteString(w, body)
				})
				got, err := e.against(t, host.URL)
				e.must(t, got, err)
			})
		}
	}
}

func TestEveryCallHearsARefusal(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints {
		api := strings.TrimPrefix(pathOf(t, e.file), "/")
		for _, tc := range []struct {
			name, body string
			class      wechat.Class
			code       int
		}{
			{"as a number", refusal(48001, "api unauthorized "+token+" "+openid+" rid: 6949fe38-0627ff0d-47df91c7"), wechat.ClassConfig, 48001},
			{"as a string", `{"errcode":"45011","errmsg":"api minute-quota reach limit, rid: 6949fe38-0627ff0d-47df91c7"}`, wechat.ClassRetry, 45011},
			{"that nobody knows", refusal(987654, secret), wechat.ClassFault, 987654},
		} {
			t.Run(e.file+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				host := serve(t, says(tc.body))
				_, err := e.against(t, host.URL)
				x := want(t, err, tc.class)
				if x.Code != tc.code || x.API != api || strings.Contains(x.Error(), openid) || host.calls() != 1 {
					t.Errorf("got %v after %d requests", x, host.calls())
				}
			})
		}
	}
}

// pathOf is the path that a file records.
func pathOf(t testing.TB, file string) string {
	t.Helper()
	path, _, _ := strings.Cut(readWire(t, file).target, "?")
	return path
}

func TestNoCallTakesNonsense(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints {
		if e.class != "" {
			continue
		}
		answer := readWire(t, e.file).fill(wireWords).answer
		for name, body := range map[string]string{
			"nothing":           "",
			"a page":            "<html>" + token + "</html>",
			"an array":          "[" + answer + "]",
			"null":              "null",
			"half of it":        answer[:len(answer)/2],
			"it twice":          answer + answer,
			"a strange errcode": strings.TrimSuffix(answer, "}") + `,"errcode":"zero"}`,
			"more than 1 MiB":   answer + strings.Repeat(" ", 1<<20),
		} {
			t.Run(e.file+" from "+name, func(t *testing.T) {
				t.Parallel()
				host := serve(t, says(body))
				_, err := e.against(t, host.URL)
				want(t, err, wechat.ClassFault)
				if n := host.calls(); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// Whatever one value of an answer is: either the call takes it, or it is a fault.
func TestNoCallTakesAnAnswerWithOneWrongValue(t *testing.T) {
	t.Parallel()
	var now string
	c := newClient(t, wechat.Config{HTTP: plays(&now)})
	for _, e := range endpoints {
		if e.class != "" {
			continue
		}
		answer := readJSON(t, readWire(t, e.file).fill(wireWords).answer)
		for _, value := range []any{nil, "", "a b\n", -1, json.Number("1e999"), true, []any{}, map[string]any{}, strings.Repeat("x", 5000)} {
			for _, v := range leaves(answer, func(any) any { return value }) {
				if now = writeJSON(t, v); now == "{}" && e.want == nil {
					continue // is as good as errcode 0
				}
				_, err := e.call(t.Context(), c, bearer)
				x := check(t, err)
				if x == nil {
					continue
				}
				if x.Code == -1 && reflect.DeepEqual(value, -1) {
					continue // says that WeChat is busy
				}
				if x.Class != wechat.ClassFault || x.Hint == "" {
					t.Errorf("%s: %s\ngot %v", e.file, now, x)
				}
			}
		}
	}
}

// A call without a usable token, or with something that can't be an account's, costs
// no request.
func TestNoCallIsMadeWithoutAToken(t *testing.T) {
	t.Parallel()
	host := serve(t, says("{}"))
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
	for _, e := range endpoints {
		if !strings.Contains(readWire(t, e.file).target, "{access_token}") {
			continue
		}
		for _, as := range []wechat.Bearer{{}, {AppID: appID}, {AppID: appID, Token: "a b"}, {AppID: "wx&a=b", Token: token}} {
			_, err := e.call(t.Context(), c, as)
			want(t, err, wechat.ClassFault)
		}
	}
	if n := host.calls(); n != 0 {
		t.Errorf("%d requests", n)
	}
}
