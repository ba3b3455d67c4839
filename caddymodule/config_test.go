package caddymodule

import (
	"bytes"
	"encoding/json"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// ourConfigs are our parts of a JSON config, each below the name of its module.
func ourConfigs(t testing.TB, config string) map[string][]json.RawMessage {
	t.Helper()
	found := map[string][]json.RawMessage{}
	var walk func(raw json.RawMessage)
	walk = func(raw json.RawMessage) {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil {
			for _, item := range list {
				walk(item)
			}
			return
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return
		}
		for key, value := range object {
			switch {
			case key == "apps":
				var apps map[string]json.RawMessage
				_ = json.Unmarshal(value, &apps)
				if app := apps["wsite"]; app != nil {
					found["wsite"] = append(found["wsite"], app)
				}
				walk(apps["http"])
				continue
			case key == "match":
				var sets []map[string]json.RawMessage
				_ = json.Unmarshal(value, &sets)
				for _, set := range sets {
					if m := set["wsite"]; m != nil {
						found["http.matchers.wsite"] = append(found["http.matchers.wsite"], m)
					}
				}
			case key == "encoder":
				found["caddy.logging.encoders.wsite"] = append(found["caddy.logging.encoders.wsite"], withoutKey(value, "format", "wsite")...)
			case key == "dynamic_upstreams":
				found["http.reverse_proxy.upstreams.wsite"] = append(found["http.reverse_proxy.upstreams.wsite"], withoutKey(value, "source", "wsite")...)
			}
			walk(value)
		}
	}
	walk(json.RawMessage(config))
	return found
}

// withoutKey is an object without the key that names its module; nothing if it
// names another one.
func withoutKey(raw json.RawMessage, key, module string) []json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || string(object[key]) != strconv.Quote(module) {
		return nil
	}
	delete(object, key)
	plain, _ := json.Marshal(object)
	return []json.RawMessage{plain}
}

// configTypes are what Caddy decodes our parts of a config into.
var configTypes = map[string]func() any{
	"wsite":                              func() any { return new(App) },
	"http.handlers.wsite":                func() any { return new(Handler) },
	"http.matchers.wsite":                func() any { return new(MatchVisitor) },
	"http.reverse_proxy.upstreams.wsite": func() any { return new(Upstreams) },
	"caddy.logging.encoders.wsite":       func() any { return new(LogEncoder) },
}

func TestConfig_roundTrip(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, file := range adaptFiles(t) {
		if file.wrong {
			continue
		}
		for module, parts := range ourConfigs(t, file.want) {
			seen[module] += len(parts)
			for _, part := range parts {
				value := configTypes[module]()
				strict := json.NewDecoder(bytes.NewReader(part))
				strict.DisallowUnknownFields()
				if err := strict.Decode(value); err != nil {
					t.Errorf("%s: %s: %v", file.name, module, err)
				}
				again, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				want := part
				if module != "wsite" { // Caddy's adapter has sorted the keys of handlers and the like
					want, again = sortedKeys(t, want), sortedKeys(t, again)
				}
				if want, got := compact(t, want), compact(t, again); want != got {
					t.Errorf("%s: %s\n%s became\n%s", file.name, module, want, got)
				}
			}
		}
	}
	for module := range configTypes {
		if seen[module] == 0 && module != "http.handlers.wsite" { // which has no fields
			t.Errorf("no golden file has a %s", module)
		}
	}
}

func sortedKeys(t testing.TB, raw []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func compact(t testing.TB, raw []byte) string {
	t.Helper()
	var plain bytes.Buffer
	if err := json.Compact(&plain, raw); err != nil {
		t.Fatal(err)
	}
	return plain.String()
}

// jsonKeys are the keys of a config type, nested ones behind dots, each with
// whether it holds others.
func jsonKeys(kind reflect.Type, prefix string, into map[string]bool) {
	for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct {
		return
	}
	for i := range kind.NumField() {
		field := kind.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			jsonKeys(field.Type, prefix, into)
		case field.IsExported() && name != "-" && name != "":
			into[prefix+name] = true
			jsonKeys(field.Type, prefix+name+".", into)
		}
	}
}

// keysOf are the keys that stand in a JSON object, nested ones behind dots.
func keysOf(raw json.RawMessage, prefix string, into map[string]bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, item := range list {
			keysOf(item, prefix, into)
		}
		return
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return
	}
	for key, value := range object {
		into[prefix+key] = true
		keysOf(value, prefix+key+".", into)
	}
}

func TestConfig_everyKey(t *testing.T) {
	t.Parallel()
	inGoldens := map[string]map[string]bool{}
	for _, file := range adaptFiles(t) {
		for module, parts := range ourConfigs(t, file.want) {
			if inGoldens[module] == nil {
				inGoldens[module] = map[string]bool{}
			}
			for _, part := range parts {
				keysOf(part, "", inGoldens[module])
			}
		}
	}
	spans := codeSpans(t, "../docs/configuration.md")
	count := 0
	for module, value := range configTypes {
		keys := map[string]bool{}
		jsonKeys(reflect.TypeOf(value()), "", keys)
		count += len(keys)
		for key := range keys {
			if !inGoldens[module][key] {
				t.Errorf("%s: the key %q is in no golden file", module, key)
			}
			if last := key[strings.LastIndex(key, ".")+1:]; !spans[last] {
				t.Errorf("%s: docs/configuration.md doesn't know the key `%s`", module, last)
			}
		}
	}
	if count < 40 {
		t.Errorf("only %d keys were found", count)
	}
}

