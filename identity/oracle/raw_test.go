package oracle

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// raw opens the database under the facts, as somebody would who edits it by hand.
func raw(t testing.TB, place string) *sql.DB {
	t.Helper()
	driver, name := "sqlite", place+"?_pragma=busy_timeout(10000)"
	if isPostgres(place) {
		driver, name = "pgx", place
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// dump is everything that lies in the database, by table, each value as it is.
func dump(t testing.TB, place string) map[string]string {
	t.Helper()
	db := raw(t, place)
	list := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if isPostgres(place) {
		list = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	texts := map[string]string{}
	for _, table := range column(t, db, list) {
		rows, err := db.Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				fmt.Fprintf(&text, "%s=%s ", columns[i], *v.(*any))
			}
			text.WriteString("\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		texts[table] = text.String()
	}
	return texts
}

func column(t testing.TB, db *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return values
}

func edit(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		result, err := db.Exec(s)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := result.RowsAffected(); n == 0 || err != nil {
			t.Fatalf("%s did nothing, %v", s, err)
		}
	}
}
