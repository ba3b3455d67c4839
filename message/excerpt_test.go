package message_test

import (
	"testing"
	"time"
)

func TestExcerpt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		h := newHouse(t, on)
		m, said := h.send(order("a")), h.send(custom("b"))
		whole := h.Excerpt(m, 1000)
		if whole == "" || h.Excerpt(said, 1000) == "" {
			t.Fatalf("it says %q and %q", whole, h.Excerpt(said, 1000))
		}
		if got, want := h.Excerpt(m, 3), string([]rune(whole)[:3])+"…"; got != want {
			t.Errorf("it begins with %q, want %q", got, want)
		}
		h.clock.advance(30 * 24 * time.Hour)
		m.Sealed = nil
		if got := h.Excerpt(m, 10); got != "" {
			t.Errorf("of one that was swept it says %q", got)
		}
	})
}
