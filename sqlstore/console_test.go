package sqlstore

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

var _ console.Store = (*Store)(nil) // what the console asks of a store

func TestConsole(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t testing.TB) string) {
		s := openAt(t, fresh(t))
		ctx, now := t.Context(), time.UnixMicro(1_800_000_000_000_000).UTC()
		first := console.Invitation{Hash: []byte("first"), Expires: now.Add(time.Hour)}
		if ok, err := s.PutFirstInvitation(ctx, first); err != nil || !ok {
			t.Fatal(ok, err)
		}
		root := console.Staff{Name: "root", Role: console.Administrator, Password: "kept", Made: now}
		if _, ok, err := s.TakeInvitation(ctx, []byte("first"), root, now.Add(time.Hour)); err != nil || ok {
			t.Errorf("taken when it has expired: %t %v", ok, err)
		}
		if got, ok, err := s.TakeInvitation(ctx, []byte("first"), root, now); err != nil || !ok || got != root {
			t.Fatalf("taking answered %+v %t %v", got, ok, err)
		}
		if _, ok, err := s.TakeInvitation(ctx, []byte("first"), root, now); err != nil || ok {
			t.Errorf("taken twice: %t %v", ok, err)
		}
		if ok, err := s.PutFirstInvitation(ctx, first); err != nil || ok {
			t.Errorf("a first one beside others: %t %v", ok, err)
		}
		li := console.Staff{Name: "li", Role: console.Viewer, Made: now}
		if ok, err := s.PutConsoleStaff(ctx, li, console.Invitation{Hash: []byte("li"), Staff: "li", Expires: now.Add(time.Hour)}); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if ok, err := s.PutConsoleStaff(ctx, li, console.Invitation{Hash: []byte("li2"), Staff: "li", Expires: now.Add(time.Hour)}); err != nil || ok {
			t.Errorf("a name twice: %t %v", ok, err)
		}
		staffChanges(t, s, now)
		consoleSessions(t, s, now)
		consoleJournal(t, s, now)
	})
}

// staffChanges has two change li from what they saw, and li take his invitation meanwhile.
func staffChanges(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	ctx := t.Context()
	seen, off := console.Staff{Name: "li", Role: console.Viewer}, console.Staff{Name: "li", Role: console.Viewer, Disabled: now}
	if done, err := s.ChangeConsoleStaff(ctx, seen, off); err != nil || !done {
		t.Fatalf("disabling him: %t %v", done, err)
	}
	if done, err := s.ChangeConsoleStaff(ctx, seen, console.Staff{Name: "li", Role: console.Operator}); !errors.Is(err, console.ErrStaffChanged) || done {
		t.Errorf("another one who hasn't seen that: %t %v", done, err)
	}
	if got, ok, err := s.TakeInvitation(ctx, []byte("li"), console.Staff{Password: "x"}, now); err != nil || ok || got.Name != "li" || !got.Disabled.Equal(now) || got.Password != "" {
		t.Errorf("who is disabled takes his invitation: %+v %t %v", got, ok, err)
	}
	if done, err := s.ChangeConsoleStaff(ctx, off, seen); err != nil || !done {
		t.Fatalf("enabling him: %t %v", done, err)
	}
	if got, _, err := s.ConsoleStaff(ctx, "li"); err != nil || got.Role != console.Viewer || !got.Disabled.IsZero() {
		t.Errorf("he is %+v, %v", got, err)
	}
	if _, err := s.ChangeConsoleStaff(ctx, console.Staff{}, console.Staff{Name: "nobody"}); !errors.Is(err, console.ErrStaffChanged) {
		t.Errorf("nobody: %v", err)
	}
}

