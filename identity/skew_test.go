package identity

import "testing"

// Who is retired takes along all that leads to him, also what has come since that
// was looked up (I1, I2).
func TestNobodyIsLeftWithTheRetired(t *testing.T) {
	t.Parallel()
	t.Run("merged while another WeChat account is bound to him", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.is("wx1/o2 S/n2 z! bind", "z")
		s.ok("parting", s.centre.Unbind(t.Context(), "r", "z", Unionid{}, operator))
		s.before = func() { s.is("wx3/q1 T/m1 y! bind", "y") }
		s.ok("merging", s.centre.Merge(t.Context(), "r", "y", "z", operator))
		s.is("wx3/q1 T", "z")
		s.is("wx1/o1 S", "z")
	})
	t.Run("merged while another one is merged into him", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 a! bind", "a")
		s.is("wx3/q1 T/m1 b! bind", "b")
		s.is("wx4/r1 wx4/r1 c! bind", "c")
		s.before = func() { s.ok("merging", s.centre.Merge(t.Context(), "r", "a", "b", operator)) }
		s.ok("merging", s.centre.Merge(t.Context(), "r", "b", "c", operator))
		s.is("wx1/o1 S", "c")
		s.is("wx3/q1 T", "c")
	})
	t.Run("merged into somebody who is merged away meanwhile", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.is("wx1/o1 S/n1 a! bind", "a")
		s.is("wx3/q1 T/m1 b! bind", "b")
		s.is("wx4/r1 wx4/r1 c! bind", "c")
		s.before = func() { s.ok("merging", s.centre.Merge(t.Context(), "r", "b", "c", operator)) }
		s.conflict("into the retired", s.centre.Merge(t.Context(), "r", "a", "b", operator), CodeUserRetired)
		s.is("wx1/o1 S", "a")
	})
	t.Run("a guest who comes to serve another unionid while he is retired", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		w := s.resolve("wx1/o1 S/n1").User.ID
		s.ok("migrating", s.centre.MigrateOpenid(t.Context(), "r", openidOf("wx1/o1"), openidOf("wx3/q1"), "T", operator))
		s.before = func() { s.is("wx3/q1 T/m1", w) }
		s.is("wx1/o1 S/n1 y! bind", "y")
		s.is("wx3/q1 T", "y")
	})
}
