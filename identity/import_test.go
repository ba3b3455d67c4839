package identity

import "testing"

// row imports a row of an old table, which is told as a claim is.
func (s *stage) row(words string) (Imported, error) {
	c := s.claim(words)
	return s.centre.Import(s.Context(), Import{Realm: "r", Openid: c.Openid, Unionid: c.Unionid, User: c.User, Actor: "command:import"})
}

func (s *stage) imported(words string, want Imported) {
	s.Helper()
	if got, err := s.row(words); got != want || err != nil {
		s.Errorf("%s: became %q, %v; want %s", words, got, err, want)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	t.Run("a row becomes what it says", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.imported("wx1/o1 S/n1 y!", ImportedLink)
		s.imported("wx1/o1 S/n1 y!", ImportedSame)
		s.imported("wx1/o1 S y!", ImportedSame)
		s.imported("wx1/o2 S h!", ImportedHint)
		s.imported("wx1/o2 S h!", ImportedSame)
		s.imported("wx1/o3 S/n3", ImportedFact)
		s.imported("wx1/o3 S/n3", ImportedSame)
		s.imported("wx2/p3 S/n3 z!", ImportedLink)
		s.is("wx1/o3 S", "z")
		s.is("wx1/o1 S", "y")
	})
	t.Run("it never mints an id", func(t *testing.T) {
		t.Parallel()
		for _, silent := range []bool{false, true} {
			s := newStage(t)
			s.policy.Silent = silent
			s.resolve("wx1/o1 S")
			s.imported("wx1/o1 S/n1", ImportedLink)
			s.imported("wx1/o2 S/n2", ImportedFact)
			s.imported("wx1/o3 S h!", ImportedHint)
			s.imported("wx2/p1 S/n1", ImportedLink)
			for id := range s.users {
				if id != s.guest("wx1/o1", 0) {
					t.Errorf("%s was minted", id)
				}
			}
		}
	})
	t.Run("contradictions are listed, and change nothing", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.imported("wx1/o1 S/n1 y!", ImportedLink)
		for words, code := range map[string]string{
			"wx1/o1 S/n2 y!": CodeUnionIDMismatch,
			"wx2/p1 S/n1 z!": CodeUnionIDTaken,
			"wx1/o1 S z!":    CodeUnionIDTaken,
			"wx2/p2 S/n2 y!": CodeUserTaken,
		} {
			before := s.facts.copy()
			_, err := s.row(words)
			s.conflict(words, err, code)
			if len(s.conflicts) != len(before.conflicts)+1 || len(s.users) != len(before.users) || len(s.openids) != len(before.openids) {
				t.Errorf("%s: listed %d", words, len(s.conflicts))
			}
			if _, err = s.row(words); len(s.conflicts) != len(before.conflicts)+1 {
				t.Errorf("%s, again, is listed twice: %v", words, err)
			}
		}
		s.imported("wx1/o4 S h!", ImportedHint)
		_, err := s.row("wx1/o4 S k!")
		s.conflict("another hint", err, CodeHintTaken)
		_, err = s.row("wx1/o5 S")
		s.conflict("nothing", err, CodeNothing)
	})
	t.Run("a virtual id is no user of an old table (K5)", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		g := s.resolve("wx1/o1 S").User.ID
		s.resolve("wx1/o2 S/n2 v")
		s.is("wx1/o2 S y!", "y") // v→y
		for _, id := range []string{g, "v", s.guest("wx1/o7", 0)} {
			for _, row := range []string{"wx2/p5 S " + id + "!", "wx2/p5 S/n5 " + id + "!"} {
				_, err := s.row(row)
				s.conflict(row, err, CodeUserVirtual)
			}
		}
		if len(s.openids) != 2 {
			t.Errorf("openids %v", s.openids)
		}
	})
	t.Run("an erased user doesn't come back, not even while he is being erased", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.before = func() { s.ok("erasing", s.centre.Erase(t.Context(), "r", "y", operator)) }
		_, err := s.row("wx2/p5 S y!")
		s.conflict("the hint", err, CodeUserErased)
		_, err = s.row("wx2/p5 S/n5 y!")
		s.conflict("the link", err, CodeUserErased)
		s.refused("wx2/p5 S/n5 y! bind", CodeUserErased)
		if len(s.openids)+len(s.users) > 0 {
			t.Errorf("left: %v, %v", s.openids, s.users)
		}
	})
}
