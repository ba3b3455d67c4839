package identity

import (
	"sync"
	"testing"
	"time"
)

// rebind asks for a user to be moved to the WeChat account behind an openid.
func (s *stage) rebind(user, openid string) RebindRow {
	s.Helper()
	row, err := s.centre.Rebind(s.Context(), "r", user, openidOf(openid), operator)
	s.ok("rebinding", err)
	return row
}

func (s *stage) run(want int) {
	s.Helper()
	if ended, err := s.centre.RunRebinds(s.Context(), "r"); ended != want || err != nil {
		s.Errorf("%d moves ended, %v; want %d", ended, err, want)
	}
}

func (s *stage) rebinds(state RebindState) int {
	rows, err := s.centre.Rebinds(s.Context(), "r", state, 10)
	s.ok("listing moves", err)
	return len(rows)
}

// moving is a stage on which y, of n1, shall move to n2.
func moving(t *testing.T) *stage {
	s := newStage(t)
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.resolve("wx1/o2 S/n2")
	s.rebind("y", "wx1/o2")
	return s
}

func TestRebind(t *testing.T) {
	t.Parallel()
	t.Run("after a day the user is reached by the new WeChat account alone", func(t *testing.T) {
		t.Parallel()
		s := moving(t)
		s.run(0)
		s.is("wx1/o1 S", "y")
		s.is("wx1/o2 S", s.guest("wx1/o2", 0))
		s.now = s.now.Add(RebindDelay)
		s.run(1)
		s.run(0)
		s.is("wx1/o2 S", "y")
		w := s.parted("S/n1", 1)
		if a := s.is("wx1/o1 S", w); a.Since.IsZero() {
			t.Error("the sessions of the old WeChat account go on")
		}
		want := "rebind_requested y, unbound y→" + w + ", replaced " + s.guest("wx1/o2", 0) + "→y"
		if got := s.told(0); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		if s.rebinds(RebindDone) != 1 || s.rebinds(RebindWaiting) != 0 {
			t.Error("the move isn't done")
		}
	})
	t.Run("what can't move is refused", func(t *testing.T) {
		t.Parallel()
		s := moving(t)
		s.resolve("wx1/o3 S")
		s.is("wx1/o4 S/n4 z! bind", "z")
		s.is("wx1/o5 S/n5", s.guest("wx1/o5", 0))
		for _, tt := range []struct{ user, openid, code string }{
			{"y", "wx1/o5", CodeRebindWaiting},
			{"z", "wx1/o4", CodeSameUser},
			{"z", "wx1/o1", CodeUnionIDTaken},
			{"z", "wx1/o3", CodeUnionIDNeeded},
			{"z", "wx1/o9", CodeOpenidUnknown},
			{"nobody", "wx1/o2", CodeUserUnknown},
			{s.guest("wx1/o2", 0), "wx1/o5", CodeUserVirtual},
		} {
			_, err := s.centre.Rebind(t.Context(), "r", tt.user, openidOf(tt.openid), operator)
			s.conflict(tt.user+" to "+tt.openid, err, tt.code)
		}
		s.ok("blocking", s.centre.Block(t.Context(), "r", "z", operator))
		_, err := s.centre.Rebind(t.Context(), "r", "z", openidOf("wx1/o5"), operator)
		s.conflict("a blocked user", err, CodeUserBlocked)
	})
	t.Run("called off, it doesn't happen", func(t *testing.T) {
		t.Parallel()
		s := moving(t)
		s.ok("calling off", s.centre.CancelRebind(t.Context(), "r", "y", operator))
		s.conflict("again", s.centre.CancelRebind(t.Context(), "r", "y", operator), CodeRebindUnknown)
		s.now = s.now.Add(RebindDelay)
		s.run(0)
		s.is("wx1/o1 S", "y")
		s.rebind("y", "wx1/o2")
	})
	t.Run("what stands in the way when the time has come ends it", func(t *testing.T) {
		t.Parallel()
		s := moving(t)
		s.is("wx1/o2 S/n2 z! bind", "z")
		s.now = s.now.Add(RebindDelay)
		s.run(1)
		s.is("wx1/o1 S", "y")
		s.is("wx1/o2 S", "z")
		if s.rebinds(RebindState(CodeUnionIDTaken)) != 1 {
			t.Errorf("moves %+v", s.facts.rebinds)
		}
	})
	t.Run("called off while it is made, one of the two happens", func(t *testing.T) {
		t.Parallel()
		s := moving(t)
		s.now = s.now.Add(RebindDelay)
		s.before = func() { s.ok("calling off", s.centre.CancelRebind(t.Context(), "r", "y", operator)) }
		s.run(0)
		s.is("wx1/o1 S", "y")
	})
	t.Run("two nodes make it once", func(t *testing.T) {
		t.Parallel()
		s := moving(t)
		s.now = s.now.Add(RebindDelay)
		s.before = func() { s.run(1) }
		s.run(0)
		s.is("wx1/o2 S", "y")
		if s.rebinds(RebindDone) != 1 {
			t.Errorf("moves %+v", s.facts.rebinds)
		}
	})
	t.Run("asked for twice at once, it waits once", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.resolve("wx1/o2 S/n2")
		s.resolve("wx1/o3 S/n3")
		s.before = func() { s.rebind("y", "wx1/o3") }
		_, err := s.centre.Rebind(t.Context(), "r", "y", openidOf("wx1/o2"), operator)
		s.conflict("the second", err, CodeRebindWaiting)
		if s.rebinds(RebindWaiting) != 1 {
			t.Errorf("moves %+v", s.facts.rebinds)
		}
	})
	t.Run("a user who became another one meanwhile stays where he is", func(t *testing.T) {
		t.Parallel()
		s := moving(t)
		s.resolve("wx1/o7 S/n7")
		s.is("wx3/q1 T/m1 z! bind", "z")
		s.ok("merging", s.centre.Merge(t.Context(), "r", "y", "z", operator))
		s.now = s.now.Add(RebindDelay)
		s.run(1)
		s.is("wx1/o1 S", "z")
		s.is("wx1/o2 S", s.guest("wx1/o2", 0))
	})
	t.Run("erased, nobody moves", func(t *testing.T) {
		t.Parallel()
		s := moving(t)
		s.ok("erasing", s.centre.Erase(t.Context(), "r", "y", operator))
		s.now = s.now.Add(RebindDelay)
		s.run(0)
	})
	t.Run("what the guest served elsewhere comes along", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 T/m1 y! bind", "y")
		w := s.resolve("wx1/o2 S/n2").User.ID
		s.is("wx1/o2 T/m2", w) // its account has changed from S to T
		s.rebind("y", "wx1/o2")
		s.now = s.now.Add(RebindDelay)
		s.run(1)
		s.is("wx1/o2 T", "y")
		s.is("wx2/p2 S/n2", "y")
		if n := s.unserved(); n != "" {
			t.Errorf("I2: %s leads to nobody", n)
		}
	})
}

