package identity

import (
	"context"
	"errors"
	"testing"
	"time"
)

// cutFacts are facts that know cutoffs too.
type cutFacts struct {
	*facts
	cuts map[[3]string]Cutoff
	last Change
}

func (f *cutFacts) Apply(ctx context.Context, c Change) error {
	err := f.facts.Apply(ctx, c)
	if err == nil && c.Cutoff != nil {
		f.cuts[[3]string{string(c.Cutoff.Kind), c.Cutoff.Realm, c.Cutoff.Name}] = *c.Cutoff
		f.last = c
	}
	return err
}

func (f *cutFacts) Cutoff(_ context.Context, kind CutoffKind, realm, name string) (Cutoff, error) {
	return f.cuts[[3]string{string(kind), realm, name}], nil
}

// cutting is a stage whose facts know cutoffs.
func cutting(t *testing.T) (*stage, *cutFacts) {
	s := newStage(t)
	f := &cutFacts{facts: s.facts, cuts: map[[3]string]Cutoff{}}
	s.centre.Store = f
	return s, f
}

// revoke ends what must be there to be ended.
func (s *stage) revoke(kind CutoffKind, realm, name string, before time.Time) Cutoff {
	s.Helper()
	cut, err := s.centre.EndBefore(s.Context(), Cutoff{Kind: kind, Realm: realm, Name: name, Before: before}, []string{"r", "other"}, operator)
	s.ok("revoking", err)
	return cut
}

func TestCentre_EndBefore_user(t *testing.T) {
	t.Parallel()
	s, f := cutting(t)
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.is("wx2/p1 S/n1", "y")
	g := s.resolve("wx1/o2 S").User.ID
	for words, id := range map[string]string{"wx1/o1 S": "y", "wx2/p1 S": "y", "wx1/o2 S": g} {
		cut := s.revoke(CutoffUser, "r", id, time.Time{})
		if a := s.is(words, id); !a.Since.Equal(cut.Before) || !cut.Before.Equal(cut.At) || !a.User.BlockedAt.IsZero() {
			t.Errorf("%s: since %v, cut %+v", words, a.Since, cut)
		}
	}
	s.is("wx1/o1 S/n1", "y") // and he comes back as who he was
	t.Run("the sessions that it ended stay ended, whomever they lead to later", func(t *testing.T) {
		cut := s.revoke(CutoffUser, "r", "y", time.Time{})
		s.is("wx3/q1 T/m1 z! bind", "z")
		s.ok("merging", s.centre.Merge(t.Context(), "r", "y", "z", operator))
		if a := s.is("wx1/o1 S", "z"); !a.Since.Equal(cut.Before) {
			t.Errorf("since %v, want %v", a.Since, cut.Before)
		}
		if a := s.is("wx3/q1 T", "z"); !a.Since.IsZero() {
			t.Error("sessions of another WeChat account end too")
		}
	})
	t.Run("repeating it, or an earlier one, changes nothing and tells the one in force", func(t *testing.T) {
		cut := s.revoke(CutoffUser, "r", "z", time.Time{})
		applied := f.applied
		for _, before := range []time.Time{cut.Before, cut.Before.Add(-time.Hour)} {
			if got := s.revoke(CutoffUser, "r", "z", before); got != cut || f.applied != applied {
				t.Errorf("got %+v, want %+v; %d writes", got, cut, f.applied-applied)
			}
		}
	})
	t.Run("an earlier moment ends what began before it, and no more", func(t *testing.T) {
		s.is("wx1/o7 S/n7 k! bind", "k")
		before := s.now.Add(-30 * time.Hour)
		if s.revoke(CutoffUser, "r", "k", before); !s.resolve("wx1/o7 S").Since.Equal(before) {
			t.Error("it ends something else")
		}
	})
	t.Run("the logins that hold in one session only go, under all of his ids", func(t *testing.T) {
		s.revoke(CutoffUser, "r", "z", time.Time{})
		if got := f.last.EndLoginsOf; len(got) < 2 || got[0] != "z" || f.last.Stale[0] != "z" {
			t.Errorf("ended are those of %v, forgotten %v", got, f.last.Stale)
		}
	})
	_, err := s.centre.EndBefore(t.Context(), Cutoff{Kind: CutoffUser, Realm: "r", Name: "nobody"}, nil, operator)
	s.conflict("nobody", err, CodeUserUnknown)
	_, err = s.centre.EndBefore(t.Context(), Cutoff{Kind: CutoffUser, Realm: "r", Name: "y"}, nil, operator)
	s.conflict("the retired", err, CodeUserRetired)
}

