package wechatsim

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestDocs holds docs/simulator.md to the tables in the code. After a change of
// those, paste what it prints.
func TestDocs(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	sim := New(DefaultOptions())
	defer sim.Close()
	for name, table := range map[string]string{"faults": faultTable(), "control API": controlTable(), "paths": sim.endpointTable()} {
		if !strings.Contains(text, "\n"+table+"\n") {
			t.Errorf("docs/simulator.md lacks this table of the %s:\n%s", name, table)
		}
	}
	var settings map[string]any
	j, _ := json.Marshal(Settings{})
	if err := json.Unmarshal(j, &settings); err != nil {
		t.Fatal(err)
	}
	for name := range settings {
		if !strings.Contains(text, "\n| `"+name+"` | ") {
			t.Errorf("docs/simulator.md doesn't explain the setting %s", name)
		}
	}
	rows := len(Faults) + len(routes) + len(settings) + len(sim.api) + len(pagePaths)
	if got := strings.Count(text, "\n| `"); got != rows {
		t.Errorf("docs/simulator.md has %d rows, the tables %d", got, rows)
	}
	for _, f := range Faults {
		if !strings.Contains(FaultHelp(), f.Name) || len(f.paths) == 0 || f.What == "" || f.Lesson == "" {
			t.Errorf("fault %+v is half done", f)
		}
	}
}
