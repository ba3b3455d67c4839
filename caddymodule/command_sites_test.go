package caddymodule

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

func TestCommand_sites(t *testing.T) {
	g := runGateway(t)
	run := func(w ...string) string {
		t.Helper()
		out, err := g.typedTo(t, sitesCommand(), w...)
		if err != nil {
			t.Fatalf("%v: %v", w, err)
		}
		return out
	}
	wants := func(out string, said ...string) {
		t.Helper()
		for _, want := range said {
			if !strings.Contains(out, want) {
				t.Errorf("it prints %s, without %q", out, want)
			}
		}
	}
	t.Run("a site is made, changed in what is named, and taken away", func(t *testing.T) {
		wants(run("put", "new", "--accounts", appA, "--hosts", "new.localhost", "--dry-run"), "new: would be created")
		if _, err := g.typedTo(t, sitesCommand(), "show", "new"); err == nil || !strings.Contains(err.Error(), string(apiNoSite)) {
			t.Errorf("a dry run has written: %v", err)
		}
		wants(run("put", "new", "--accounts", appA, "--hosts", "new.localhost"), "new: created")
		wants(run("put", "new", "--paths", "/pay/notify public; /vip/* require unionid", "--no-cache", "off"), "new: updated: paths, no_cache")
		wants(run("put", "new", "--no-cache", "off"), "new: unchanged")
		wants(run("show", "new"), "new.localhost", "/pay/notify public; /vip/* require unionid\n", "the facts", "by command:wsite")
		wants(run("list", "--search", "NEW"), "new   main   "+appA+"  new.localhost", "facts")
		wants(run("export"), `{"ptid":"new","realm":"main",`)
		for want, wrong := range map[string][]string{
			"caddyfile": {"put", "shop", "--outside", "deny"}, "there is no account": {"put", "x", "--accounts", "wx0000000000000000"},
			"has no policy": {"put", "new", "--paths", "/pay"}, "site none: ": {"drop", "none"},
		} {
			if _, err := g.typedTo(t, sitesCommand(), wrong...); err == nil || !strings.Contains(strings.ToLower(err.Error()), want) {
				t.Errorf("%v answers %v", wrong, err)
			}
		}
		wants(run("drop", "new"), "new is taken away")
	})
	folder := t.TempDir()
	table := func(name, text string) string {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	imports := func(want string, words ...string) string {
		t.Helper()
		out, err := g.typedTo(t, sitesCommand(), append([]string{"import"}, words...)...)
		if strings.Contains(want, " 0 refused") != (err == nil) || !strings.Contains(out, want) {
			t.Errorf("import prints %s, %v; want %q", out, err, want)
		}
		return out
	}
	t.Run("a table is judged and taken in row by row", func(t *testing.T) {
		csv := table("sites.csv", "\xef\xbb\xbfptid,Accounts,hosts\r\none,"+appA+",one.localhost\r\ntwo,wx0000000000000000,\r\n,"+appA+",\r\none,"+appA+",\r\nthree,\"x\"\r\nshop,"+appA+",\r\n")
		out := imports("1 created, 0 updated, 0 unchanged, 5 refused", csv, "--dry-run")
		wants(out, "line 2: one: would be created", "line 3: two: ", "line 4: -: the row has no ptid", "line 5: one: the site stands in line 2 already", "line 6: -: the row has 2 fields, the heading 3", "line 7: shop: it stands in the Caddyfile", "nothing was written")
		imports("1 created, 0 updated, 0 unchanged, 5 refused", csv)
		imports("0 created, 0 updated, 1 unchanged, 5 refused", csv)
		run("put", "one", "--paths", "/pay/notify public")
		wants(imports("0 created, 1 updated, 0 unchanged, 0 refused", table("hosts.csv", "ptid,hosts\none,\n"), "--dry-run"), "line 2: one: would be updated: hosts")
		imports("0 created, 1 updated, 0 unchanged, 0 refused", table("hosts.csv", "ptid,hosts\none,\n"))
		wants(run("show", "one"), "/pay/notify")
	})
	t.Run("what is exported can be imported, and what can't be a table is told", func(t *testing.T) {
		lines := run("export")
		imports("0 created, 0 updated, 1 unchanged, 0 refused", table("sites.jsonl", lines))
		imports("0 created, 0 updated, 0 unchanged, 2 refused", table("wrong.jsonl", "{\"ptid\":\"x\",\"host\":[]}\n\n{}\n"))
		for want, text := range map[string]string{"did you mean \"hosts\"": "ptid,host\n", "ptid is missing": "hosts\n", "there twice": "ptid,hosts,hosts\n", "is empty": ""} {
			if _, err := g.typedTo(t, sitesCommand(), "import", table("wrong.csv", text)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q answers %v", text, err)
			}
		}
	})
}

func TestCommand_accountsPut(t *testing.T) {
	g := runGateway(t, withoutC...)
	folder := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	typed := func(want string, words ...string) {
		t.Helper()
		out, err := g.typedTo(t, accountsCommand(), words...)
		if err != nil {
			out += err.Error()
		}
		if !strings.Contains(out, want) || strings.Contains(out, "very-secret") || strings.Contains(out, "pushtoken") {
			t.Errorf("%v prints %s, want %q", words, out, want)
		}
	}
	secret, token := file("secret", "very-secret-0123456789\n"), file("token", "pushtoken1\n")
	typed("--secret-file", "put", appLone)
	typed("nothing is there", "put", appLone, "--secret-file", file("empty", "\n"))
	typed("one secret alone", "put", appLone, "--secret-file", "-", "--push-token-file", "-")
	typed("created", "put", appLone, "--secret-file", secret, "--push-mode", "plain", "--push-token-file", token)
	typed("updated", "put", appLone, "--verify", "Cc34Ef56Gh78Ab12", "--pass-through", "/cgi-bin/menu/get")
	typed("Cc34Ef56Gh78Ab12", "show", appLone)
	typed(`"token":"(kept)"`, "show", appLone)
	typed("(kept)", "show", appLone)
	typed(appLone+"  service       facts", "list")
	typed("(in_caddyfile)", "put", appA, "--verify", "Cc34Ef56Gh78Ab12")
	typed("updated", "put", appLone, "--push-mode", "off")
	typed("takes no token", "put", appLone, "--push-mode", "off", "--push-token-file", token)
	typed("is taken away", "drop", appLone)
	typed(string(apiNoAccount), "drop", appLone)
}

// TestSiteColumns keeps commands and tables up with the fields of a site.
func TestSiteColumns(t *testing.T) {
	t.Parallel()
	want := []string{"ptid"}
	for _, c := range siteColumns {
		want = append(want, c.name)
	}
	var got []string
	of := reflect.TypeFor[directory.Site]()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("a site has the fields %q, a table %q", got, want)
	}
}
