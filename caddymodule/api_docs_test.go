package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// schema is what we use of JSON Schema in the document.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Format     string            `json:"format"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
	OneOf      []schema          `json:"oneOf"`
	Enum       []string          `json:"enum"`
	Values     json.RawMessage   `json:"additionalProperties"` // a schema, or false
	Minimum    int               `json:"minimum"`
	Maximum    int               `json:"maximum"`
}

type media map[string]struct{ Schema schema }

type operation struct {
	OperationID string
	Description string
	Parameters  []struct {
		Ref      string `json:"$ref"`
		Name, In string
		Schema   schema
	}
	RequestBody struct{ Content media }
	Responses   map[string]struct {
		Ref     string `json:"$ref"`
		Content media
	}
	Security []map[string][]string
}

type document struct {
	Paths      map[string]map[string]operation
	Components struct {
		Schemas   map[string]schema
		Responses map[string]struct{ Content media }
	}
}

func theDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(openAPI, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// resolve follows a reference to a schema, and notes that it is used.
func (d document) resolve(t *testing.T, s schema, used map[string]bool) schema {
	t.Helper()
	if s.Ref == "" {
		return s
	}
	name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	found, ok := d.Components.Schemas[name]
	if !ok {
		t.Errorf("there is no schema %s", s.Ref)
	}
	used[name] = true
	return found
}

// compare holds a schema to a Go type, field by field.
func (d document) compare(t *testing.T, at string, s schema, kind reflect.Type, input bool, used map[string]bool) {
	t.Helper()
	if kind.Kind() == reflect.Pointer { // null where there is nothing
		if len(s.OneOf) != 2 || s.OneOf[1].Type != "null" {
			t.Errorf("%s may be null, and the document doesn't say so", at)
			return
		}
		s, kind = s.OneOf[0], kind.Elem()
	}
	s = d.resolve(t, s, used)
	switch {
	case kind == reflect.TypeFor[time.Time]():
		if s.Type != "string" || s.Format != "date-time" {
			t.Errorf("%s is a moment, and in the document %+v", at, s)
		}
		return
	case kind == reflect.TypeFor[json.RawMessage]():
		if s.Type != "object" {
			t.Errorf("%s is an object, and in the document %+v", at, s)
		}
		return
	case kind.Kind() == reflect.Map:
		var values schema
		if err := json.Unmarshal(s.Values, &values); err != nil || s.Type != "object" {
			t.Errorf("%s is an object of values, and in the document %+v", at, s)
			return
		}
		d.compare(t, at+".*", values, kind.Elem(), input, used)
		return
	case kind.Kind() == reflect.Slice:
		if s.Type != "array" || s.Items == nil {
			t.Errorf("%s is a list, and in the document %+v", at, s)
			return
		}
		d.compare(t, at+"[]", *s.Items, kind.Elem(), input, used)
		return
	case kind.Kind() != reflect.Struct:
		want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer"}[kind.Kind()]
		if s.Type != want {
			t.Errorf("%s is a %s, and in the document %q", at, want, s.Type)
		}
		return
	}
	if input && string(s.Values) != "false" && kind != reflect.TypeFor[openidIn]() {
		t.Errorf("%s takes no other fields, and the document doesn't say so", at)
	}
	d.compareFields(t, at, s, kind, input, used)
}

// compareFields holds the properties of a schema to the fields of a struct.
func (d document) compareFields(t *testing.T, at string, s schema, kind reflect.Type, input bool, used map[string]bool) {
	t.Helper()
	fields := map[string]bool{}
	for i := range kind.NumField() {
		name, options, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		fields[name] = true
		property, ok := s.Properties[name]
		if !ok {
			t.Errorf("%s.%s is not in the document", at, name)
			continue
		}
		if required := !strings.HasPrefix(options, "omit"); required != slices.Contains(s.Required, name) {
			t.Errorf("%s.%s: always there %v, and in the document %v", at, name, required, !required)
		}
		d.compare(t, at+"."+name, property, kind.Field(i).Type, input, used)
	}
	for name := range s.Properties {
		if !fields[name] {
			t.Errorf("%s.%s is in the document only", at, name)
		}
	}
}

func TestOpenAPI_endpoints(t *testing.T) {
	t.Parallel()
	d := theDocument(t)
	used := map[string]bool{"problem": true}
	routes := map[string]bool{"get /openapi.json": true, "get " + imagePath: true, "get " + recipientTablePath: true, "get " + passPath + "{path}": true, "post " + passPath + "{path}": true}
	for _, name := range wellKnown {
		routes["get /wsite/-/"+name] = true
	}
	for _, e := range endpoints {
		at := strings.ToLower(e.method) + " " + e.pattern()
		routes[at] = true
		op, ok := d.Paths[e.pattern()][strings.ToLower(e.method)]
		if !ok || op.OperationID != e.id {
			t.Errorf("%s is not in the document, or not called %s", at, e.id)
			continue
		}
		var scopes []identity.Scope
		for _, s := range op.Security {
			for _, scope := range s["key"] {
				scopes = append(scopes, identity.Scope(scope))
			}
		}
		if !slices.Equal(scopes, e.scopes) || !strings.Contains(op.Description, "`"+string(e.scopes[0])+"`") {
			t.Errorf("%s needs one of %v, and in the document %v", at, e.scopes, scopes)
		}
		d.compareParameters(t, at, e, op)
		if e.method != "GET" {
			body, ok := op.RequestBody.Content["application/json"]
			if !ok {
				t.Errorf("%s has no body in the document", at)
			}
			d.compare(t, at+" takes", body.Schema, e.in, true, used)
		}
		answer, ok := op.Responses[strconv.Itoa(e.status)]
		if !ok || len(op.Responses) != 2 || op.Responses["default"].Ref != "#/components/responses/problem" {
			t.Errorf("%s answers %d or a problem, and in the document %v", at, e.status, slices.Collect(maps.Keys(op.Responses)))
		}
		if e.out == reflect.TypeFor[none]() {
			if len(answer.Content) > 0 || e.status != 204 {
				t.Errorf("%s answers nothing, and in the document %+v", at, answer)
			}
			continue
		}
		d.compare(t, at+" gives", answer.Content["application/json"].Schema, e.out, false, used)
	}
	for path, methods := range d.Paths {
		for method := range methods {
			if !routes[method+" "+path] {
				t.Errorf("%s %s is in the document only", method, path)
			}
		}
	}
	d.compare(t, "problem", d.Components.Responses["problem"].Content["application/problem+json"].Schema, reflect.TypeFor[problem](), false, used)
	for name := range d.Components.Schemas {
		if !used[name] {
			t.Errorf("nothing uses the schema %s", name)
		}
	}
}

// compareParameters holds what stands in the address and the header to the route.
func (d document) compareParameters(t *testing.T, at string, e *endpoint, op operation) {
	t.Helper()
	var want []string
	if strings.HasPrefix(e.pattern(), realmPath) {
		want = append(want, "#/components/parameters/realm")
	}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(e.path, -1) {
		want = append(want, "path "+m[1])
	}
	if e.method == "GET" && e.in != reflect.TypeFor[none]() {
		for i := range e.in.NumField() {
			name, _, _ := strings.Cut(e.in.Field(i).Tag.Get("json"), ",")
			want = append(want, "query "+name)
		}
	}
	if e.changes {
		want = append(want, "#/components/parameters/idempotency")
	}
	var got []string
	for _, p := range op.Parameters {
		got = append(got, strings.TrimSpace(p.Ref+p.In+" "+p.Name))
		if p.Name == "limit" && (p.Schema.Type != "integer" || p.Schema.Maximum != maxPage || p.Schema.Minimum != 1) {
			t.Errorf("%s: the limit is %+v", at, p.Schema)
		}
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%s has the parameters %v, and in the document %v", at, want, got)
	}
}

// apiCodes are all codes that a problem can have, with their status.
func apiCodes() map[string]int {
	codes := map[string]int{}
	for c, text := range apiTexts {
		codes[string(c)] = text.status
	}
	for _, c := range identity.ConflictCodes() {
		p, _ := problemOf(&identity.Conflict{Code: c})
		codes[c] = p.Status
	}
	return codes
}

func TestOpenAPI_words(t *testing.T) {
	t.Parallel()
	d := theDocument(t)
	codes := slices.Collect(maps.Keys(apiCodes()))
	same(t, "code", codes, slices.Clone(d.Components.Schemas["problem"].Properties["code"].Enum))
	var types []string
	for _, e := range identity.EventTypes {
		types = append(types, string(e))
	}
	same(t, "event", types, slices.Clone(d.Components.Schemas["eventOut"].Properties["type"].Enum))
}

func TestDocs_api(t *testing.T) {
	t.Parallel()
	api := doc(t, "docs/api.md")
	t.Run("every code is there, with its status and a place to link to", func(t *testing.T) {
		t.Parallel()
		var names []string
		for c, status := range apiCodes() {
			names = append(names, c)
			if !strings.Contains(api, fmt.Sprintf("\n| `%s` | %d | <a id=\"%s\"></a>", c, status, c)) {
				t.Errorf("the code %s, with %d and an anchor, is not in the documents", c, status)
			}
		}
		same(t, "code", names, listed(t, api, "## Codes"))
	})
	t.Run("a refusal has words, and none of them is another's", func(t *testing.T) {
		t.Parallel()
		for c, text := range apiTexts {
			if _, taken := conflictStatus[string(c)]; taken || text.title == "" || text.advice == "" || slices.Contains(identity.ConflictCodes(), string(c)) {
				t.Errorf("the code %s is %+v", c, text)
			}
		}
	})
	t.Run("every endpoint is there, with its scopes", func(t *testing.T) {
		t.Parallel()
		rows := map[string][]string{}
		for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+ [^`?]+)[^`]*` \\| `(\\w+)` \\|").FindAllStringSubmatch(api, -1) {
			rows[m[1]] = append(rows[m[1]], m[2])
		}
		for _, e := range endpoints {
			var want []string
			for _, s := range e.scopes {
				want = append(want, string(s))
			}
			if got := rows[e.method+" "+e.path]; !slices.Equal(got, want) {
				t.Errorf("%s %s needs one of %v, and in the documents %v", e.method, e.path, want, got)
			}
			delete(rows, e.method+" "+e.path)
		}
		for row := range rows {
			t.Errorf("%s is in the documents only", row)
		}
	})
	t.Run("what it shows is what is answered", func(t *testing.T) {
		t.Parallel()
		shown := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(api, -1)
		answers := []any{new(bindOut), new(userOut), new(problem)}
		if len(shown) != len(answers) {
			t.Fatalf("there are %d answers in the documents", len(shown))
		}
		for i, answer := range answers {
			if err := decodeBody([]byte(shown[i][1]), answer); err != nil {
				_, cause := problemOf(err)
				t.Errorf("%s: %v, %v", shown[i][1], err, cause)
			}
			if again, _ := json.Marshal(answer); string(again) != strings.TrimSpace(shown[i][1]) {
				t.Errorf("the documents show\n%s\nand it would be\n%s", shown[i][1], again)
			}
		}
	})
	t.Run("every scope is there", func(t *testing.T) {
		t.Parallel()
		var scopes []string
		for _, s := range identity.Scopes {
			scopes = append(scopes, string(s))
		}
		same(t, "scope", scopes, listed(t, api, "## Keys"))
	})
}
