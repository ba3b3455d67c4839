package wechatsim

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wire is an exchange as WeChat documents it or as somebody saw it. The client's
// tests play the same files from the other side.
type wire struct{ source, law, given, request, answer string }

// readWire reads a file of testdata/wire: lines of "name: value", and comments. An
// unknown name is fatal, so that a misspelt one can't pass.
func readWire(t *testing.T, file string) wire {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var w wire
	fields := map[string]*string{"source": &w.source, "law": &w.law, "given": &w.given, "request": &w.request, "answer": &w.answer}
	for n, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		if fields[name] == nil || value == "" || *fields[name] != "" {
			t.Fatalf("%s:%d: %q", file, n+1, line)
		}
		*fields[name] = value
	}
	if w.source == "" || w.law == "" || w.request == "" || w.answer == "" {
		t.Fatalf("%s lacks a line: %+v", file, w)
	}
	return w
}

// fill puts what the given line asks for into the request.
func (w wire) fill(t *testing.T, s *Server) string {
	t.Helper()
	values := []string{"{appid}", appA, "{secret}", secret}
	what, scope, _ := strings.Cut(strings.TrimPrefix(w.given, "used "), " ")
	if what != "" {
		code := codeOf(t, s, "ming", appA, scope)
		values = append(values, "{code}", code)
		if what == "token" || strings.HasPrefix(w.given, "used ") {
			for name, value := range exchange(t, s, appA, code) {
				values = append(values, "{"+name+"}", fmt.Sprint(value))
			}
		}
	}
	return strings.NewReplacer(values...).Replace(w.request)
}

func TestWire(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/wire/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			w := readWire(t, file)
			method, path, _ := strings.Cut(w.fill(t, s), " ")
			p := send(t, request(t, method, s.URL+path, nil))
			got, want := decode(t, p.body), decode(t, w.answer)
			for name, value := range want {
				if !alike(name, got[name], value) {
					t.Errorf("%s is %v, WeChat's is %v", name, got[name], value)
				}
			}
			for name := range got {
				if _, ok := want[name]; !ok && !strings.HasPrefix(name, "wechatsim_") && name != "language" {
					t.Errorf("%s is not in WeChat's answer", name)
				}
			}
		})
	}
}

// alike compares a field's type, and its value where that isn't drawn by lot.
func alike(name string, got, want any) bool {
	if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
		return false
	}
	switch name {
	case "access_token", "refresh_token", "openid", "unionid", "headimgurl":
		return got != ""
	case "errmsg":
		return strings.HasPrefix(got.(string), want.(string))
	}
	return fmt.Sprint(got) == fmt.Sprint(want)
}
