package identity

import (
	"testing"
)

func TestMigrateOpenid(t *testing.T) {
	t.Parallel()
	t.Run("within a subject the new openid gets the old one's unionid", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx2/p1"), "S", operator))
		s.is("wx2/p1 S", "y")
		s.is("wx1/o1 S", "y")
	})
	t.Run("to another subject the user takes part in the first link", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), "T", operator))
		s.is("wx3/q1 T", s.guest("wx3/q1", 0)) // I6
		s.is("wx3/q1 T/m1", "y")
		if o := s.openids[openidOf("wx3/q1")]; o.Hint != "" {
			t.Errorf("hint %s is left", o.Hint)
		}
	})
	t.Run("to an account in openid mode he is there at once", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx4/z1"), "wx4", operator))
		if n := s.unions[Unionid{"wx4", "z1"}]; n.User != "y" {
			t.Errorf("it leads to %q", n.User)
		}
	})
	t.Run("a guest moves along for good", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		old := s.resolve("wx1/o1 S").User.ID
		s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), "T", operator))
		s.is("wx1/o1 S", s.guest("wx1/o1", 1))
		s.is("wx3/q1 T/m1", old)
	})
	t.Run("repeating it changes nothing", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		for range 2 {
			s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), "T", operator))
		}
		if s.applied != 2 {
			t.Errorf("%d writes", s.applied)
		}
	})
	t.Run("an openid of which nothing is known can't move", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.conflict("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), "T", operator), CodeOpenidUnknown)
	})
	t.Run("where the new openid leads to a guest already, the older survives", func(t *testing.T) {
		t.Parallel()
		for _, subject := range []string{"T/m1", "wx3/q1"} {
			s := newStage(t)
			old := s.resolve("wx1/o1 S/n1").User.ID
			s.resolve("wx3/q1 " + subject)
			s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), openidOf(subject).AppID, operator))
			s.is("wx3/q1 "+openidOf(subject).AppID, old)
			if got := s.told(0); got != "replaced "+s.guest("wx3/q1", 0)+"→"+old {
				t.Errorf("told %s", got)
			}
		}
	})
	t.Run("where the new openid leads to another real user, it is refused", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.is("wx3/q1 T/m1 x! bind", "x")
		s.conflict("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), "T", operator), CodeUnionIDTaken)
		s.is("wx3/q1 T", "x")
	})
	t.Run("a visit in between doesn't get in the way", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.resolve("wx1/o1 S")
		s.before = func() { s.resolve("wx1/o1 S/n1") }
		s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), "T", operator))
		s.is("wx3/q1 T/m1", s.guest("wx1/o1", 0))
		s.is("wx1/o1 S", s.guest("wx1/o1", 0))
	})
}

func TestResubject(t *testing.T) {
	t.Parallel()
	t.Run("a real user is carried over", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.is("wx1/o1 T", "y")
		s.is("wx1/o1 T/m1", "y")
		s.is("wx1/o1 T", "y")
		s.is("wx2/p1 S/n1", "y")
	})
	t.Run("a virtual user is carried over, and of two the older survives with all unionids", func(t *testing.T) {
		t.Parallel()
		for _, first := range []string{"wx1/o1 S/n1", "wx3/q1 T/m1"} {
			s := newStage(t)
			s.resolve(first)
			old := s.users[s.resolve(first).User.ID]
			s.resolve("wx1/o1 S/n1")
			s.resolve("wx3/q1 T/m1")
			s.is("wx1/o1 T/m1", old.ID)
			s.is("wx2/p1 S/n1", old.ID)
			s.is("wx3/q1 T", old.ID)
			if n := s.unserved(); n != "" {
				t.Errorf("I2: %s leads to nobody", n)
			}
		}
	})
	t.Run("two real users meet: the new unionid's stays, and it is listed", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.is("wx3/q1 T/m1 x! bind", "x")
		s.is("wx1/o1 T/m1", "x")
		s.is("wx2/p1 S/n1", "y")
		if len(s.conflicts) != 1 || s.conflicts[0].Code != string(NoteHintDiffers) || s.conflicts[0].Have != "x" || s.conflicts[0].Got != "y" {
			t.Errorf("conflicts %+v", s.conflicts)
		}
	})
	t.Run("what the virtual user serves can't move to one who serves another there: both stay, and it is listed", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		w := s.resolve("wx1/o1 S/n1").User.ID
		s.is("wx2/p2 S/n2 x! bind", "x")
		s.is("wx3/q1 T/m1 x! bind", "x")
		s.is("wx1/o1 T/m1", "x")
		s.is("wx2/p1 S/n1", w)
		if len(s.conflicts) != 1 || s.conflicts[0].Code != string(NoteHintDiffers) {
			t.Errorf("conflicts %+v", s.conflicts)
		}
		s.is("wx1/o1 T", "x")
	})
	t.Run("where the former user can't follow, there is a fresh guest, and nobody is locked out", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		g := s.resolve("wx1/o1 S").User.ID
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.is("wx3/q2 T/m2 y! bind", "y")
		if a := s.is("wx1/o1 T/m1", s.guest("wx1/o1", 1)); len(a.Notes) != 1 {
			t.Errorf("notes %v", a.Notes)
		}
		s.is("wx1/o1 T", s.guest("wx1/o1", 1))
		s.is("wx2/p1 S/n1 "+g, "y")
	})
	t.Run("with several unionids for a user, each that moves has a place of its own", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.policy.Unionids = 3
		w := s.resolve("wx1/o1 S/n1").User.ID // w will serve n1 and n2 of S
		s.resolve("wx2/p2 S/n2")
		s.resolve("wx2/p2 T/m2")
		s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx9/r2"), "T", operator))
		s.is("wx9/r2 T/m2", w)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.is("wx2/p9 S/n2", "y")
		s.is("wx2/p2 T", "y")
		if n := s.unserved(); n != "" {
			t.Errorf("I2: %s leads to nobody", n)
		}
	})
}

// K4: a guest with a row who serves nobody is as admissible as one without.
func TestAGuestWhoMovedIsStillEvidence(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.resolve("wx1/o1 S").User.ID
	s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), "T", operator))
	s.is("wx2/p2 S/n2 "+g, s.guest("wx2/p2", 0)) // another WeChat account on that phone
	s.resolve("wx1/o1 S/n1")
	s.is("wx2/p1 S/n1 "+g, g)
	s.is("wx3/q1 T/m1", g)
	s.is("wx1/o1 S", g)
}
