package console_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

func TestConflicts(t *testing.T) {
	t.Parallel()
	k := start(t)
	k.met()
	two := k.users.all["vli"]
	two.Root.ID, two.Root.Kind, two.Root.BlockedAt = "m2", identity.Real, time.Now()
	k.users.all["m2"] = two
	at := identity.Openid{AppID: "wx01", OpenID: mingOpenid}
	row := func(seq int64, code, have, got string, o identity.Openid) identity.ConflictRow {
		return identity.ConflictRow{Seq: seq, Realm: "main", Code: code, Openid: o, Subject: "acme", Have: have, Got: got, At: time.Now()}
	}
	elsewhere := identity.Openid{AppID: "wx01", OpenID: "oLeadsToAnotherByNow000001"}
	k.users.conflicts = []identity.ConflictRow{
		row(8, identity.CodeUnionIDTaken, "m1", "m2", elsewhere),
		row(7, identity.CodeUserVirtual, "", "vli", at),
		row(6, identity.CodeUnionIDTaken, "m1", "erased", at),
		row(5, identity.CodeUnionIDMismatch, mingUnionid, "oAnotherUnionid0000000001", at),
		row(4, identity.CodeUserBlocked, "", "m2", at),
		row(3, identity.CodeUserTaken, liUnionid, "m2", at),
		row(2, identity.CodeUnionIDTaken, "m1", "vsecond", at),
		row(1, identity.CodeUnionIDTaken, "m1", "m2", at),
	}
	b := k.staff(t, "root", console.Administrator)
	page := b.get("/users/main/conflicts")
	t.Run("those that are open come first, and no id of WeChat is whole", func(t *testing.T) {
		var open []bool
		for _, part := range strings.Split(page.body, `<section class="card">`)[1:] {
			open = append(open, strings.Contains(part, ">open<"))
		}
		if !slices.Equal(open, []bool{true, true, true, true, false, false, false, false}) {
			t.Errorf("they stand %v: %s", open, page.body)
		}
		hides(t, page.body, mingOpenid, mingUnionid, liOpenid, liUnionid, "oAnotherUnionid0000000001")
	})
	t.Run("the first page says how many are open", func(t *testing.T) {
		if a := b.get("/overview"); !strings.Contains(a.body, "Open conflicts in realm main: 4") || !strings.Contains(a.body, `href="/users/main/conflicts"`) {
			t.Errorf("it says %s", a.body)
		}
	})
	t.Run("the first page judges them once a minute, and after one was resolved", func(t *testing.T) {
		looks := func() int {
			k.users.mu.Lock()
			defer k.users.mu.Unlock()
			n := k.users.looked
			k.users.looked = 0
			return n
		}
		looks()
		for range 3 {
			if a := b.get("/overview"); !strings.Contains(a.body, "Open conflicts in realm main: 4") {
				t.Errorf("it says %s", a.body)
			}
		}
		if n := looks(); n != 0 {
			t.Errorf("it looks %d times", n)
		}
		k.ahead.Add(int64(time.Minute))
		b.get("/overview")
		if looks() == 0 {
			t.Error("after a minute it doesn't look")
		}
		b.post("/users/main/conflicts/4", append(form(t, page.body, "/users/main/conflicts/4"), "how", "let_in", "reason", "r")...)
		looks()
		b.get("/overview")
		if looks() == 0 {
			t.Error("after one was resolved it doesn't look")
		}
	})
	for path, want := range map[string][2]string{
		"1": {"keep_holder", "merge m2 into m1"}, "1 ": {"keep_named", "merge m1 into m2"}, "1  ": {"part_holder", "unbind m1 from " + mingUnionid},
		"3": {"part_named", "unbind m2 from " + liUnionid}, "3 ": {"move_named", "move m2 to " + mingOpenid}, "4": {"let_in", "unblock m2"},
	} {
		t.Run("one is resolved by "+want[0], func(t *testing.T) {
			seq, before := strings.TrimSpace(path), len(k.users.done())
			action := "/users/main/conflicts/" + seq
			if a := b.post(action, append(form(t, page.body, action), "how", want[0], "reason", " ")...); a.status != http.StatusBadRequest || len(k.users.done()) != before {
				t.Errorf("without a reason it answers %d", a.status)
			}
			if a := b.post(action, append(form(t, page.body, action), "how", want[0], "reason", "saw his passport")...); a.status != http.StatusSeeOther {
				t.Errorf("answered %d %s", a.status, a.body)
			}
			if did := k.users.done(); !slices.Equal(did[before:], []string{want[1] + " by staff:root via console: saw his passport (conflict " + seq + ")"}) {
				t.Errorf("it did %q", did[before:])
			}
		})
	}
	t.Run("one is dismissed with a reason, stands as that, and is taken up again", func(t *testing.T) {
		before, action := len(k.users.done()), "/users/main/conflicts/5/dismiss"
		if a := b.post(action, append(form(t, page.body, action), "reason", "")...); a.status != http.StatusBadRequest || len(k.users.done()) != before {
			t.Errorf("without a reason it answers %d", a.status)
		}
		if a := b.post(action, append(form(t, page.body, action), "reason", "a test of "+mingUnionid)...); a.status != http.StatusSeeOther {
			t.Errorf("answered %d %s", a.status, a.body)
		}
		left := b.get("/users/main/conflicts").body
		if strings.Count(left, ">open<") != 3 || strings.Count(left, ">dismissed<") != 1 || !strings.Contains(left, "staff:root · a test of oMi…01") {
			t.Errorf("the page is %s", left)
		}
		hides(t, left, mingUnionid)
		if a := b.get("/overview"); !strings.Contains(a.body, "Open conflicts in realm main: 3") {
			t.Errorf("the first page says %s", a.body)
		}
		if viewer := k.staff(t, "eve", console.Viewer).get("/users/main/conflicts").body; strings.Contains(viewer, "a test of") {
			t.Error("who may only look reads the reason")
		}
		if a := b.post(action, "reason", "again"); a.status != http.StatusConflict || !strings.Contains(a.body, "has changed") {
			t.Errorf("who dismisses it at the same time is answered %d", a.status)
		}
		again := "/users/main/conflicts/5/reopen"
		if a := b.post(again, append(form(t, left, again), "reason", "he called")...); a.status != http.StatusSeeOther || strings.Count(b.get("/users/main/conflicts").body, ">open<") != 4 {
			t.Errorf("taking it up again answers %d", a.status)
		}
		if a := b.post(again, "reason", "again"); a.status != http.StatusConflict {
			t.Errorf("taking it up twice answers %d", a.status)
		}
		if did := k.users.done(); !slices.Equal(did[before:], []string{
			"dismiss 5 true of m1 by staff:root via console: a test of " + mingUnionid, "dismiss 5 false of m1 by staff:root via console: he called",
		}) {
			t.Errorf("it did %q", did[before:])
		}
	})
	t.Run("what is over, or isn't there, is not resolved", func(t *testing.T) {
		before := len(k.users.done())
		for seq, status := range map[string]int{"2": 409, "5": 409, "6": 409, "7": 409, "8": 409, "9": 404, "0": 404, "-1": 404, "x": 404, "9223372036854775807": 404} {
			for _, how := range []string{"keep_holder", "let_in", ""} {
				if a := b.post("/users/main/conflicts/"+seq, "how", how, "reason", "r"); a.status != status {
					t.Errorf("%s by %q answers %d", seq, how, a.status)
				}
			}
		}
		if did := k.users.done(); len(did) != before {
			t.Errorf("it did %q", did[before:])
		}
	})
	t.Run("two at once: the second one finds it changed", func(t *testing.T) {
		before := len(k.users.done())
		u := k.users.all["m1"]
		u.Root.Version++
		k.users.all["m1"] = u
		if a := b.post("/users/main/conflicts/1", append(form(t, page.body, "/users/main/conflicts/1"), "how", "keep_holder", "reason", "r")...); a.status != http.StatusConflict || !strings.Contains(a.body, "has changed") || len(k.users.done()) != before {
			t.Errorf("answered %d", a.status)
		}
	})
}
