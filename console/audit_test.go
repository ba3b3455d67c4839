package console_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	k := start(t)
	root := k.staff(t, "root", console.Administrator)
	t.Run("who did what to whom is shown, filtered and paged", func(t *testing.T) {
		root.get("/audit/main").says(t, "blocked", `href="/journal?staff=li"`, "API key 1", "actor=key", "openid (erased)", "before=2", "hasn&#39;t been looked at", "not", "no records")
		root.get("/audit/main?user=u2&actor=key:1&op=bind&before=2&from=2027-01-15T16:00&to=2027-01-16T16:00").says(t, "(erased)", `value="u2"`)
		if last, _ := k.did.told(); last != "records u2 key:1 bind 2 2027-01-15T08:00:00Z" {
			t.Errorf("asked for was %s", last)
		}
	})
	t.Run("the table has all pages, and no formula or whole openid", func(t *testing.T) {
		a := root.get("/audit/main/records.csv?user=u2&before=1")
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.body, "\ufeff"))).ReadAll()
		if err != nil || len(rows) != 4 || rows[3][0] != "1" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") {
			t.Fatalf("the table is %v %v %s", rows, err, a.body)
		}
		for _, row := range rows {
			for _, cell := range row {
				if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@") || strings.Contains(cell, openID) {
					t.Errorf("a cell is %q", cell)
				}
			}
		}
	})
	head := strings.Repeat("08", 32)
	for sentence, x := range map[string]struct {
		head, want string
		broken, ok bool
	}{
		"a chain that holds":                        {"", "2000 records hold together", false, true},
		"a chain with the head that was kept in it": {head, "the head that you have kept is record 1500", false, true},
		"a chain that was cut off":                  {strings.Repeat("07", 32), "the end of the record was cut off", false, false},
		"a chain that is broken":                    {"", "The chain is broken: record 1001 is missing", true, false},
	} {
		t.Run(sentence+" is seen, told line by line, and noted", func(t *testing.T) {
			k.did.broken = x.broken
			a := root.post("/audit/main/verify", "head", x.head)
			style := map[bool]string{true: `class="done"`, false: `class="wrong"`}[x.ok]
			a.says(t, x.want, style)
			root.header.Set("Accept", "application/x-ndjson")
			a = root.post("/audit/main/verify", "head", x.head)
			root.header.Del("Accept")
			lines := strings.Split(strings.TrimSpace(a.body), "\n")
			var first struct{ Done int64 }
			var last struct {
				OK   bool
				Text string
			}
			if json.Unmarshal([]byte(lines[0]), &first) != nil || first.Done != 1000 || json.Unmarshal([]byte(lines[len(lines)-1]), &last) != nil || last.OK != x.ok || !strings.Contains(last.Text, x.want) {
				t.Errorf("line by line it says %s", a.body)
			}
			entries := root.get("/journal?what=audit_verify")
			entries.says(t, x.want)
			if x.ok {
				entries.says(t, "done: ")
			}
		})
	}
	t.Run("a head that is none is refused", func(t *testing.T) {
		for _, head := range []string{"x", "00", strings.Repeat("0", 66)} {
			if a := root.post("/audit/main/verify", "head", head); a.status != http.StatusBadRequest {
				t.Errorf("%q is answered %d", head, a.status)
			}
		}
	})
}

func TestJournal_filters(t *testing.T) {
	t.Parallel()
	k := start(t)
	root, li := k.staff(t, "root", console.Administrator), k.staff(t, "li", console.Operator)
	li.post("/events/main/lines/orders/replay")
	li.post("/quota/wx01/resume")
	root.post("/quota/wx01/resume")
	for path, want := range map[string]int{"?staff=li": 3, "?staff=li&what=event_replay": 1, "?what=message_resume": 2, "?what=merchant_add": 0} {
		if got := strings.Count(root.get("/journal"+path).body, `data-label="Time">`); got != want {
			t.Errorf("%s has %d entries, want %d", path, got, want)
		}
	}
	root.get("/journal?staff=li").says(t, `<option selected>li</option>`)
}