// Where a user may serve several unionids of a subject, so may the guest whose place
// he takes.
func TestRebindToAGuestOfSeveralUnionids(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.policy.Unionids = 2
	s.is("wx1/o1 S/n1 y! bind", "y")
	w := s.resolve("wx1/o2 S/n2").User.ID
	s.resolve("wx2/p3 S/n3")
	s.resolve("wx2/p3 T/m3")
	s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o2"), openidOf("wx9/r3"), "T", operator))
	s.is("wx9/r3 T/m3", w)
	s.rebind("y", "wx1/o2")
	s.now = s.now.Add(RebindDelay)
	s.run(1)
	s.is("wx1/o2 S", "y")
	s.is("wx1/o9 S/n3", "y")
	s.is("wx1/o1 S", s.parted("S/n1", 1))
	if n := s.unserved(); n != "" {
		t.Errorf("I2: %s leads to nobody", n)
	}
}

// Many nodes run what is due at the same time.
func TestRebindsOfManyNodes(t *testing.T) {
	t.Parallel()
	s := moving(t)
	due := s.now.Add(2 * RebindDelay)
	s.centre.Now = func() time.Time { return due }
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.centre.RunRebinds(t.Context(), "r"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.rebinds(RebindDone) != 1 {
		t.Errorf("moves %+v", s.facts.rebinds)
	}
}
