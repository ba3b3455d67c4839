package wechatsim

import (
	"context"
	"slices"
	"time"
)

// pushPath stands for the way to an account's server, in faults: those of pushes
// strike there and nowhere else.
const pushPath = "push"

// struck uses up a fault for a push.
func (s *Sim) struck(p *Push, name string) (Armed, bool) {
	rec := &recorder{req: Request{Path: pushPath}}
	a, ok := s.strike(rec, name, p.AppID)
	if ok {
		s.mu.Lock()
		p.Faults = append(p.Faults, name)
		s.mu.Unlock()
	}
	return a, ok
}

// has says whether a fault plays a part in a push.
func (p *Push) has(fault string) bool { return slices.Contains(p.Faults, fault) }

// begin lets a push meet its faults. It says whether the push is to be sent now.
func (s *Sim) begin(ctx context.Context, d delivery, line *pushLine) bool {
	target := s.PushTargetOf(d.AppID)
	if target.URL == "" {
		return true // and fail
	}
	for _, name := range []string{"push_lost_answer", "push_truncated", "push_foreign"} {
		if name != "push_foreign" || target.Mode != PushPlain {
			s.struck(d.Push, name)
		}
	}
	if _, ok := s.struck(d.Push, "push_forged"); ok {
		forger := target
		forger.Token += "x"
		_, _ = s.mail(ctx, d.Push, s.letter(forger, d.Push, 0), true)
	}
	if a, ok := s.struck(d.Push, "push_slow"); ok {
		s.agenda.do(ctx, s.Now().Add(a.delay(30*time.Second)), func(ctx context.Context) { s.attempt(ctx, d, 1) })
		return false
	}
	if a, ok := s.struck(d.Push, "push_disordered"); ok {
		s.hold(ctx, d, line, a.delay(3*time.Second))
		return false
	}
	if _, ok := s.struck(d.Push, "push_duplicated"); ok {
		s.agenda.do(ctx, s.Now(), func(ctx context.Context) {
			_, _ = s.mail(ctx, d.Push, s.letter(target, d.Push, pushTries+1), false)
		})
	}
	if a, ok := s.struck(d.Push, "push_replayed"); ok {
		s.replayLater(ctx, d, a.delay(10*time.Minute))
	}
	return true
}

// hold keeps a push back until the next one of its line is through, or for a while.
func (s *Sim) hold(ctx context.Context, d delivery, line *pushLine, most time.Duration) {
	s.mu.Lock()
	line.held = append(line.held, d)
	s.mu.Unlock()
	s.agenda.do(ctx, s.Now().Add(most), func(ctx context.Context) {
		if s.release(line, d) {
			s.attempt(ctx, d, 1)
		}
	})
}

// release lets go of a push that was kept back. It says whether that was still so:
// only one of those who wait for it may send it.
func (s *Sim) release(line *pushLine, d delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(line.held, func(held delivery) bool { return held.Push == d.Push })
	if i < 0 {
		return false
	}
	line.held = slices.Delete(line.held, i, i+1)
	return true
}

// replayLater sends what was on the wire once more, as somebody would who saw it.
func (s *Sim) replayLater(ctx context.Context, d delivery, after time.Duration) {
	s.agenda.do(ctx, s.Now().Add(after), func(ctx context.Context) {
		s.mu.Lock()
		var seen PushTry
		for _, t := range d.Tries {
			if !t.Forged {
				seen = t
				break
			}
		}
		s.mu.Unlock()
		if seen.URL != "" {
			_, _ = s.mail(ctx, d.Push, letter{seen.URL, seen.Body}, true)
		}
	})
}

// spoil breaks the first try of a push, where a fault asks for it.
func (d delivery) spoil(l letter) letter {
	if d.has("push_truncated") {
		l.body = l.body[:len(l.body)/2]
	}
	return l
}
