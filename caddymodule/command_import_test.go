package caddymodule

import (
	"os"
	"testing"
)

func TestCommand_importConflicts(t *testing.T) {
	d := newDesk(t)
	_, _ = d.run(t, "import", "--realm", "main", d.path("fans.csv"))
	list, err := os.ReadFile(d.path("fans.csv.conflicts.jsonl"))
	if err != nil || len(list) == 0 {
		t.Fatalf("the conflicts are %q, %v", list, err)
	}
	t.Run("a dry run has a list of its own, beside that of the run that counted", func(t *testing.T) {
		d.write("fans.csv", "appid,openid,unionid,user\n"+appA+",oPersonTen,0,member-10\n")
		if _, err := d.run(t, "import", "--realm", "main", "--dry-run", d.path("fans.csv")); err == nil || err.Error() != "exiting with status 2" {
			t.Errorf("it exits with %v", err)
		}
		if after, err := os.ReadFile(d.path("fans.csv.conflicts.jsonl")); err != nil || string(after) != string(list) {
			t.Errorf("the list of the run that counted is %q, %v", after, err)
		}
		if info, err := os.Stat(d.path("fans.csv.dry-run.jsonl")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("that of the dry run: %v, %v", info, err)
		}
	})
}
