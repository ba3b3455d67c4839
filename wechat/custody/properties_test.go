package custody_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

// step is something that happens in a story, wait after the one before.
type step struct {
	wait  time.Duration
	what  string
	node  int
	appID string
}

// TestProperties has anything happen in any order to three nodes, and checks what must
// be true of every story, and how it must end once nothing goes wrong any more.
func TestProperties(t *testing.T) {
	t.Parallel()
	steps := rapid.Custom(func(r *rapid.T) step {
		return step{
			wait: time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 5, 20, 45, 70, 400, 3000, 6000}).Draw(r, "seconds")) * time.Second,
			what: rapid.SampledFrom([]string{
				"do", "do", "do", "do", "token", "ticket", "report", "step", "step", "kill", "rival", "lose", "poison",
				"fine", "fine", "busy", "lost", "before", "after", "refused", "panic", "shared", "facts",
			}).Draw(r, "what"),
			node:  rapid.IntRange(0, 2).Draw(r, "node"),
			appID: rapid.SampledFrom([]string{stable, legacy}).Draw(r, "account"),
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		story := rapid.SliceOfN(steps, 1, 30).Draw(r, "story")
		var wrong []string
		synctest.Test(t, func(t *testing.T) {
			s := &stage{world: newWorld(t), served: map[string]int{}}
			for i := range 3 {
				s.nodes = append(s.nodes, s.node(fmt.Sprint("n", i)))
			}
			for _, step := range story {
				pass(step.wait)
				s.play(step)
			}
			s.end()
			wrong = s.wrong
		})
		if len(wrong) > 0 {
			r.Fatal(wrong)
		}
	})
}

type stage struct {
	*world
	nodes []*custody.Keeper
	busy  sync.WaitGroup

	mu     sync.Mutex
	served map[string]int // the newest token that a node has served, by node and account
	wrong  []string
}

func (s *stage) wrongs(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// play lets a step begin; what takes time goes on meanwhile.
func (s *stage) play(x step) {
	k := s.nodes[x.node]
	faults := map[string]fault{
		"fine": {}, "busy": {err: refusal(-1, wechat.ClassRetry), before: time.Second}, "lost": {lost: true}, "before": {before: 90 * time.Second},
		"after": {after: 90 * time.Second}, "refused": {err: whitelist()}, "panic": {panics: true, before: time.Second},
	}
	switch x.what {
	case "do":
		s.busy.Go(func() { s.do(x) })
	case "token":
		s.busy.Go(func() {
			token, until, err := k.Token(s.Context(), x.appID)
			if err == nil {
				s.see(x, token)
				if !time.Now().Before(until) {
					s.wrongs("%s is served after its end", token)
				}
			}
		})
	case "ticket":
		s.busy.Go(func() { _, _, _ = k.Ticket(s.Context(), x.appID, "jsapi") })
	case "report":
		if token, _, err := k.Token(s.Context(), x.appID); err == nil {
			s.busy.Go(func() { _ = k.Report(s.Context(), x.appID, token) })
		}
	case "step":
		s.busy.Go(func() { k.Step(s.Context()) })
	case "kill":
		s.wechat.kill(x.appID)
	case "rival":
		s.wechat.rival(x.appID)
	case "lose":
		_ = s.shared.Delete(s.Context(), "custody/"+x.appID+"/token")
	case "poison":
		_ = s.shared.Delete(s.Context(), "custody/"+x.appID+"/token")
		_ = s.shared.Put(s.Context(), "custody/"+x.appID+"/token", []byte("garbage"), time.Hour)
	case "shared":
		s.shared.toggle()
	case "facts":
		s.store.toggle()
	default:
		s.wechat.with(func(string, string) fault { return faults[x.what] })
	}
}

// do makes a call, and notes what it is given and what becomes of it.
func (s *stage) do(x step) {
	made := 0
	err := s.nodes[x.node].Do(s.Context(), x.appID, func(ctx context.Context, as wechat.Bearer) error {
		s.see(x, as.Token)
		made++
		return s.wechat.use(ctx, as)
	})
	if made > 2 {
		s.wrongs("a call was made %d times", made)
	}
	if made == 0 && err == nil {
		s.wrongs("a call was never made, and nobody says so")
	}
}

// see checks that a node never goes back to an older token.
func (s *stage) see(x step, token string) {
	s.wechat.mu.Lock()
	n := s.wechat.tokens[token].n
	s.wechat.mu.Unlock()
	s.mu.Lock()
	place := fmt.Sprint(x.node, x.appID)
	older := n < s.served[place]
	s.served[place] = max(n, s.served[place])
	s.mu.Unlock()
	if older {
		s.wrongs("node %d went back to %s", x.node, token)
	}
}

// end lets all be well again, and wants all nodes to find out.
func (s *stage) end() {
	s.wechat.with(nil)
	s.shared.fail(nil)
	s.store.fail(nil)
	pass(4 * time.Minute) // whoever stands still
	s.busy.Wait()
	ctx, cancel := context.WithCancel(s.Context())
	var running sync.WaitGroup
	for _, k := range s.nodes {
		running.Go(func() { k.Run(ctx) })
	}
	for range 20 {
		for i := range s.nodes {
			for _, appID := range []string{stable, legacy} {
				s.do(step{node: i, appID: appID})
			}
		}
		pass(30 * time.Minute)
	}
	cancel()
	running.Wait()
	for _, appID := range []string{stable, legacy} {
		tokens := map[string]bool{}
		for i, k := range s.nodes {
			made := 0
			if err := k.Do(s.Context(), appID, s.call(&made)); err != nil || made != 1 {
				s.wrongs("in the end node %d calls %d times for %s, %v", i, made, appID, err)
			}
			token, _, err := k.Token(s.Context(), appID)
			if tokens[token] = true; err != nil {
				s.wrongs("in the end node %d has nothing for %s: %v", i, appID, err)
			}
		}
		if len(tokens) != 1 {
			s.wrongs("in the end the tokens of %s are %v", appID, tokens)
		}
	}
	for _, w := range []*watch{s.shared.watch, s.store.watch} {
		for _, b := range w.broken {
			s.wrongs("%s", b)
		}
	}
	s.alarmsInTurn()
}

// alarmsInTurn wants every alarm to begin once and end once. Those of the other kinds of
// failure are raised by one node at a time, so they are told apart by place.
func (s *stage) alarmsInTurn() {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	on := map[string]int{}
	for _, a := range s.alarms {
		on[fmt.Sprint(a.AppID, a.Kind, a.Reason)] += map[bool]int{true: 1, false: -1}[a.On]
	}
	for what, n := range on {
		if n != 0 {
			s.wrongs("the alarm %s is on %d times in the end", what, n)
		}
	}
}

// toggle makes what works fail, and what fails work.
func (w *watch) toggle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down == nil {
		w.down = errors.New("gone")
	} else {
		w.down = nil
	}
}
