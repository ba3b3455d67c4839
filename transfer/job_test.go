package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// conflicts reads a file of conflicts.
func conflicts(t testing.TB, path string) (problems []Problem) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var p Problem
		if err := json.Unmarshal([]byte(one), &p); err != nil {
			t.Fatal(err)
		}
		problems = append(problems, p)
	}
	return problems
}

const mixed = `appid,openid,unionid,user,kind
wx00000000000000aa,oPersonOne,uPersonOne,member-1,
wx00000000000000aa,oPersonTwo,uPersonTwo,,
wx00000000000000aa,oPersonThree,,member-3,
wx00000000000000aa,oPersonOne,uPersonOne,member-1,
wx00000000000000aa,oPersonOne,uPersonOne,member-2,
wx00000000000000bb,oPersonFour,uPersonFour,member-1,
wx00000000000000aa,oPersonOne,uPersonNine,member-1,
wx00000000000000aa,null,uPersonSix,member-6,
wx00000000000000aa,undefined,uPersonSix,member-6,
wx00000000000000aa,oPersonSix,0,member-6,
wx00000000000000aa,oPersonSix,uPersonSix,member 6,
wx00000000000000dd,oPersonSix,uPersonSix,member-6,
,oPersonSix,uPersonSix,member-6,
wx00000000000000cc,oLoneOne,,member-7,
wx00000000000000cc,oLoneTwo,uStranger,member-8,
wx00000000000000aa,oPersonNine,,,
wx00000000000000aa,oPersonTen,uPersonTen,vabc,virtual
`