// codeSpans are the texts in backticks of a Markdown file, outside of its blocks.
func codeSpans(t testing.TB, path string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spans := map[string]bool{}
	prose := regexp.MustCompile("(?s)\n```.*?\n```").ReplaceAllString(string(text), "")
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(prose, -1) {
		spans[m[1]] = true
	}
	return spans
}

// grammar is what the source says of a block: the words that it reads, and those
// in the picture behind "Syntax:".
type grammar struct{ read, drawn []string }

// grammars reads the grammar of each function of this folder that has one.
func grammars(t testing.TB) map[string]*grammar {
	t.Helper()
	found := map[string]*grammar{}
	at := func(name string) *grammar {
		if name == "caddyfile_words.go globalWords" {
			name = "caddyfile.go parseGlobal"
		}
		if found[name] == nil {
			found[name] = new(grammar)
		}
		return found[name]
	}
	for _, file := range []string{"caddyfile.go", "caddyfile_words.go", "matcher.go", "upstreams.go"} {
		parsed, err := goparser.ParseFile(token.NewFileSet(), file, nil, goparser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if _, picture, drawn := strings.Cut(fn.Doc.Text(), "Syntax:\n"); drawn {
				at(file + " " + fn.Name.Name).drawn = drawnWords(picture)
			}
			ast.Inspect(fn, func(node ast.Node) bool {
				list, ok := node.(*ast.CompositeLit)
				if kind, named := listType(list); !ok || !named || kind != "words" {
					return true
				}
				for _, pair := range list.Elts {
					word, _ := strconv.Unquote(pair.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
					at(file + " " + fn.Name.Name).read = append(at(file+" "+fn.Name.Name).read, word)
				}
				return true
			})
		}
	}
	return found
}

func listType(list *ast.CompositeLit) (string, bool) {
	if list == nil {
		return "", false
	}
	name, ok := list.Type.(*ast.Ident)
	if !ok {
		return "", false
	}
	return name.Name, true
}

// drawnWords are the first words of the lines inside the picture's block.
func drawnWords(picture string) []string {
	var drawn []string
	_, block, _ := strings.Cut(picture, "{\n")
	for line := range strings.Lines(block) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "}" {
			break
		}
		drawn = append(drawn, fields[0])
	}
	return drawn
}

func TestConfig_everyWord(t *testing.T) {
	t.Parallel()
	var goldens strings.Builder
	for _, file := range adaptFiles(t) {
		if !file.wrong {
			goldens.WriteString(file.caddyfile + "\n")
		}
	}
	spans := codeSpans(t, "../docs/configuration.md")
	count := 0
	for name, g := range grammars(t) {
		if strings.Join(g.read, " ") != strings.Join(g.drawn, " ") {
			t.Errorf("%s reads the words\n%s\nand its comment shows\n%s", name, strings.Join(g.read, " "), strings.Join(g.drawn, " "))
		}
		for _, word := range g.read {
			count++
			if !regexp.MustCompile(`(?m)^\s*` + word + `( |$)`).MatchString(goldens.String()) {
				t.Errorf("%s: the word %q is in no golden file", name, word)
			}
			documented := false
			for span := range spans {
				first, _, _ := strings.Cut(span, " ")
				documented = documented || first == word
			}
			if !documented {
				t.Errorf("%s: docs/configuration.md doesn't know the word `%s`", name, word)
			}
		}
	}
	if count < 35 {
		t.Errorf("only %d words were found", count)
	}
}

// TestConfig_everyPlaceholder compares what the comment of Handler promises with
// docs/configuration.md and with what is set.
func TestConfig_everyPlaceholder(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("handler.go")
	if err != nil {
		t.Fatal(err)
	}
	spans := codeSpans(t, "../docs/configuration.md")
	names := regexp.MustCompile("(?m)^// `([^`]+)` \\|").FindAllStringSubmatch(string(source), -1)
	if len(names) < 10 {
		t.Fatalf("the comment of Handler has %d placeholders", len(names))
	}
	g := startGateway(t, "reverse_proxy UPSTREAM", `respond "`+placeholderList(names)+`"`)
	page := g.phone("ming").open(g.at(appA, "shop", "/a/b?c=d"))
	for _, name := range names {
		if !spans[name[1]] {
			t.Errorf("docs/configuration.md doesn't know the placeholder %s", name[1])
		}
		if strings.Contains(page.Body, name[1]+"=;") {
			t.Errorf("the placeholder %s is not set", name[1])
		}
	}
	for _, want := range []string{"appid=" + appA, "ptid=shop", "realm=main", "base=/wsite/" + appA + "/shop;", "rest=/a/b;", "policy=login", "kind=virtual", "linked=false"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the placeholders are %s, want %s among them", page.Body, want)
		}
	}
}

// placeholderList is a text that shows the values of placeholders by their names.
func placeholderList(names [][]string) string {
	var list strings.Builder
	for _, name := range names {
		list.WriteString(strings.TrimPrefix(strings.Trim(name[1], "{}"), "http.wsite.") + "=" + name[1] + "; ")
	}
	return list.String()
}