func consoleSessions(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	ctx := t.Context()
	for _, id := range []string{"one", "two", "three"} {
		if ok, err := s.PutConsoleSession(ctx, console.Session{ID: id, Hash: []byte(id), Staff: "root", Made: now, Used: now, Address: "::1", Browser: "b"}, "kept"); err != nil || !ok {
			t.Fatal(err)
		}
	}
	if err := s.UseConsoleSession(ctx, "one", now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got, staff, found, err := s.ConsoleSession(ctx, []byte("one"))
	if err != nil || !found || staff.Name != "root" || !got.Used.Equal(now.Add(time.Minute)) || !got.Made.Equal(now) {
		t.Errorf("the session is %+v of %+v, %t %v", got, staff, found, err)
	}
	left := func(want int, after string) {
		t.Helper()
		if list, err := s.ConsoleSessions(ctx, "root"); err != nil || len(list) != want {
			t.Errorf("after %s there are %d sessions, %v", after, len(list), err)
		}
	}
	if err := s.EndConsoleSessions(ctx, "li", "two"); err != nil {
		t.Fatal(err)
	}
	left(3, "ending somebody else's")
	if err := s.SetConsolePassword(ctx, "root", "another", "one"); err != nil {
		t.Fatal(err)
	}
	left(1, "another password")
	if err := s.SweepConsole(ctx, now.Add(time.Minute), now, now); err != nil {
		t.Fatal(err)
	}
	left(1, "a sweep that is too early")
	if ok, err := s.ChangeConsoleStaff(ctx, console.Staff{Role: console.Administrator}, console.Staff{Name: "root", Role: console.Viewer}); err != nil || ok {
		t.Errorf("the last administrator is none any more: %t %v", ok, err)
	}
	if err := s.SweepConsole(ctx, now.Add(2*time.Minute), now, now.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	left(0, "a sweep")
	if _, ok, err := s.TakeInvitation(ctx, []byte("li"), console.Staff{Password: "x"}, now); err != nil || ok {
		t.Errorf("an invitation outlives the sweep: %t %v", ok, err)
	}
}

func consoleJournal(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	ctx := t.Context()
	for range 3 {
		seq, err := s.PutConsoleEntry(ctx, console.Entry{At: now, Staff: "root", What: "staff_add", About: "li", Address: "::1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range []string{"done", "undone"} {
			if err := s.SettleConsoleEntry(ctx, console.Entry{Seq: seq, About: "it", Result: result, ZH: "成"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.PassConsoleEntry(ctx); err != nil {
		t.Fatal(err)
	}
	newest, err := s.ConsoleEntries(ctx, console.EntryFilter{Limit: 2})
	if err != nil || len(newest) != 2 || newest[0].Result != "done" || newest[0].About != "it" || newest[0].ZH != "成" || newest[0].Seq <= newest[1].Seq {
		t.Fatalf("the journal is %+v, %v", newest, err)
	}
	if older, err := s.ConsoleEntries(ctx, console.EntryFilter{Before: newest[1].Seq, Limit: 2}); err != nil || len(older) != 1 {
		t.Errorf("before it is %+v, %v", older, err)
	}
	if seq, err := s.PutConsoleEntry(ctx, console.Entry{At: now, Staff: "li", What: "sign_in"}); err != nil || seq != newest[0].Seq+2 {
		t.Fatalf("after one that was passed it is %d, %v", seq, err)
	}
	for f, want := range map[console.EntryFilter]int{
		{Staff: "root", Limit: 9}: 3, {Staff: "li", Limit: 9}: 1, {What: "sign_in", Limit: 9}: 1,
		{Staff: "root", What: "sign_in", Limit: 9}: 0, {Staff: "root", Before: 3, Limit: 9}: 2, {Staff: "nobody", Limit: 9}: 0,
	} {
		if list, err := s.ConsoleEntries(ctx, f); err != nil || len(list) != want {
			t.Errorf("%+v finds %d entries, want %d, %v", f, len(list), want, err)
		}
	}
	if isPostgres(placeOf(s)) {
		run(t, placeOf(s), `INSERT INTO console_journal (seq, at, staff, what, about, address, result) SELECT 100 + i, 1, 's' || i % 50, 'w' || i % 50, '', '', '' FROM generate_series(1, 5000) AS i`, `ANALYZE`)
	}
	wantPlans(t, s, 4, "FROM console_journal")
}
