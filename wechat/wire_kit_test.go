package wechat_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// wireFiles are exchanges as WeChat documents them or as somebody saw them. The
// contract tests play them to the simulator, too, so that it and the client can't
// agree on a mistake.
const wireFiles = "testdata/wire/"

// The session key of wechat-api.md §3.3, and what it makes of the empty text:
// openssl dgst -sha256 -mac HMAC -macopt key:… of an empty file.
const (
	sessionKey       = "tiihtNczf5v6AKRyjwEUhQ=="
	sessionSignature = "7154f9f8b4b76b92f541cbf0e37d48840fa06e5e42da92a6f80168a1516a4735"
)

// The words in braces of the recordings.
const (
	stranger      = "oABCD1StrangerStrangerStrang1"
	strangerUnion = "oUnionStrangerStrangerStrang1"
	foreign       = "oZZZZZForeignForeignForeignF1"
	oldOpenID     = "oOLD01OldOldOldOldOldOldOldO1"
	oldApp        = "wx00000000000000dd"
	miniApp       = "wx00000000000000ee"
	templateID    = "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY"
	rid           = "61725984-6126f6f9-040f19c4"
)

var wireWords = strings.NewReplacer(
	"{appid}", appID, "{secret}", secret, "{access_token}", token, "{token}", token, "{openid}", openid, "{unionid}", union,
	"{code}", code, "{phone_code}", code, "{stranger}", stranger, "{stranger_unionid}", strangerUnion, "{foreign}", foreign,
	"{old_openid}", oldOpenID, "{old_appid}", oldApp, "{mini_appid}", miniApp, "{template_id}", templateID, "{rid}", rid,
	"{signature}", sessionSignature, "{short_id}", "TM00015", "{industry}", "1", "{other_industry}", "4")

// recording is a file of testdata/wire: lines of "name: value", and comments.
type recording struct{ source, law, method, target, body, answer string }

// readWire reads a recording, with its words in braces as they are. An unknown name
// is fatal, so that a misspelt one can't pass.
func readWire(t testing.TB, name string) recording {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(wireFiles, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	var request string
	fields := map[string]*string{"source": &r.source, "law": &r.law, "request": &request, "body": &r.body, "answer": &r.answer}
	for n, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		if fields[name] == nil || value == "" || *fields[name] != "" {
			t.Fatalf("%s:%d: %q", name, n+1, line)
		}
		*fields[name] = value
	}
	r.method, r.target, _ = strings.Cut(request, " ")
	if r.source == "" || !strings.HasPrefix(r.law, "wechat-api.md §") || r.target == "" || r.answer == "" || (r.method == "POST") != (r.body != "") {
		t.Fatalf("%s lacks a line: %+v", name, r)
	}
	return r
}

// fill replaces the words in braces.
func (r recording) fill(words *strings.Replacer) recording {
	r.target, r.body, r.answer = words.Replace(r.target), words.Replace(r.body), words.Replace(r.answer)
	return r
}

// sameJSON compares two texts as JSON, numbers as they are written.
func sameJSON(t testing.TB, a, b string) bool {
	t.Helper()
	return reflect.DeepEqual(readJSON(t, a), readJSON(t, b))
}

func readJSON(t testing.TB, s string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, s)
	}
	return v
}

func writeJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// leaves gives every way to replace one value of a JSON value by what edit makes of
// it, if it makes something else.
func leaves(v any, edit func(any) any) []any {
	var all []any
	if to := edit(v); !reflect.DeepEqual(to, v) {
		all = append(all, to)
	}
	switch v := v.(type) {
	case map[string]any:
		for k, old := range v {
			for _, one := range leaves(old, edit) {
				next := map[string]any{}
				for k, v := range v {
					next[k] = v
				}
				next[k] = one
				all = append(all, next)
			}
		}
	case []any:
		for i, old := range v {
			for _, one := range leaves(old, edit) {
				next := append([]any{}, v...)
				next[i] = one
				all = append(all, next)
			}
		}
	}
	return all
}

// every replaces every value of a JSON value.
func every(v any, edit func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		next := map[string]any{}
		for k, old := range v {
			next[k] = every(old, edit)
		}
		return next
	case []any:
		next := make([]any, len(v))
		for i, old := range v {
			next[i] = every(old, edit)
		}
		return next
	}
	return edit(v)
}
