package caddymodule

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestAPI_limits holds the documents to what the API can't do.
func TestAPI_limits(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	d := theDocument(t)
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	t.Run("moves are listed without pages", func(t *testing.T) {
		t.Parallel()
		row := regexp.MustCompile("(?m)^\\| `GET rebinds.*$").FindString(string(text))
		for where, says := range map[string]string{"api.md": row, "OpenAPI": d.Paths[realmPath+"rebinds"]["get"].Description} {
			for _, want := range []string{"earliest due first", fmt.Sprint(maxPage), "no pages"} {
				if !strings.Contains(says, want) {
					t.Errorf("%s doesn't say %q: %s", where, want, says)
				}
			}
		}
	})
	t.Run("the evidence of an erasure stays, and both documents say so", func(t *testing.T) {
		t.Parallel()
		g := startAPI(t)
		key := g.apiKey(t, "main", allScopes)
		g.member(t, "ming", "m1")
		g.ask(t, key, "POST", "main/users/m1/block", body("evidence", "goes")).want(t, 204)
		g.ask(t, key, "DELETE", "main/users/m1", body("evidence", "stays")).want(t, 204)
		a := g.ask(t, key, "GET", "main/audit?limit=1000", "").want(t, 200)
		if strings.Contains(a.Body, `"evidence":"goes"`) || !strings.Contains(a.Body, `"evidence":"stays"`) {
			t.Errorf("the audit holds %s", a.Body)
		}
		for where, says := range map[string]string{"api.md": string(text), "OpenAPI": d.Paths[realmPath+"users/{id}"]["delete"].Description} {
			if says = words(says); !strings.Contains(says, "must name nobody") || !strings.Contains(says, "for good") {
				t.Errorf("%s doesn't say that it must name nobody", where)
			}
		}
	})
}
