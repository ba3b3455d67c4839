package caddymodule

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// series are our metrics that a text names, each once.
func series(text string) (names []string) {
	for _, name := range regexp.MustCompile(`\bwsite_[a-z_]+`).FindAllString(text, -1) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// dashboard is as much of Grafana's form (version 38) as matters here.
type dashboard struct {
	Title         string `json:"title"`
	SchemaVersion int    `json:"schemaVersion"`
	Panels        []struct {
		ID      int    `json:"id"`
		Type    string `json:"type"`
		Title   string `json:"title"`
		GridPos struct{ H, W, X, Y int }
		Targets []struct {
			Expr  string `json:"expr"`
			RefID string `json:"refId"`
		} `json:"targets"`
	} `json:"panels"`
}

// TestDashboard compares with the list in operations.md, which TestDocs compares with what
// the registry has.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text := doc(t, "docs/grafana.json")
	var d dashboard
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.SchemaVersion < 38 {
		t.Errorf("it is %q in version %d", d.Title, d.SchemaVersion)
	}
	var shown []string
	ids, at := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: an id of its own and a title are needed", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := at[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("the panels %q and %q overlap, or leave the page", p.Title, other)
				}
				at[[2]int{x, y}] = p.Title
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			wantBalanced(t, target.Expr)
			if strings.Contains(target.Expr, "_total") && !strings.Contains(target.Expr, "rate(") && !strings.Contains(target.Expr, "increase(") {
				t.Errorf("panel %q shows a counter as it stands: %s", p.Title, target.Expr)
			}
			shown = append(shown, series(target.Expr)...)
		}
	}
	slices.Sort(shown)
	same(t, "metric", slices.Compact(shown), listed(t, doc(t, "docs/operations.md"), "## Metrics"))
}

// rules are those of Prometheus.
type rules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	decoder := yaml.NewDecoder(strings.NewReader(doc(t, "docs/alerts.yml")))
	decoder.KnownFields(true)
	var r rules
	if err := decoder.Decode(&r); err != nil {
		t.Fatal(err)
	}
	operations := doc(t, "docs/operations.md")
	metrics := listed(t, operations, "## Metrics")
	var names []string
	for _, group := range r.Groups {
		for _, rule := range group.Rules {
			names = append(names, rule.Alert)
			wantBalanced(t, rule.Expr)
			if !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) || rule.Annotations["summary"] == "" {
				t.Errorf("%s has the severity %q and says %q", rule.Alert, rule.Labels["severity"], rule.Annotations["summary"])
			}
			if len(series(rule.Expr)) == 0 {
				t.Errorf("%s looks at none of our metrics", rule.Alert)
			}
			for _, name := range series(rule.Expr) {
				if !slices.Contains(metrics, name) {
					t.Errorf("%s looks at %s, which isn't there", rule.Alert, name)
				}
			}
			for _, m := range regexp.MustCompile(`code=~?"([^"]+)"`).FindAllStringSubmatch(rule.Expr, -1) {
				for _, c := range strings.Split(m[1], "|") {
					if _, ok := refusals[code(c)]; !ok {
						t.Errorf("%s looks for the code %s, which isn't there", rule.Alert, c)
					}
				}
			}
			for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(rule.Annotations["summary"], -1) {
				if m[1] != "instance" && !regexp.MustCompile(`by \([^)]*\b`+m[1]+`\b`).MatchString(rule.Expr) {
					t.Errorf("%s speaks of the label %s, which its expression hasn't", rule.Alert, m[1])
				}
			}
		}
	}
	same(t, "alarm", names, listed(t, operations, "## What to alarm on"))
}

// wantBalanced fails if brackets or quotes of an expression aren't closed.
func wantBalanced(t *testing.T, expr string) {
	t.Helper()
	var open []rune
	closing := map[rune]rune{')': '(', ']': '[', '}': '{'}
	bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expr, "")
	for _, c := range bare {
		switch {
		case strings.ContainsRune("([{", c):
			open = append(open, c)
		case closing[c] != 0:
			if len(open) == 0 || open[len(open)-1] != closing[c] {
				t.Errorf("%q isn't balanced", expr)
				return
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 || strings.Contains(bare, `"`) {
		t.Errorf("%q isn't balanced", expr)
	}
}
