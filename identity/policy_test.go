package identity

import "testing"

func TestPolicies(t *testing.T) {
	t.Parallel()
	t.Run("attached: whom the unionid leads to stays, whoever is older (D3)", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.policy.Attached = true
		g := s.resolve("wx1/o1 S").User.ID
		w := s.resolve("wx2/p1 S/n1").User.ID
		s.is("wx1/o1 S/n1 v", w) // v is older than both
		if got := s.told(0); got != "replaced "+g+"→"+w+", replaced v→"+w {
			t.Errorf("told %s", got)
		}
		s.is("wx1/o1 S/n1 y! bind", "y")
	})
	t.Run("attached: where the unionid leads nowhere yet, the older lives (C4)", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.policy.Attached = true
		s.resolve("wx1/o1 S")
		s.is("wx1/o1 S/n1 v", "v")
	})
	t.Run("several unionids: a user may serve so many of a subject and no more (C8, D8)", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.policy.Unionids = 2
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.resolve("wx1/o2 S/n2")
		s.is("wx1/o2 S/n2 y! bind", "y")
		s.refused("wx1/o3 S/n3 y! bind", CodeUserTaken)
		s.is("wx1/o1 S", "y")
		s.is("wx1/o2 S", "y")
		s.refused("wx1/o2 S/n2 z! bind", CodeUnionIDTaken) // E6 stays
		s.is("wx3/q1 T/m1 y! bind", "y")
		s.ok("parting", s.centre.Unbind(t.Context(), "r", "y", Unionid{Subject: "S"}, operator))
		s.is("wx1/o1 S", s.parted("S/n1", 1))
		s.is("wx1/o2 S", s.parted("S/n2", 1))
		s.is("wx1/o3 S/n3 y! bind", "y")
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.policy.Unionids = 1 // a realm that thinks better of it
		s.is("wx1/o1 S", "y")
		s.refused("wx1/o2 S/n2 y! bind", CodeUserTaken)
	})
	t.Run("silent: whoever has a unionid is real", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.policy.Silent = true
		g := s.resolve("wx1/o1 S").User.ID
		a := s.resolve("wx1/o1 S/n1")
		r := a.User.ID
		if a.User.Kind != Real || minted(r) || s.users[g].Parent != r {
			t.Errorf("answer %+v", a)
		}
		s.is("wx2/p1 S/n1 v", r)
		s.is("wx1/o1 S", r)
		s.is("wx1/o1 S/n1", r)
		s.refused("wx1/o1 S/n1 y! bind", CodeUnionIDTaken)
		s.is("wx1/o2 S/n2 y! bind", "y") // a business names him first
		s.ok("parting", s.centre.Unbind(t.Context(), "r", r, Unionid{}, operator))
		next := s.resolve("wx1/o1 S").User
		if next.Kind != Real || next.ID == r {
			t.Errorf("parted, the WeChat account is %+v", next)
		}
		s.ok("erasing", s.centre.Erase(t.Context(), "r", next.ID, operator))
		if last := s.resolve("wx1/o1 S/n1").User; last.Kind != Real || last.ID == r || last.ID == next.ID {
			t.Errorf("erased, he is %+v", last)
		}
	})
	t.Run("silent: it may begin when everybody is there already", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		w := s.resolve("wx1/o1 S/n1").User.ID
		s.is("wx1/o1 T/m1", w) // its account has changed from S to T
		s.policy.Silent = true
		r := s.resolve("wx1/o1 T").User
		if r.Kind != Real || s.users[w].Parent != r.ID {
			t.Errorf("he is %+v", r)
		}
		s.is("wx2/p1 S/n1", r.ID)
		if n := s.unserved(); n != "" {
			t.Errorf("I2: %s leads to nobody", n)
		}
	})
	t.Run("hints: an old table's user is the session's, until the unionid is known (A5)", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.imported("wx1/o1 S h!", ImportedHint)
		s.is("wx1/o1 S", s.guest("wx1/o1", 0))
		s.policy.Hints = true
		if a := s.is("wx1/o1 S", "h"); !a.Hinted || a.Linked() || a.User.Kind != Real {
			t.Errorf("answer %+v", a)
		}
		if len(s.users)+len(s.events) > 0 {
			t.Error("a hint made somebody")
		}
		if a := s.is("wx1/o1 S/n1", "h"); a.Hinted || !a.Linked() {
			t.Errorf("answer %+v", a)
		}
		if got := s.told(0); got != "replaced "+s.guest("wx1/o1", 0)+"→h" || s.events[0].Cause != "F" {
			t.Errorf("told %s", got)
		}
		s.imported("wx1/o2 S h!", ImportedHint)
		s.is("wx1/o2 S @s1 y! bind", "y") // a login counts for more
		s.is("wx1/o2 S @s1", "y")
		s.is("wx1/o2 S", "h")
	})
}

