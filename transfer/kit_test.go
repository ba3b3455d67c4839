package transfer

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
)

// childRole is the argument that makes the test binary import until it is killed.
const childRole = "import-until-killed"

// TestMain lets the test binary play the process that is killed.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Arg(0) != childRole {
		os.Exit(m.Run())
	}
	store, err := sqlstore.OpenSQLite(context.Background(), flag.Arg(1), sqlstore.Options{})
	if err == nil {
		j := job(store, flag.Arg(2))
		j.every = 20 * time.Millisecond
		_, err = j.Run(context.Background())
	}
	fmt.Println(err)
	if err != nil {
		os.Exit(1)
	}
}

// subjects: A and B belong to one open platform, the lone one to none.
var subjects = map[string]string{appA: "acme", appB: "acme", appLone: appLone}

func openStore(t testing.TB) *sqlstore.Store {
	t.Helper()
	return openAt(t, freshtest.SQLite(t))
}

func openAt(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func centre(store identity.Store) *identity.Centre {
	return &identity.Centre{
		Store: store, GuestKey: func(string) ([]byte, error) { return bytes.Repeat([]byte{7}, 32), nil },
		PrevFor: time.Hour, Now: time.Now,
	}
}

// job imports a file into a store as a plain table.
func job(store identity.Store, path string) *Job {
	return &Job{
		Path: path, Options: Options{Profile: Profiles[0], Encoding: Auto}, Setting: "--realm main", Now: time.Now,
		Importer:  &Importer{Centre: centre(store), Realm: "main", Subjects: subjects, Actor: "command:import"},
		Conflicts: path + ".conflicts.jsonl",
	}
}

// file writes a table.
func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fans.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// people is a table of n of them.
func people(n int) string {
	var b strings.Builder
	writePeople(&b, n)
	return b.String()
}

func writePeople(w io.Writer, n int) {
	fmt.Fprintln(w, "appid,openid,unionid,user")
	for i := range n {
		// Ids come in no order, as from WeChat.
		fmt.Fprintf(w, "%s,oAbCdEfGhIjKlMnOpQrS%08d,uUvWxYzAbCdEfGhIjKlM%08d,%d\n", appA, i*7919%100_000_007, i*104_729%100_000_007, 100_000+i)
	}
}

// exported is what is known in a store.
func exported(t testing.TB, store identity.Store, all bool) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := (Export{Store: store, Realm: "main", Subjects: subjects, All: all}).Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
