package identity

import (
	"slices"
	"strings"
	"testing"
)

func TestUnbind(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.resolve("wx1/o1 S").User.ID
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.is("wx2/p1 S/n1", "y")
	s.conflict("a guest", s.centre.Unbind(t.Context(), "r", s.resolve("wx1/o5 S").User.ID, Unionid{}, operator), CodeNotBound)
	s.conflict("nobody", s.centre.Unbind(t.Context(), "r", "nobody", Unionid{}, operator), CodeUserUnknown)
	s.conflict("the retired", s.centre.Unbind(t.Context(), "r", g, Unionid{}, operator), CodeUserRetired)
	s.conflict("another subject", s.centre.Unbind(t.Context(), "r", "y", Unionid{Subject: "T"}, operator), CodeNotBound)
	from := len(s.events)
	s.ok("parting", s.centre.Unbind(t.Context(), "r", "y", Unionid{}, operator))
	w := s.parted("S/n1", 1)
	if got := s.told(from); got != "unbound y→"+w {
		t.Errorf("told %s", got)
	}
	for _, words := range []string{"wx1/o1 S", "wx2/p1 S"} {
		if a := s.is(words, w); a.Since.IsZero() {
			t.Errorf("%s: its sessions go on", words)
		}
	}
	s.conflict("again", s.centre.Unbind(t.Context(), "r", "y", Unionid{}, operator), CodeNotBound)
	s.is("wx1/o1 S/n1 "+g, w) // K5: the old guest's cookie confers nothing
	s.is("wx1/o6 S/n6 y! bind", "y")
	s.refused("wx1/o1 S/n1 y! bind", CodeUserTaken)
	s.ok("parting", s.centre.Unbind(t.Context(), "r", "y", Unionid{Subject: "S"}, operator))
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.ok("parting", s.centre.Unbind(t.Context(), "r", "y", Unionid{Subject: "S"}, operator))
	s.is("wx1/o1 S", s.parted("S/n1", 2))
	s.is("wx1/o7 S/n1 y! bind", "y")
	s.is("wx3/q1 T/m1 y! bind", "y")
	s.conflict("one of two", s.centre.Unbind(t.Context(), "r", "y", Unionid{}, operator), CodeSubjectNeeded)
	s.ok("parting", s.centre.Unbind(t.Context(), "r", "y", Unionid{Subject: "T"}, operator))
	s.is("wx1/o1 S", "y")
}

func TestMerge(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.is("wx3/q1 T/m1 z! bind", "z")
	s.is("wx1/o2 S/n2 k! bind", "k")
	g := s.resolve("wx1/o5 S").User.ID
	for _, tt := range []struct{ from, into, code string }{
		{"y", "y", CodeSameUser},
		{"y", "k", CodeUserTaken},
		{"y", g, CodeUserVirtual},
		{g, "y", CodeUserVirtual},
		{"y", "nobody", CodeUserUnknown},
		{"nobody", "y", CodeUserUnknown},
	} {
		before := s.facts.copy()
		s.conflict(tt.from+" into "+tt.into, s.centre.Merge(t.Context(), "r", tt.from, tt.into, operator), tt.code)
		if !s.facts.equal(before) {
			t.Errorf("%s: something was written", tt.code)
		}
	}
	s.ok("merging", s.centre.Merge(t.Context(), "r", "y", "z", operator))
	if got := s.told(0); got != "replaced y→z" {
		t.Errorf("told %s", got)
	}
	s.is("wx1/o1 S", "z")
	s.is("wx3/q1 T", "z")
	s.conflict("again", s.centre.Merge(t.Context(), "r", "y", "z", operator), CodeUserRetired)
	s.conflict("into the retired", s.centre.Merge(t.Context(), "r", "k", "y", operator), CodeUserRetired)
	s.is("wx1/o1 S/n1 y! bind", "z") // the old name still stands for him
	s.policy.Unionids = 2
	s.ok("merging", s.centre.Merge(t.Context(), "r", "k", "z", operator))
	s.is("wx1/o2 S", "z")
	s.ok("blocking", s.centre.Block(t.Context(), "r", "z", operator))
	s.is("wx5/r1 wx5/r1 u! bind", "u")
	s.conflict("a blocked user", s.centre.Merge(t.Context(), "r", "u", "z", operator), CodeUserBlocked)
	s.conflict("into a blocked user", s.centre.Merge(t.Context(), "r", "z", "u", operator), CodeUserBlocked)
}

func TestMergeOfEachIntoTheOther(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.is("wx3/q1 T/m1 z! bind", "z")
	s.before = func() { s.ok("merging", s.centre.Merge(t.Context(), "r", "z", "y", operator)) }
	s.conflict("the second", s.centre.Merge(t.Context(), "r", "y", "z", operator), CodeUserRetired)
	s.is("wx3/q1 T", "y")
}

