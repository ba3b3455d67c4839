package identity

import (
	"testing"
)

// A login without a unionid is a session's (K8; A3, A4, A5, A6).
func TestSessionLogin(t *testing.T) {
	t.Parallel()
	t.Run("A3: the guest is handed over, and the next stranger is a fresh one", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		g := s.resolve("wx1/o1 S").User.ID
		if a := s.is("wx1/o1 S @s1 y! bind", "y"); !a.InSession || a.Linked() || len(a.Prev) != 1 || a.Prev[0] != g {
			t.Errorf("answer %+v", a)
		}
		if got := s.told(0); got != "replaced "+g+"→y" || s.events[0].Cause != "A3" {
			t.Errorf("told %s for %s", got, s.events[0].Cause)
		}
		s.is("wx1/o1 S @s1", "y")
		s.is("wx1/o1 S @s2", s.guest("wx1/o1", 1))
		s.is("wx1/o1 S", s.guest("wx1/o1", 1))
		s.is("wx1/o1 S @s1", "y")
		if o := s.openids[openidOf("wx1/o1")]; o.UnionID != "" || len(s.unions) > 0 {
			t.Errorf("I6: %+v", o)
		}
	})
	t.Run("A3 again with the next guest hands him over too", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.resolve("wx1/o1 S")
		s.is("wx1/o1 S @s1 y! bind", "y")
		s.resolve("wx1/o1 S @s2")
		s.is("wx1/o1 S @s1 y! bind", "y")
		if s.users[s.guest("wx1/o1", 1)].Parent != "y" {
			t.Errorf("users %v", s.users)
		}
		s.is("wx1/o1 S", s.guest("wx1/o1", 2))
	})
	t.Run("A4: a stranger's openid stays unknown", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S @s1 y! bind", "y")
		if len(s.openids)+len(s.events) > 0 {
			t.Errorf("openids %v, events %v", s.openids, s.events)
		}
	})
	t.Run("repeated, it writes nothing (I9)", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.resolve("wx1/o1 S")
		s.is("wx1/o1 S @s1 y! bind", "y")
		before := s.facts.copy()
		s.is("wx1/o1 S @s1 y! bind", "y")
		s.is("wx1/o1 S @s1", "y")
		if !s.facts.equal(before) {
			t.Error("it writes")
		}
	})
	t.Run("a session of another openid isn't his", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S @s1 y! bind", "y")
		s.is("wx1/o2 S @s1", s.guest("wx1/o2", 0))
		s.is("wx1/o2 S/n2 @s1", s.guest("wx1/o2", 0))
		s.is("wx1/o1 S", s.guest("wx1/o1", 0))
	})
	t.Run("another user in the same session takes his place, and both are told to caches", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S @s1 y! bind", "y")
		s.is("wx1/o1 S @s1 z! bind", "z")
		s.is("wx1/o1 S @s1", "z")
	})
	t.Run("without a session nobody can log in so", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.refused("wx1/o1 S y! bind", CodeUnionIDNeeded)
	})
	t.Run("who the gateway minted is no login (K5)", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		g := s.resolve("wx1/o2 S").User.ID
		s.is("wx1/o2 S @s2 y! bind", "y")
		s.refused("wx1/o1 S @s1 "+g+"! bind", CodeUserVirtual)
		s.refused("wx1/o1 S @s1 "+s.guest("wx1/o9", 0)+"! bind", CodeUserVirtual)
	})
	t.Run("I4d: the unionid comes, and the session's user is bound", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.resolve("wx1/o1 S")
		s.is("wx1/o1 S @s1 y! bind", "y")
		g1 := s.resolve("wx1/o1 S @s2").User.ID
		if a := s.is("wx1/o1 S/n1 @s1", "y"); a.InSession || !a.Linked() {
			t.Errorf("answer %+v", a)
		}
		s.is("wx1/o1 S", "y")
		s.is("wx2/p1 S/n1", "y")
		if s.users[g1].Parent != "y" || len(s.logins) > 0 {
			t.Errorf("users %v, logins %v", s.users, s.logins)
		}
	})
	t.Run("I4d: a stale cookie beside it changes nothing", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		other := s.resolve("wx1/o2 S").User.ID
		s.is("wx1/o1 S @s1 y! bind", "y")
		s.is("wx1/o1 S/n1 @s1 "+other, "y")
	})
	t.Run("I4d: where the unionid leads to another real user, nobody is stopped", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx2/p1 S/n1 x! bind", "x")
		s.is("wx1/o1 S @s1 y! bind", "y")
		a := s.is("wx1/o1 S/n1 @s1", "x")
		if len(a.Notes) != 1 || a.Notes[0] != NoteLoginDropped || len(s.conflicts) != 1 || s.conflicts[0].Code != CodeUnionIDTaken {
			t.Errorf("notes %v, conflicts %+v", a.Notes, s.conflicts)
		}
		s.is("wx1/o1 S @s1", "x")
	})
	t.Run("I4d: where the user serves another unionid, nobody is stopped", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx2/p2 S/n2 y! bind", "y")
		s.is("wx1/o1 S @s1 y! bind", "y")
		a := s.is("wx1/o1 S/n1 @s1", s.guest("wx1/o1", 0))
		if len(a.Notes) != 1 || a.Notes[0] != NoteLoginDropped || len(s.conflicts) != 1 || s.conflicts[0].Code != CodeUserTaken {
			t.Errorf("notes %v, conflicts %+v", a.Notes, s.conflicts)
		}
	})
	t.Run("I4d: where the user serves another unionid in a subject that the guest brings along, nobody is stopped", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		w := s.resolve("wx3/q1 T/m1").User.ID
		s.is("wx3/q1 S/n1", w) // its account has changed from T to S
		s.is("wx4/r1 T/m2 y! bind", "y")
		s.is("wx1/o1 S @s1 y! bind", "y")
		if a := s.is("wx1/o1 S/n1 @s1", w); len(a.Notes) != 1 || len(s.conflicts) != 1 {
			t.Errorf("notes %v, conflicts %+v", a.Notes, s.conflicts)
		}
	})
	t.Run("A6: an old table that names somebody else is noted", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.imported("wx1/o1 S h!", ImportedHint)
		if a := s.is("wx1/o1 S @s1 y! bind", "y"); len(a.Notes) != 1 || a.Notes[0] != NoteHintDiffers {
			t.Errorf("notes %v", a.Notes)
		}
		if a := s.is("wx1/o1 S @s2 h! bind", "h"); len(a.Notes) != 0 {
			t.Errorf("notes %v", a.Notes)
		}
	})
	t.Run("merged, blocked, erased: the session follows its user", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S @s1 y! bind", "y")
		s.is("wx1/o2 S/n2 z! bind", "z")
		s.ok("merging", s.centre.Merge(t.Context(), "r", "y", "z", operator))
		s.is("wx1/o1 S @s1", "z")
		s.ok("blocking", s.centre.Block(t.Context(), "r", "z", operator))
		if a := s.is("wx1/o1 S @s1", "z"); a.User.BlockedAt.IsZero() {
			t.Error("a blocked user goes on")
		}
		s.refused("wx1/o1 S @s3 z! bind", CodeUserBlocked)
		s.ok("erasing", s.centre.Erase(t.Context(), "r", "z", operator))
		s.is("wx1/o1 S @s1", s.guest("wx1/o1", 0))
		s.refused("wx1/o1 S @s1 y! bind", CodeUserErased)
	})
}

