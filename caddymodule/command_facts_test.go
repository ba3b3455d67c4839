package caddymodule

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// offlineCaddyfile is the config of a gateway that needn't run.
const offlineCaddyfile = `{
	wsite {
		origin http://127.0.0.1:8080
		facts sqlite DATA/wsite.db
		account wx00000000000000aa {
			secret secret-of-a-0123456789abcdef
			subject acme
		}
		account wx00000000000000cc {
			secret secret-of-c-0123456789abcdef
		}
		realm main
		realm other
		site shop {
			realm main
			accounts wx00000000000000aa wx00000000000000cc
		}
		site club {
			realm other
			accounts wx00000000000000aa
		}
	}
}
`

const fans = `appid,openid,unionid,user
wx00000000000000aa,oPersonOne,uPersonOne,member-1
wx00000000000000aa,oPersonTwo,,member-2
wx00000000000000cc,oPersonThree,,member-3
wx00000000000000aa,oPersonOne,uPersonOne,member-4
`

// desk is a folder with a Caddyfile, where commands are typed. Their output is global,
// so none of its tests runs beside another.
type desk struct {
	t      testing.TB
	folder string
}

func newDesk(t testing.TB) *desk {
	d := &desk{t, t.TempDir()}
	d.write("Caddyfile", strings.ReplaceAll(offlineCaddyfile, "DATA", d.folder))
	d.write("fans.csv", fans)
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.folder, name) }

func (d *desk) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// run types a command, and returns what it printed.
func (d *desk) run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := commands(t)["wsite "+name]
	if err := cmd.ParseFlags(append(args, "--config", d.path("Caddyfile"))); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	stdout = &out
	defer func() { stdout = os.Stdout }()
	err := cmd.RunE(cmd, cmd.Flags().Args())
	return out.String(), err
}

// must is run where nothing may fail.
func (d *desk) must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := d.run(t, name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return out
}