func TestCentre_EndBefore_guest(t *testing.T) {
	t.Parallel()
	s, f := cutting(t)
	key, _ := s.centre.GuestKey("r")
	id := CookieGuestID(key, NewGuestSeed(day(1), [10]byte{1}))
	if cut := s.revoke(CutoffUser, "r", id, time.Time{}); cut.Kind != CutoffGuest || cut.Name != id || len(f.last.Stale) != 1 || len(f.users) != 0 {
		t.Errorf("cut %+v, forgotten %v, users %v", cut, f.last.Stale, f.users)
	}
	applied := f.applied
	if cut := s.revoke(CutoffUser, "r", id, day(1)); cut.Kind != CutoffGuest || f.applied != applied {
		t.Errorf("again: %+v", cut)
	}
	foreign := CookieGuestID([]byte("another realm's"), NewGuestSeed(day(1), [10]byte{1}))
	_, err := s.centre.EndBefore(t.Context(), Cutoff{Kind: CutoffUser, Realm: "r", Name: foreign}, nil, operator)
	s.conflict("another realm's guest", err, CodeUserUnknown)
}

func TestCentre_EndBefore_wide(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind        CutoffKind
		realm, name string
		records     int // one in each realm that it touches
	}{
		{CutoffSite, "r", "shop", 1},
		{CutoffRealm, "r", "", 1},
		{CutoffSession, "r", "s1", 1},
		{CutoffSession, "", "s1", 2},
		{CutoffAll, "", "", 2},
	} {
		t.Run(string(tt.kind)+" "+tt.realm, func(t *testing.T) {
			t.Parallel()
			s, f := cutting(t)
			cut := s.revoke(tt.kind, tt.realm, tt.name, time.Time{})
			if got := f.cuts[[3]string{string(tt.kind), tt.realm, tt.name}]; got != cut || got.Actor != operator.Actor || got.Reason != operator.Evidence || !got.Until.Equal(got.At.Add(CutoffLife)) {
				t.Errorf("written is %+v", got)
			}
			if len(f.audit) != tt.records {
				t.Errorf("%d records", len(f.audit))
			}
			for _, before := range []time.Time{cut.Before, cut.Before.Add(-time.Hour)} {
				if got := s.revoke(tt.kind, tt.realm, tt.name, before); got != cut || len(f.audit) != tt.records {
					t.Errorf("again it is %+v, with %d records", got, len(f.audit))
				}
			}
			later := s.revoke(tt.kind, tt.realm, tt.name, time.Time{})
			if !later.Before.After(cut.Before) || len(f.audit) != 2*tt.records {
				t.Errorf("later it is %+v", later)
			}
		})
	}
}

func TestCentre_EndBefore_future(t *testing.T) {
	t.Parallel()
	s, f := cutting(t)
	now := day(2)
	s.centre.Now = func() time.Time { return now }
	for _, kind := range []CutoffKind{CutoffAll, CutoffUser} {
		_, err := s.centre.EndBefore(t.Context(), Cutoff{Kind: kind, Realm: "r", Before: now.Add(time.Minute + time.Microsecond)}, []string{"r"}, operator)
		if !errors.Is(err, ErrFuture) || f.applied != 0 {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if cut := s.revoke(CutoffAll, "", "", now.Add(time.Minute)); !cut.Before.Equal(now) {
		t.Errorf("a clock that is ahead cuts off what is yet to begin: %v", cut.Before)
	}
}
