package caddymodule

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// TestSecurity_erased is T243: whatever somebody did here, once he is erased no table
// holds an id that WeChat gave him.
func TestSecurity_erased(t *testing.T) {
	t.Parallel()
	// One realm has the accounts to itself: what another one uses is its own to erase.
	alone := []string{"realm other\n\t\t\taccounts", "realm main\n\t\t\taccounts"}
	t.Run("T243 who is erased leaves no id of WeChat's in any table of SQLite", func(t *testing.T) {
		t.Parallel()
		g := startChannels(t, alone...)
		erased(t, g, "sqlite", "file:"+g.app.Facts.SQLite+"?mode=ro", "SELECT name FROM sqlite_master WHERE type = 'table'")
	})
	t.Run("T243 who is erased leaves no id of WeChat's in any table of PostgreSQL", func(t *testing.T) {
		t.Parallel()
		dsn := pgtest.Start(t).DSN(t)
		g := startChannels(t, append([]string{"facts sqlite DATA/wsite.db", "facts postgres " + dsn + "\n\t\tmaster_key " + strings.Repeat("0f1e2d3c", 8)}, alone...)...)
		erased(t, g, "pgx", dsn, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
	})
}

// erased leads somebody through all that writes his ids down, and erases him by the API.
func erased(t *testing.T, g *gateway, driver, dsn, list string) {
	o := &office{g, t, g.apiKey(t, "main", "merchant message qr")}
	o.lists("M1", "user", "member-1")
	code := o.makes("M1")
	o.scans("li", code.text("url")) // follows, is told, bound, and a member
	o.stands("M1", code, merchant.Bound, "")
	shown := o.askAt(t, o.key, "POST", "/v1/accounts/"+appA+"/qr-codes", body("ref", "poster", "realm", "main")).want(t, 201)
	o.scans("li", shown.text("url"))
	p := g.phone("li")
	g.who(p.open(g.at(appA, "shop", "/")))
	g.consents(t, p, appB)
	g.who(p.open(g.at(appLone, "shop", "/")))
	if err := g.sim.Say("li", appA, "hello"); err != nil {
		t.Fatal(err)
	}
	g.settle(t)
	ids := []string{g.sim.OpenID("li", appA), g.sim.OpenID("li", appB), g.sim.UnionID("li", appA)}
	before := tables(t, driver, dsn, list)
	for _, table := range []string{"openid_key", "merchant_binding", "follower", "inbox_push", "scene_scan"} {
		if !strings.Contains(before[table], ids[0]) {
			t.Errorf("the table %s never held his openid: the test sees less than it should", table)
		}
	}
	operator := g.apiKey(t, "main", "operate")
	g.ask(t, operator, "DELETE", "main/users/member-1", because).want(t, 204)
	for table, text := range tables(t, driver, dsn, list) {
		for _, id := range ids {
			if i := strings.Index(text, id); i >= 0 {
				t.Errorf("%s still holds his id: …%s…", table, text[max(0, i-200):min(len(text), i+80)])
			}
		}
	}
	if text := g.logText(); strings.Contains(text, ids[0]) || strings.Contains(text, ids[1]) || strings.Contains(text, ids[2]) {
		t.Error("the log holds his id")
	}
	if again := g.who(g.phone("li").open(g.at(appA, "shop", "/"))); again.Subject == "member-1" || len(again.Prev) > 0 {
		t.Errorf("he comes back as %+v", again)
	}
}

// tables is what lies in a database, by table.
func tables(t *testing.T, driver, dsn, list string) map[string]string {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	read := func(query string) (all []string) {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		for err == nil && rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			err = rows.Scan(values...)
			line := ""
			for _, v := range values {
				line += fmt.Sprintf("%s ", *v.(*any))
			}
			all = append(all, strings.TrimSuffix(line, " "))
		}
		if err != nil || rows.Err() != nil {
			t.Fatal(err, rows.Err())
		}
		return all
	}
	texts := map[string]string{}
	for _, table := range read(list) {
		texts[table] = strings.Join(read("SELECT * FROM "+table), "\n")
	}
	return texts
}
