package custody_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

const overlap = 5 * time.Minute // for which WeChat takes a retired token

// platform is WeChat as far as tokens go, in the plainest form (wechat-api.md §4): two
// spaces of tokens for each account that know nothing of each other, and tickets. It
// runs on the clock of a bubble of package synctest.
type platform struct {
	mu     sync.Mutex
	spaces map[string]*space // by what it is of, and whose
	tokens map[string]*minted
	calls  int // to get a token or a ticket
	// fault decides what goes wrong with a call to get something; nil for nothing.
	fault func(appID, api string) fault
	forms int // of tokens, so that each is another one
	// secrets that are right, where they have changed.
	secrets map[string]string
	owners  map[string]int // who are inside of a call now, by space
	crowd   int            // the most that ever were
	// sticky has the stable token given again although it is dead.
	sticky bool
	forced int
	rivals map[string]string // their tokens, by account
}

// space is what follows another in time.
type space struct {
	current, previous *minted
}

// minted is a token or a ticket.
type minted struct {
	value string
	n     int       // the order in which they were minted
	until time.Time // its end in any case
	dead  time.Time // when it died before that; zero if it didn't
}

// fault is what goes wrong with one call.
type fault struct {
	err    error         // the answer, in place of the real one
	before time.Duration // until WeChat hears of it
	after  time.Duration // until the answer is there, whatever the caller's patience
	slow   time.Duration // for which the caller may lose his patience
	lost   bool          // the answer never comes: the call ends with the caller's patience
	panics bool
}

func newPlatform() *platform {
	return &platform{spaces: map[string]*space{}, tokens: map[string]*minted{}, secrets: map[string]string{}, owners: map[string]int{}, rivals: map[string]string{}}
}

// end is when a token dies, as far as is known now.
func (m *minted) end() time.Time {
	if !m.dead.IsZero() && m.dead.Before(m.until) {
		return m.dead
	}
	return m.until
}

// die ends a token at a time, unless it ends before.
func (m *minted) die(at time.Time) {
	if m != nil && at.Before(m.end()) {
		m.dead = at
	}
}

func (p *platform) space(name string) *space {
	if p.spaces[name] == nil {
		p.spaces[name] = &space{}
	}
	return p.spaces[name]
}

// mint gives a space a new current token.
func (p *platform) mint(name string, life time.Duration) *minted {
	s := p.space(name)
	p.forms++
	m := &minted{value: fmt.Sprintf("%s-%d", name, p.forms), n: p.forms, until: time.Now().Add(life)}
	p.tokens[m.value] = m
	s.previous.die(time.Now())
	s.previous, s.current = s.current, m
	s.previous.die(time.Now().Add(overlap))
	return m
}

// call plays what goes wrong around a call, and do what WeChat does.
func (p *platform) call(ctx context.Context, appID, api string, do func() (*minted, error)) (wechat.Fresh, error) {
	p.mu.Lock()
	p.calls++
	var f fault
	if p.fault != nil {
		f = p.fault(appID, api)
	}
	place := appID + api
	p.owners[place]++
	p.crowd = max(p.crowd, p.owners[place])
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.owners[place]--
		p.mu.Unlock()
	}()
	pass(f.before)
	select {
	case <-ctx.Done():
		return wechat.Fresh{}, ctx.Err()
	case <-time.After(f.slow):
	}
	if f.panics {
		panic("the source panics with a secret in its hands")
	}
	if f.err != nil {
		return wechat.Fresh{}, f.err
	}
	p.mu.Lock()
	m, err := do()
	var fresh wechat.Fresh
	if err == nil {
		fresh = wechat.Fresh{Token: m.value, Life: time.Until(m.until).Truncate(time.Second)}
	}
	p.mu.Unlock()
	if f.lost {
		<-ctx.Done()
		return wechat.Fresh{}, &wechat.Error{API: api, Class: wechat.ClassRetry, Message: "no answer", Err: ctx.Err()}
	}
	pass(f.after)
	return fresh, err
}

func refusal(code int, class wechat.Class) *wechat.Error {
	return &wechat.Error{API: "test", Code: code, Class: class, Message: "refused"}
}