func TestTheHolderIsOfTheSameSubject(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.is("wx0/r1 A/k1 y! bind", "y")
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.refused("wx1/o2 S/n2 y! bind", CodeUserTaken)
	if s.conflicts[0].Have != "n1" {
		t.Errorf("in the way is %s", s.conflicts[0].Have)
	}
}

// Rows F1, F2 and F2′: the unionid of an openid that an old table knows.
func TestHints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, before, claim, user string
		notes                     int
		told                      string
	}{
		{name: "F1: h is free", claim: "wx1/o1 S/n1", user: "h"},
		{name: "F1: with a guest of his own", before: "wx1/o1 S", claim: "wx1/o1 S/n1", user: "h", told: "g→h"},
		{name: "F1: the unionid leads to a virtual user", before: "wx2/p1 S/n1", claim: "wx1/o1 S/n1", user: "h", told: "w→h"},
		{name: "F1: h has a unionid of another subject", before: "wx3/q1 T/m1 h! bind", claim: "wx1/o1 S/n1", user: "h"},
		{name: "F1: with a cookie", claim: "wx1/o1 S/n1 v", user: "h", told: "v→h"},
		{name: "F2: the unionid leads to another real user", before: "wx2/p1 S/n1 x! bind", claim: "wx1/o1 S/n1", user: "x", notes: 1},
		{name: "F2: h serves another unionid", before: "wx2/p2 S/n2 h! bind", claim: "wx1/o1 S/n1", user: "g", notes: 1},
		{name: "F2: a business names another one", claim: "wx1/o1 S/n1 y! bind", user: "y", notes: 1},
		{name: "F2′: the unionid leads to h", before: "wx2/p1 S/n1 h! bind", claim: "wx1/o1 S/n1", user: "h"},
		{name: "F2′: a business names h", claim: "wx1/o1 S/n1 h! bind", user: "h"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			names := map[string]string{"g": s.guest("wx1/o1", 0), "w": s.guest("wx2/p1", 0), "h": "h", "x": "x", "y": "y", "v": "v"}
			s.imported("wx1/o1 S h!", ImportedHint)
			if tt.before != "" {
				s.resolve(tt.before)
			}
			a := s.is(tt.claim, names[tt.user])
			if len(a.Notes) != tt.notes || len(s.conflicts) != tt.notes {
				t.Errorf("notes %v, conflicts %+v", a.Notes, s.conflicts)
			}
			want := ""
			if tt.told != "" {
				want = "replaced " + names[tt.told[:1]] + "→" + names[tt.told[len(tt.told)-1:]]
			}
			if got := s.told(0); got != want {
				t.Errorf("told %s, want %s", got, want)
			}
			if o := s.openids[openidOf("wx1/o1")]; o.Hint != "" || o.UnionID != "n1" {
				t.Errorf("openid %+v", o)
			}
			before := s.facts.copy()
			s.is(tt.claim, names[tt.user])
			if !s.facts.equal(before) {
				t.Error("I9: repeated, it writes")
			}
		})
	}
}
