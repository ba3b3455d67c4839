package wechatsim

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAccountWire plays the recorded calls in an account's name. A recorded answer
// and ours have the same fields of the same types.
func TestAccountWire(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/account/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			s := start(t, func(o *Options) { o.People = []Person{{Name: "fan", Follows: []string{appA}}, {Name: "stranger"}} })
			said := readAccountWire(t, file)
			method, path, _ := strings.Cut(fillAccountWire(t, s, said["request"]), " ")
			req, err := http.NewRequest(method, s.URL+path, strings.NewReader(fillAccountWire(t, s, said["body"])))
			if err != nil {
				t.Fatal(err)
			}
			got := decode(t, send(t, req).body)
			for name := range got {
				if strings.HasPrefix(name, "wechatsim_") {
					delete(got, name)
				}
			}
			compareShape(t, "answer", got, decode(t, said["answer"]))
		})
	}
}

func readAccountWire(t *testing.T, file string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{"body": ""}
	for n, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case strings.HasPrefix(line, "#"):
		case !ok || !strings.Contains("source law request body answer", name):
			t.Fatalf("%s:%d: %q", file, n+1, line)
		default:
			said[name] = value
		}
	}
	if len(said) != 5 {
		t.Fatalf("%s lacks a line: %v", file, said)
	}
	return said
}

// fillAccountWire puts our ids and tokens into a request.
func fillAccountWire(t *testing.T, s *Server, text string) string {
	t.Helper()
	for name, value := range map[string]func() string{
		"appid": func() string { return appA }, "secret": func() string { return secret },
		"token": func() string { return tokenOf(t, s, appA) }, "minitoken": func() string { return tokenOf(t, s, appMini) },
		"fan": func() string { return s.OpenID("fan", appA) }, "stranger": func() string { return s.OpenID("stranger", appA) },
		"phonecode": func() string { return s.MiniPhone("fan", appMini) },
	} {
		if strings.Contains(text, "{"+name+"}") {
			text = strings.ReplaceAll(text, "{"+name+"}", value())
		}
	}
	return text
}

// compareShape compares fields and their types, and the values of those that aren't
// drawn by lot.
func compareShape(t *testing.T, at string, got, want any) {
	t.Helper()
	name := at[strings.LastIndex(at, ".")+1:]
	if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) && name != "countryCode" {
		t.Errorf("%s is %v, WeChat's is %v", at, got, want)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		mine := got.(map[string]any)
		for field, value := range want {
			compareShape(t, at+"."+field, mine[field], value)
		}
		for field := range mine {
			if _, ok := want[field]; !ok {
				t.Errorf("%s.%s is not in WeChat's answer", at, field)
			}
		}
	case []any:
		if mine := got.([]any); len(want) > 0 && len(mine) > 0 {
			compareShape(t, at+".0", mine[0], want[0])
		}
	default:
		fixed := strings.Contains(" errcode expires_in subscribe nickname headimgurl total count countryCode ", " "+name+" ")
		if fixed && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, WeChat's is %v", at, got, want)
		}
		if name == "errmsg" && !strings.HasPrefix(fmt.Sprint(got), fmt.Sprint(want)) {
			t.Errorf("%s is %v, WeChat's is %v", at, got, want)
		}
	}
}