// files are the files of the folder with their digests and modes.
func (d *desk) files(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(d.folder)
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, e := range entries {
		text, err := os.ReadFile(d.path(e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, _ := e.Info()
		fmt.Fprintf(&list, "%s %s %x\n", e.Name(), info.Mode(), sha256.Sum256(text))
	}
	return list.String()
}

func TestCommand_import(t *testing.T) {
	d := newDesk(t)
	conflicts := d.path("fans.csv.conflicts.jsonl")
	t.Run("a dry run tells what would be, and writes nothing, nor makes a database", func(t *testing.T) {
		before := d.files(t)
		out, err := d.run(t, "import", "--realm", "main", "--dry-run", d.path("fans.csv"))
		if err == nil || err.Error() != "exiting with status 2" {
			t.Errorf("it exits with %v", err)
		}
		for _, want := range []string{"a dry run", "4 rows", "2  linked", "1  hint", "1  not imported: unionid_taken", d.path("fans.csv.dry-run.jsonl")} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
		if err := os.Remove(d.path("fans.csv.dry-run.jsonl")); err != nil {
			t.Error(err)
		}
		if after := d.files(t); after != before {
			t.Errorf("the folder was\n%s\nand is\n%s", before, after)
		}
	})
	t.Run("what is not imported is in a file for its owner alone, and the status says so", func(t *testing.T) {
		out, err := d.run(t, "import", "--realm", "main", d.path("fans.csv"))
		if err == nil || err.Error() != "exiting with status 2" || strings.Contains(out, "dry run") || !strings.Contains(out, "2  linked") {
			t.Errorf("%v\n%s", err, out)
		}
		info, err := os.Stat(conflicts)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		if text, _ := os.ReadFile(conflicts); !strings.Contains(string(text), `"line":5,"code":"unionid_taken"`) {
			t.Errorf("the conflicts are %s", text)
		}
	})
	t.Run("of facts that are there a dry run changes no byte", func(t *testing.T) {
		d.write("more.csv", "appid,openid,unionid,user\nwx00000000000000aa,oPersonTwo,uPersonTwo,\nwx00000000000000aa,oPersonNine,uPersonNine,member-9\nwx00000000000000aa,oPersonTen,uPersonTen,member-9\n")
		before := d.files(t)
		out, _ := d.run(t, "import", "--realm", "main", "--dry-run", "--conflicts", filepath.Join(t.TempDir(), "c"), d.path("more.csv"))
		if !strings.Contains(out, "2  linked") || !strings.Contains(out, "1  not imported: user_taken") {
			t.Errorf("it says\n%s", out)
		}
		if after := d.files(t); after != before {
			t.Errorf("the folder was\n%s\nand is\n%s", before, after)
		}
	})
	t.Run("a table of another program is read by its profile", func(t *testing.T) {
		d.write("wx_user.csv", "open_id,union_id,mall_user_id,subscribe,del_flag\noPersonSix,uPersonSix,6,1,0\noPersonGone,uPersonGone,7,0,1\n")
		out := d.must(t, "import", "--realm", "other", "--profile", "joolun", "--account", appA, d.path("wx_user.csv"))
		for _, want := range []string{"1  linked", "1  left_out", `"0" × 1, "1" × 1`, "early editions of JooLun"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
	})
	t.Run("what can't be is refused before anything is written, and says what is there", func(t *testing.T) {
		before := d.files(t)
		for want, args := range map[string][]string{
			"--realm":                          {d.path("fans.csv")},
			`no realm "mian"; it has main`:     {"--realm", "mian", d.path("fans.csv")},
			`no account "wx1"; it has ` + appA: {"--realm", "main", "--account", "wx1", d.path("fans.csv")},
			`no profile "discuz"`:              {"--realm", "main", "--profile", "discuz", d.path("fans.csv")},
			"--format xls":                     {"--realm", "main", "--format", "xls", d.path("fans.csv")},
			"--encoding big5":                  {"--realm", "main", "--encoding", "big5", d.path("fans.csv")},
			`there are "appid", "openid"`:      {"--realm", "main", "--map", "openid=OPEN,user=MEMBER", d.path("fans.csv")},
			"no such file":                     {"--realm", "main", d.path("nothing.csv")},
		} {
			if out, err := d.run(t, "import", args...); err == nil || !strings.Contains(err.Error(), want) || out != "" {
				t.Errorf("%q: %v, printed %q", args, err, out)
			}
		}
		if after := d.files(t); after != before {
			t.Errorf("the folder was\n%s\nand is\n%s", before, after)
		}
	})
}

func TestCommand_export(t *testing.T) {
	d := newDesk(t)
	_, _ = d.run(t, "import", "--realm", "main", d.path("fans.csv"))
	const want = "appid,openid,unionid,user,kind,hint\n" +
		appA + ",oPersonOne,uPersonOne,member-1,real,\n" + appA + ",oPersonTwo,,,,member-2\n" + appLone + ",oPersonThree,oPersonThree,member-3,real,\n"
	if got := d.must(t, "export", "--realm", "main"); got != want {
		t.Errorf("it prints\n%s", got)
	}
	d.must(t, "export", "--realm", "main", "--format", "jsonl", "-o", d.path("out.jsonl"))
	text, err := os.ReadFile(d.path("out.jsonl"))
	if info, _ := os.Stat(d.path("out.jsonl")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	var row map[string]string
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&row); err != nil || row["user"] != "member-1" {
		t.Errorf("%v, %v", row, err)
	}
	again := newDesk(t)
	again.write("out.jsonl", string(text))
	again.must(t, "import", "--realm", "main", again.path("out.jsonl"))
	if got := again.must(t, "export", "--realm", "main"); got != want {
		t.Errorf("imported elsewhere it is\n%s", got)
	}
	if _, err := d.run(t, "export"); err == nil || !strings.Contains(err.Error(), "--realm") {
		t.Errorf("without a realm: %v", err)
	}
}

func TestCommand_audit(t *testing.T) {
	d := newDesk(t)
	_, _ = d.run(t, "import", "--realm", "main", d.path("fans.csv"))
	form := regexp.MustCompile(`^(\d+) records hold together; head ([0-9a-f]{64})\n`)
	held := form.FindStringSubmatch(d.must(t, "audit verify", "--realm", "main"))
	if held == nil || held[1] != "4" {
		t.Fatalf("verifying says %q", held)
	}
	t.Run("records are listed, all or those of a user", func(t *testing.T) {
		var r identity.AuditRecord
		out := d.must(t, "audit list", "--realm", "main", "--user", "member-2")
		if err := json.Unmarshal([]byte(out), &r); err != nil || r.Actor != "command:import" || r.Detail.OpenID != "oPersonTwo" {
			t.Errorf("%v in %q", err, out)
		}
		if n := strings.Count(d.must(t, "audit list", "--realm", "main", "--after", "1", "--limit", "2"), "\n"); n != 2 {
			t.Errorf("%d records", n)
		}
	})
	t.Run("a head that was kept is found again", func(t *testing.T) {
		d.write("more.csv", "appid,openid,user,unionid\n"+appA+",oPersonFive,member-5,uPersonFive\n")
		d.must(t, "import", "--realm", "main", d.path("more.csv"))
		if out := d.must(t, "audit verify", "--realm", "main", "--head", held[2]); !strings.Contains(out, "5 records") || !strings.Contains(out, "is record 4") {
			t.Errorf("it says %q", out)
		}
	})
	change := func(t *testing.T, statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", d.path("wsite.db"))
		if err == nil {
			_, err = db.Exec(statement)
			_ = db.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a record that was cut off is missed", func(t *testing.T) {
		newest := form.FindStringSubmatch(d.must(t, "audit verify", "--realm", "main"))[2]
		change(t, "DELETE FROM audit WHERE realm = 'main' AND seq = 5")
		d.must(t, "audit verify", "--realm", "main")
		if _, err := d.run(t, "audit verify", "--realm", "main", "--head", newest); err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("it says %v", err)
		}
	})
	t.Run("a record that was changed is named", func(t *testing.T) {
		change(t, "UPDATE audit SET actor = 'nobody' WHERE realm = 'main' AND seq = 3")
		if out, err := d.run(t, "audit verify", "--realm", "main"); err == nil || !strings.Contains(err.Error(), "record 3") || out != "" {
			t.Errorf("it says %v, %q", err, out)
		}
	})
}

func TestCommand_resubject(t *testing.T) {
	d := newDesk(t)
	_, _ = d.run(t, "import", "--realm", "main", d.path("fans.csv"))
	moved := strings.ReplaceAll(strings.ReplaceAll(offlineCaddyfile, "DATA", d.folder), "subject acme", "subject zeta")
	d.write("Caddyfile", moved)
	d.write("fans.csv", "appid,openid,unionid,user\n"+appA+",oPersonOne,uOther,\n")
	_, err := d.run(t, "import", "--realm", "main", d.path("fans.csv"))
	if want := "run `caddy wsite resubject " + appA + " zeta`"; err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("with another subject: %v, want %s", err, want)
	}
	for args, want := range map[[2]string]string{{"wx00000000000000ee", "zeta"}: "no account", {appA, "a b"}: "subject", {appA, appLone}: "subject"} {
		if _, err := d.run(t, "resubject", args[0], args[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("resubject %q: %v", args, err)
		}
	}
	out := d.must(t, "resubject", appA, "zeta")
	for _, want := range []string{"zeta now (was acme)", "realms: ", "main", "other", "`subject zeta`", "reload"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if out := d.must(t, "resubject", appA, "zeta"); !strings.Contains(out, "already") {
		t.Errorf("again: %s", out)
	}
	if list := d.must(t, "audit list", "--realm", "other"); !strings.Contains(list, `"op":"resubject"`) {
		t.Errorf("the audit of the other realm is %s", list)
	}
	if list := d.must(t, "export", "--realm", "main"); !strings.Contains(list, "oPersonOne,,,,member-1") {
		t.Errorf("exported, the former unionid is no hint:\n%s", list)
	}
	d.must(t, "import", "--realm", "main", d.path("fans.csv"))
	if list := d.must(t, "export", "--realm", "main"); !strings.Contains(list, "oPersonOne,uOther,member-1,real") {
		t.Errorf("with the new unionid it is\n%s", list)
	}
}

func TestCommand_import_besideGateway(t *testing.T) {
	g := startGateway(t)
	d := newDesk(t)
	d.write("Caddyfile", strings.ReplaceAll(offlineCaddyfile, "DATA/wsite.db", g.app.Facts.SQLite))
	phone := g.phone("ming")
	before := g.who(phone.open(g.at(appA, "shop", "/")))
	openid := g.sim.OpenID("ming", appA)
	d.write("fans.csv", fmt.Sprintf("appid,openid,unionid,user\n%s,%s,uMing,member-1\n", appA, openid))
	d.must(t, "import", "--realm", "main", d.path("fans.csv"))
	if after := g.who(g.phone("ming").open(g.at(appA, "shop", "/"))); after.Subject != "member-1" || before.Subject == after.Subject {
		t.Errorf("he was %s and is %s", before.Subject, after.Subject)
	}
}