func (p *platform) rightSecret(appID, secret string) error {
	if want, ok := p.secrets[appID]; ok && want != secret {
		return refusal(40125, wechat.ClassConfig)
	}
	return nil
}

// StableToken is §4.2.
func (p *platform) StableToken(ctx context.Context, appID, secret string, force bool) (wechat.Fresh, error) {
	return p.call(ctx, appID, "stable", func() (*minted, error) {
		if err := p.rightSecret(appID, secret); err != nil {
			return nil, err
		}
		s := p.space("stable-" + appID)
		switch now := time.Now(); {
		case force:
			p.forced++
			s.current.die(now)
			return p.mint("stable-"+appID, 2*time.Hour), nil
		case s.current == nil, !p.sticky && !now.Before(s.current.end()), s.current.until.Sub(now) < overlap:
			m := p.mint("stable-"+appID, 2*time.Hour)
			// The old one stays good for five minutes, even beyond its own end.
			if s.previous != nil && s.previous.dead.IsZero() {
				s.previous.until = now.Add(overlap)
			}
			return m, nil
		}
		return s.current, nil
	})
}

// AccessToken is §4.1.
func (p *platform) AccessToken(ctx context.Context, appID, secret string) (wechat.Fresh, error) {
	return p.call(ctx, appID, "legacy", func() (*minted, error) {
		if err := p.rightSecret(appID, secret); err != nil {
			return nil, err
		}
		return p.mint("legacy-"+appID, 2*time.Hour), nil
	})
}

// JSTicket is §11.1.
func (p *platform) JSTicket(ctx context.Context, as wechat.Bearer, kind string) (wechat.Fresh, error) {
	return p.call(ctx, as.AppID, kind, func() (*minted, error) {
		if err := p.refused(as.Token); err != nil {
			return nil, err
		}
		s := p.space(kind + "-" + as.AppID)
		if s.current == nil || time.Until(s.current.until) < overlap {
			return p.mint(kind+"-"+as.AppID, 2*time.Hour), nil
		}
		return s.current, nil
	})
}

// use is any call with a token.
func (p *platform) use(_ context.Context, as wechat.Bearer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused(as.Token)
}

func (p *platform) refused(token string) error {
	m := p.tokens[token]
	switch now := time.Now(); {
	case m == nil, !m.dead.IsZero() && !now.Before(m.dead):
		return refusal(40001, wechat.ClassRefresh)
	case !now.Before(m.until):
		return refusal(42001, wechat.ClassRefresh)
	}
	return nil
}

// kill ends the current token of an account at once, as a reset in the console does.
func (p *platform) kill(appID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kind := range []string{"stable-", "legacy-"} {
		p.space(kind + appID).current.die(time.Now())
	}
}

// rival is another program that uses the account's legacy token, and gets another one
// when its own is refused.
func (p *platform) rival(appID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused(p.rivals[appID]) != nil {
		p.rivals[appID] = p.mint("legacy-"+appID, 2*time.Hour).value
	}
}

// asked is how often something was asked for so far.
func (p *platform) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// with sets what goes wrong from now on.
func (p *platform) with(f func(appID, api string) fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// dice are random faults, such as a bad day brings: one call in rate goes wrong.
func dice(random *rand.Rand, rate int) func(string, string) fault {
	return func(string, string) fault {
		f := fault{before: time.Duration(random.IntN(200)) * time.Millisecond, after: time.Duration(random.IntN(200)) * time.Millisecond}
		if random.IntN(rate) > 0 {
			return f
		}
		switch random.IntN(5) {
		case 0:
			f.err = refusal(-1, wechat.ClassRetry)
		case 1: // nothing arrives
			f.err, f.before = refusal(0, wechat.ClassRetry), 5*time.Second
		case 2: // WeChat does it, and nobody hears
			f.lost = true
		case 3: // this node stands still before WeChat hears, for longer than a lease
			f.before = time.Duration(60+random.IntN(120)) * time.Second
		case 4: // and after
			f.after = time.Duration(60+random.IntN(120)) * time.Second
		}
		return f
	}
}