func TestJob(t *testing.T) {
	t.Parallel()
	t.Run("every row becomes what it says, or goes to the conflicts with its line and both sides", func(t *testing.T) {
		t.Parallel()
		store, path := openStore(t), file(t, mixed)
		sum, err := job(store, path).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(sum.Rows, sum.Outcomes, sum.Refused()); got != "17 map[hint:1 left_out:1 linked:2 same:1 unionid:1] 11" {
			t.Errorf("the summary is %s", got)
		}
		want := []string{
			"6 unionid_taken mem…-1", "7 user_taken uPe…ne", "8 unionid_mismatch uPe…ne", "9 bad_openid ", "10 bad_openid ", "11 bad_unionid ",
			"12 bad_user ", "13 account_unknown ", "14 account_unknown ", "16 subject_missing ", "17 nothing_to_import ",
		}
		var got []string
		for _, p := range conflicts(t, path+".conflicts.jsonl") {
			got = append(got, fmt.Sprintf("%d %s %s", p.Line, p.Code, p.OnRecord))
			if p.Message == "" || p.Advice == "" {
				t.Errorf("line %d says nothing: %+v", p.Line, p)
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("conflicts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		text, _ := os.ReadFile(path + ".conflicts.jsonl")
		for _, whole := range []string{"oPersonOne", "uPersonNine", "member-2", "uStranger"} {
			if bytes.Contains(text, []byte(whole)) {
				t.Errorf("the conflicts hold %s whole", whole)
			}
		}
		wantExport := `appid,openid,unionid,user,kind,hint
wx00000000000000aa,oPersonOne,uPersonOne,member-1,real,
wx00000000000000aa,oPersonThree,,,,member-3
wx00000000000000aa,oPersonTwo,uPersonTwo,,,
wx00000000000000cc,oLoneOne,oLoneOne,member-7,real,
`
		if got := exported(t, store, false); got != wantExport {
			t.Errorf("known is\n%s", got)
		}
		if _, err := os.Stat(checkpointFile(path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a checkpoint is left: %v", err)
		}
	})
	t.Run("of rows that contradict each other the first wins, however they mix", func(t *testing.T) {
		t.Parallel()
		random := rand.New(rand.NewPCG(3, 4))
		var b strings.Builder
		b.WriteString("appid,openid,unionid,user\n")
		for range 3000 {
			fmt.Fprintf(&b, "%s,oPerson%02d,uPerson%02d,member-%d\n", []string{appA, appB}[random.IntN(2)], random.IntN(40), random.IntN(40), random.IntN(40))
		}
		inOrder := openStore(t)
		one := centre(inOrder)
		rows, _, err := all(t, strings.NewReader(b.String()), Options{Profile: Profiles[0]})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			_, err := one.Import(t.Context(), identity.Import{Realm: "main", Openid: row.Openid, Unionid: identity.Unionid{Subject: "acme", UnionID: row.UnionID}, User: row.User})
			if err != nil && refused(row, err) == nil {
				t.Fatal(err)
			}
		}
		atOnce := openStore(t)
		if _, err := job(atOnce, file(t, b.String())).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := exported(t, atOnce, true), exported(t, inOrder, true); got != want {
			t.Errorf("at once\n%s\none after the other\n%s", got, want)
		}
	})
	t.Run("an export can be imported, and exported again is the same", func(t *testing.T) {
		t.Parallel()
		first, second := openStore(t), openStore(t)
		if _, err := job(first, file(t, mixed)).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		guest := identity.Claim{Realm: "main", Openid: identity.Openid{AppID: appA, OpenID: "oGuest"}, Unionid: identity.Unionid{Subject: "acme"}}
		linked := guest
		linked.OpenID, linked.UnionID = "oVisitor", "uVisitor"
		for _, claim := range []identity.Claim{guest, linked} {
			if _, err := centre(first).Resolve(t.Context(), claim); err != nil {
				t.Fatal(err)
			}
		}
		if all := exported(t, first, true); strings.Count(all, "virtual") != 2 || !strings.Contains(all, "oGuest") {
			t.Errorf("with guests it is\n%s", all)
		}
		text := exported(t, first, false)
		if strings.Contains(text, "oGuest") || strings.Contains(text, "virtual") || !strings.Contains(text, "oVisitor,uVisitor,,,") {
			t.Errorf("without guests it is\n%s", text)
		}
		sum, err := job(second, file(t, text)).Run(t.Context())
		if err != nil || sum.Refused() > 0 {
			t.Fatalf("importing: %+v, %v", sum, err)
		}
		if again := exported(t, second, false); again != text {
			t.Errorf("exported again\n%s\nwant\n%s", again, text)
		}
		if sum, err = job(second, file(t, exported(t, first, true))).Run(t.Context()); err != nil || sum.Outcomes[OutcomeLeftOut] != 2 {
			t.Errorf("importing what is for reading: %+v, %v", sum, err)
		}
		if again := exported(t, second, true); strings.Contains(again, "virtual") {
			t.Errorf("a minted id was imported\n%s", again)
		}
	})
	t.Run("what is imported twice is known", func(t *testing.T) {
		t.Parallel()
		store, path := openStore(t), file(t, people(500))
		for _, want := range []string{"map[linked:500]", "map[same:500]"} {
			if sum, err := job(store, path).Run(t.Context()); err != nil || fmt.Sprint(sum.Outcomes) != want {
				t.Errorf("%+v, %v, want %s", sum, err, want)
			}
		}
	})
	t.Run("conflicts in the place of the file itself are refused, whatever it is called", func(t *testing.T) {
		t.Parallel()
		path := file(t, mixed)
		linked := filepath.Join(t.TempDir(), "linked.csv")
		if err := os.Symlink(path, linked); err != nil {
			t.Fatal(err)
		}
		stdin, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		for input, name := range map[string]string{path: path, linked: path, "-": linked} {
			for _, dry := range []bool{false, true} {
				j := job(openStore(t), input)
				j.Stdin, j.Conflicts, j.DryRun = stdin, name, dry
				if sum, err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--conflicts") || sum.Rows != 0 {
					t.Errorf("%s to %s: %+v, %v", input, name, sum, err)
				}
				if text, err := os.ReadFile(name); err != nil || string(text) != mixed {
					t.Fatalf("%s holds %q, %v", name, text, err)
				}
			}
		}
	})
	t.Run("standard input is read, and leaves no checkpoint", func(t *testing.T) {
		t.Parallel()
		j := job(openStore(t), "-")
		j.Stdin, j.Conflicts = strings.NewReader(people(10)), filepath.Join(t.TempDir(), "c")
		if sum, err := j.Run(t.Context()); err != nil || sum.Outcomes["linked"] != 10 {
			t.Errorf("%+v, %v", sum, err)
		}
		if _, err := os.Stat("-.wsite-import.json"); err == nil {
			t.Error("there is a checkpoint")
		}
	})
}

func TestJob_interrupted(t *testing.T) {
	t.Parallel()
	// The rows of the second half contradict those of the first, one by one.
	const n = 2500 // more than can be under way at once
	text := people(n) + strings.ReplaceAll(strings.TrimPrefix(people(n), "appid,openid,unionid,user\n"), ",1", ",2")
	whole := openStore(t)
	if _, err := job(whole, file(t, text)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := exported(t, whole, false)

	// finished goes on with an interrupted import and looks at the outcome.
	finished := func(t *testing.T, database, path string) {
		t.Helper()
		store := openAt(t, database)
		sum, err := job(store, path).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := exported(t, store, false); got != want {
			t.Error("the outcome differs from that of an import in one go")
		}
		problems := conflicts(t, path+".conflicts.jsonl")
		for i, p := range problems {
			if p.Line != n+2+i {
				t.Fatalf("conflict %d is of line %d", i, p.Line)
			}
		}
		if len(problems) != n || sum.Rows != 2*n || sum.Refused() != n {
			t.Errorf("%d conflicts, %+v", len(problems), sum)
		}
		if _, err := os.Stat(checkpointFile(path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a checkpoint is left: %v", err)
		}
	}
	// stopped imports until the given row, and stops as Ctrl-C does.
	stopped := func(t *testing.T, database, path string, row int64) {
		t.Helper()
		store := openAt(t, database)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		j := job(store, path)
		j.Progress = func(p Progress) {
			if p.Rows == row {
				cancel()
			}
		}
		if _, err := j.Run(ctx); err == nil || err.Error() != context.Canceled.Error() {
			t.Fatalf("stopped, it says %v", err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("stopped, it goes on where it was", func(t *testing.T) {
		t.Parallel()
		database, path := filepath.Join(t.TempDir(), "f.db"), file(t, text)
		stopped(t, database, path, 100)
		earlier, err := readCheckpoint(path)
		if err != nil || earlier == nil || earlier.Summary.Rows < 100 || earlier.Summary.Rows == 2*n {
			t.Fatalf("%+v, %v", earlier, err)
		}
		stopped(t, database, path, n)
		finished(t, database, path)
	})
	t.Run("killed again and again, it goes on", func(t *testing.T) {
		t.Parallel()
		database, path := filepath.Join(t.TempDir(), "f.db"), file(t, text)
		for range 3 {
			killed(t, database, path)
		}
		finished(t, database, path)
	})
	t.Run("another file, or other options, are refused until it is told to begin anew", func(t *testing.T) {
		t.Parallel()
		database, path := filepath.Join(t.TempDir(), "f.db"), file(t, text)
		stopped(t, database, path, 100)
		store := openAt(t, database)
		j := job(store, path)
		j.Setting = "--realm other"
		if _, err := j.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--realm main") || !strings.Contains(err.Error(), "--restart") {
			t.Errorf("other options: %v", err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(text, "oAb", "oBa", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := job(store, path).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "has changed") {
			t.Errorf("another file: %v", err)
		}
		j = job(store, path)
		j.Restart = true
		if sum, err := j.Run(t.Context()); err != nil || sum.Rows != 2*n {
			t.Errorf("anew: %+v, %v", sum, err)
		}
	})
	t.Run("a store that fails ends it, and nothing counts that isn't in it", func(t *testing.T) {
		t.Parallel()
		database, path := filepath.Join(t.TempDir(), "f.db"), file(t, text)
		store := openAt(t, database)
		j := job(store, path)
		j.Progress = func(p Progress) {
			if p.Rows == 50 {
				go store.Close()
			}
		}
		if _, err := j.Run(t.Context()); !errors.Is(err, identity.ErrUnavailable) || !strings.Contains(err.Error(), "line ") {
			t.Fatalf("it says %v", err)
		}
		store.Close()
		finished(t, database, path)
	})
}

// killed runs an import in another process, and kills that when it has saved how far
// it is.
func killed(t *testing.T, database, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], childRole, database, path)
	before := modified(path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for modified(path).Equal(before) {
		select {
		case err := <-ended:
			t.Fatalf("it ended by itself: %v", err)
		case <-look.C:
		}
	}
	_ = cmd.Process.Kill()
	<-ended
}

// modified is when the checkpoint was written.
func modified(path string) time.Time {
	info, err := os.Stat(checkpointFile(path))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