func TestBlock(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.is("wx1/o1 S/n1 y! bind", "y")
	g := s.resolve("wx1/o2 S").User.ID
	for _, id := range []string{"y", g} {
		for range 2 {
			s.ok("blocking", s.centre.Block(t.Context(), "r", id, operator))
		}
	}
	for words, id := range map[string]string{"wx1/o1 S": "y", "wx1/o2 S": g, "wx2/p1 S/n1": "y"} {
		if a := s.is(words, id); a.User.BlockedAt.IsZero() || a.Since.IsZero() && !strings.HasPrefix(words, "wx2") {
			t.Errorf("%s: %+v", words, a)
		}
	}
	s.refused("wx1/o1 S/n1 y! bind", CodeUserBlocked)
	s.refused("wx1/o2 S @s1 z! bind", CodeUserBlocked)
	s.refused("wx1/o2 S/n2 z! bind", CodeUserBlocked)
	if a := s.resolve("wx1/o2 S/n2"); a.User.BlockedAt.IsZero() {
		t.Error("a unionid lets a blocked guest in")
	}
	for _, id := range []string{"y", g} {
		for range 2 {
			s.ok("unblocking", s.centre.Unblock(t.Context(), "r", id, operator))
		}
		s.ok("blocking", s.centre.Block(t.Context(), "r", id, operator))
		s.ok("unblocking", s.centre.Unblock(t.Context(), "r", id, operator))
	}
	if a := s.is("wx1/o2 S/n2 z! bind", "z"); !a.User.BlockedAt.IsZero() {
		t.Error("he stays blocked")
	}
	want := []string{"blocked y", "blocked " + g, "unblocked y", "blocked y", "unblocked y"}
	if got := strings.Split(s.told(0), ", "); !slices.Equal(slices.DeleteFunc(got, func(w string) bool { return strings.HasPrefix(w, "conflict") }), append(want, "unblocked "+g, "blocked "+g, "unblocked "+g, "replaced "+g+"→z")) {
		t.Errorf("told %q", got)
	}
	s.conflict("nobody", s.centre.Block(t.Context(), "r", "nobody", operator), CodeUserUnknown)
}

// Who turns out to be a blocked guest is that person, whatever he is called.
func TestBlockedUnderAnotherName(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"wx2/p1 S/n1", "wx2/p1 S/n1 x! bind"} {
		s := newStage(t)
		w := s.resolve(before).User.ID
		g := s.resolve("wx1/o1 S").User.ID
		s.ok("blocking", s.centre.Block(t.Context(), "r", g, operator))
		if a := s.is("wx1/o1 S/n1", w); a.User.BlockedAt.IsZero() {
			t.Errorf("%s: he is let in", before)
		}
		if a := s.is("wx2/p1 S", w); a.User.BlockedAt.IsZero() {
			t.Errorf("%s: he is let in through another account", before)
		}
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.resolve("wx1/o1 S").User.ID
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.is("wx1/o1 S/n1 v", "y") // v→y
	s.imported("wx4/r9 wx4 y!", ImportedHint)
	s.resolve("wx1/o2 S/n2")
	s.rebind("y", "wx1/o2")
	s.is("wx1/o3 S @s1 y! bind", "y")
	from := len(s.events)
	s.ok("erasing", s.centre.Erase(t.Context(), "r", "y", operator))
	if got := s.told(from); got != "erased y" {
		t.Errorf("told %s", got)
	}
	for _, id := range []string{"y", g, "v"} {
		s.conflict(id, s.centre.Erase(t.Context(), "r", id, operator), CodeUserErased)
		s.conflict(id, s.centre.Block(t.Context(), "r", id, operator), CodeUserErased)
	}
	s.refused("wx1/o9 S/n9 y! bind", CodeUserErased)
	s.refused("wx1/o9 S @s1 y! bind", CodeUserErased)
	s.is("wx4/r9 wx4/r9", s.guest("wx4/r9", 0))
	s.is("wx1/o3 S @s1", s.guest("wx1/o3", 0))
	if a := s.resolve("wx1/o8 S/n8 v"); a.User.ID == "v" || len(a.Notes) != 1 {
		t.Errorf("an erased guest comes back: %+v", a)
	}
	if a := s.is("wx1/o1 S", s.guest("wx1/o1", 1)); a.Since.IsZero() {
		t.Error("the sessions of an erased person go on")
	}
	if a := s.is("wx1/o1 S/n1", s.guest("wx1/o1", 1)); a.Since.IsZero() {
		t.Error("the sessions of an erased person go on once he is known again")
	}
	s.is("wx1/o1 S/n1 z! bind", "z")
	s.ok("parting", s.centre.Unbind(t.Context(), "r", "z", Unionid{Subject: "S"}, operator))
	s.is("wx1/o1 S", s.parted("S/n1", 2)) // the first epoch was before
	s.ok("erasing", s.centre.Erase(t.Context(), "r", s.parted("S/n1", 2), operator))
	s.is("wx1/o1 S", s.guest("wx1/o1", 2))
}

func TestEraseMeetsTheLiving(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]string{
		"another openid of his":       "wx2/p1 S/n1",
		"another unionid of his":      "wx3/q1 T/m1 y! bind",
		"another guest of his":        "wx1/o1 S/n1 v2",
		"a session of his":            "wx1/o9 S @s1 y! bind",
		"the guest of another openid": "wx1/o4 S/n1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.is("wx1/o1 S/n1 y! bind", "y")
			s.resolve("wx1/o4 S")
			s.before = func() { s.is(meanwhile, "y") }
			s.ok("erasing", s.centre.Erase(t.Context(), "r", "y", operator))
			openids := 0
			for _, o := range s.openids {
				if o.UnionID != "" {
					openids++
				}
			}
			if openids+len(s.users)+len(s.unions)+len(s.logins) > 0 {
				t.Errorf("left: %v %v %v %v", s.openids, s.users, s.unions, s.logins)
			}
		})
	}
}

// What was tried and refused is told once, also when the record of it went with
// somebody who was erased.
func TestAConflictMetAgainIsNoFailure(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.is("wx1/o1 S/n1 x! bind", "x")
	s.refused("wx1/o1 S/n1 y! bind", CodeUnionIDTaken)
	s.ok("erasing", s.centre.Erase(t.Context(), "r", "x", operator))
	s.is("wx1/o1 S/n1 z! bind", "z")
	for range 2 {
		s.refused("wx1/o1 S/n1 y! bind", CodeUnionIDTaken)
	}
	if len(s.conflicts) != 1 {
		t.Errorf("listed: %+v", s.conflicts)
	}
}