// A browser that WeChat doesn't vouch for has a guest and no openid.
func TestBrowserGuest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.is("wx1/ S ~b1", "b1")
	if s.applied > 0 {
		t.Error("a browser's guest has a row before he is anything")
	}
	s.is("wx1/ S ~b1 @s1 y! bind", "y")
	if got := s.told(0); got != "replaced b1→y" {
		t.Errorf("told %s", got)
	}
	s.is("wx1/ S ~b1 @s1", "y")
	s.is("wx1/ S ~b1 @s1 y! bind", "y")
	if a := s.is("wx1/ S ~b1 @s2", ""); !a.Spent {
		t.Errorf("K5: another session on that phone is %+v", a)
	}
	s.is("wx1/ S ~b1 @s2 z! bind", "z") // his guest is spent, and nobody's to hand over
	if len(s.events) != 1 {
		t.Errorf("told %s", s.told(0))
	}
	s.ok("erasing", s.centre.Erase(t.Context(), "r", "y", operator))
	if a := s.is("wx1/ S ~b1 @s1", ""); !a.Spent {
		t.Errorf("an erased guest comes back as %+v", a)
	}
	s.refused("wx1/ S ~b1 y! bind", CodeUnionIDNeeded)
	s.is("wx1/ S ~b2", "b2")
	s.is("wx1/o1 S/n1 b2", "b2")
	if a := s.is("wx1/ S ~b2", ""); !a.Spent {
		t.Errorf("K5: a linked guest is still there for whoever holds the phone: %+v", a)
	}
}
