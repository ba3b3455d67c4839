package outbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// TestDocs holds docs/events.md to what is sent.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	// rows are the first words of the table's rows below a heading.
	rows := func(heading string) (words []string) {
		_, section, ok := strings.Cut(string(text), "\n"+heading+"\n")
		if !ok {
			t.Fatalf("there is no heading %q", heading)
		}
		if i := regexp.MustCompile(`\n##+ `).FindStringIndex(section); i != nil {
			section = section[:i[0]]
		}
		for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(section, -1) {
			words = append(words, m[1])
		}
		slices.Sort(words)
		return words
	}
	t.Run("every type is there", func(t *testing.T) {
		var types []string
		for _, kind := range identity.EventTypes {
			types = append(types, string(kind))
		}
		slices.Sort(types)
		if got := rows("## Types"); !slices.Equal(got, types) {
			t.Errorf("the document has the types %v, the code %v", got, types)
		}
	})
	t.Run("every field is there", func(t *testing.T) {
		var sent map[string]json.RawMessage
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_ = json.Unmarshal(body, &sent)
		}))
		defer server.Close()
		if err := webhook(t, server.URL, time.Now).Send(t.Context(), anEvent); err != nil {
			t.Fatal(err)
		}
		var data map[string]any
		if err := json.Unmarshal(sent["data"], &data); err != nil {
			t.Fatal(err)
		}
		if got, want := rows("### The envelope"), keys(sent); !slices.Equal(got, want) {
			t.Errorf("the document has the fields %v, the envelope %v", got, want)
		}
		if got, want := rows("### The data"), keys(data); !slices.Equal(got, want) {
			t.Errorf("the document has the fields %v, the data %v", got, want)
		}
	})
}

func keys[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
