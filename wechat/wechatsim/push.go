package wechatsim

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"
)

const (
	pushTimeout = 5 * time.Second // for an answer, by the simulator's clock
	pushTries   = 3               // in all (wechat-api.md §8.2)
	pushAgent   = "Mozilla/4.0"   // what WeChat's servers say that they are
)

// How a push ended.
const (
	PushAnswered    = "answered"    // with "success" or nothing
	PushReplied     = "replied"     // with a message for the person
	PushUnavailable = "unavailable" // with nonsense, or not at all
)

// Push is a message or an event on its way to an account's server.
type Push struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"` // its CreateTime
	AppID  string    `json:"appid"`
	Person string    `json:"person"`
	OpenID string    `json:"openid"`
	Type   string    `json:"type"`  // MsgType
	Event  string    `json:"event"` // "" if it is a message
	Key    string    `json:"key"`   // EventKey
	XML    string    `json:"xml"`   // before encryption
	Tries  []PushTry `json:"tries"`
	// Outcome is [PushAnswered], [PushReplied] or [PushUnavailable], and empty as
	// long as the push is under way.
	Outcome string   `json:"outcome"`
	Faults  []string `json:"faults"` // the named faults that played a part
}

// PushTry is one request with a push. The fields are what was really on the wire.
type PushTry struct {
	At     time.Time `json:"at"`
	URL    string    `json:"url"`
	Body   string    `json:"body"`
	Status int       `json:"status"` // 0 without an answer
	Answer string    `json:"answer"` // at most 64 KiB
	Error  string    `json:"error"`  // why the answer is none
	// Forged marks a request of the fault push_forged or push_replayed, which a
	// server has to see through: it is no try of WeChat's.
	Forged bool `json:"forged"`
}

func (p *Push) clone() Push {
	c := *p
	c.Tries, c.Faults = append([]PushTry{}, p.Tries...), append([]string{}, p.Faults...)
	return c
}

// String shows a push on one line, without ids and contents.
func (p *Push) String() string {
	what := p.Type
	if p.Event != "" {
		what = p.Event
	}
	outcome := p.Outcome
	if outcome == "" {
		outcome = "under way"
	}
	return fmt.Sprintf("push %s, try %d, %s", what, len(p.Tries), outcome)
}

// Pushes are the pushes of an account that had a target, oldest first: at most the
// last 10,000, never nil. See [Sim.Settle].
func (s *Sim) Pushes(appid string) []Push { return s.lastPushes(appid, maxHistory) }

func (s *Sim) lastPushes(appid string, most int) []Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Push{}
	all := s.state(appid).post.pushes
	for _, p := range all[max(0, len(all)-most):] {
		list = append(list, p.clone())
	}
	return list
}

// outgoing is what a push is made of.
type outgoing struct {
	account Account
	person  string // whose it is; pushes of one person come one after another
	from    string // FromUserName
	kind    string // MsgType
	body    []element
	// dialogue marks what a person waits for an answer to: he is told if none comes.
	dialogue bool
	deaf     bool // a reply to it goes nowhere
}

// push puts a push on its way, if the account has a target.
func (s *Sim) push(o outgoing) {
	now := s.Now()
	elements := []element{
		{"ToUserName", s.OriginalID(o.account.AppID)},
		{"FromUserName", o.from},
		{"CreateTime", now.Unix()},
		{"MsgType", o.kind},
	}
	elements = append(elements, o.body...)
	p := &Push{
		At: time.Unix(now.Unix(), 0), AppID: o.account.AppID, Person: o.person, OpenID: o.from, Type: o.kind,
		Event: textOf(o.body, "Event"), Key: textOf(o.body, "EventKey"), XML: pushXML(elements),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	post := &s.state(o.account.AppID).post
	if post.target.URL == "" {
		return
	}
	s.made.pushes++
	p.ID = s.made.pushes
	if len(post.pushes) >= maxHistory {
		post.pushes = slices.Delete(post.pushes, 0, maxHistory/10)
	}
	post.pushes = append(post.pushes, p)
	line := post.line(o.person)
	line.waiting = append(line.waiting, delivery{p, o})
	if !line.moving {
		line.moving = s.agenda.do(s.ctx, now, func(ctx context.Context) { s.move(ctx, line) })
	}
}

// delivery is a push with what it was made of.
type delivery struct {
	*Push
	outgoing
}

// pushLine are the pushes about one person, which don't overtake each other unless
// a fault makes them.
type pushLine struct {
	waiting []delivery
	moving  bool
	held    []delivery // by the fault push_disordered, until the next one is through
}

// move delivers what waits in a line. A push that fails is tried again later, and
// doesn't keep the others.
func (s *Sim) move(ctx context.Context, line *pushLine) {
	for {
		s.mu.Lock()
		if len(line.waiting) == 0 {
			line.moving = false
			s.mu.Unlock()
			return
		}
		d := line.waiting[0]
		line.waiting = line.waiting[1:]
		held := slices.Clone(line.held)
		s.mu.Unlock()
		if s.begin(ctx, d, line) {
			s.attempt(ctx, d, 1)
		}
		for _, late := range held {
			if s.release(line, late) {
				s.attempt(ctx, late, 1)
			}
		}
	}
}

// attempt makes one try, and arranges for the next one if that fails.
func (s *Sim) attempt(ctx context.Context, d delivery, number int) {
	began := s.Now()
	reply, err := s.try(ctx, d, number)
	if ctx.Err() != nil {
		return
	}
	switch {
	case err == nil:
		s.answered(d, reply)
	case number < pushTries:
		s.agenda.do(s.ctx, began.Add(pushTimeout), func(ctx context.Context) { s.attempt(ctx, d, number+1) })
	default:
		s.unavailable(d)
	}
}

// drawn is a number in [0, n) that the seed and words alone decide, so that what is
// done in parallel is the same at every run.
func (s *Sim) drawn(n uint64, words ...string) uint64 {
	return binary.BigEndian.Uint64([]byte(s.derive(words...))[:8]) % n
}

// nonce is a nonce of a push: digits, like WeChat's.
func (s *Sim) nonce(id int64, number int) string {
	return strconv.FormatUint(100_000_000+s.drawn(1_900_000_000, "nonce", strconv.FormatInt(id, 10), strconv.Itoa(number)), 10)
}

// OriginalID is the id of an account in its messages, "gh_" and 12 hex digits
// (wechat-api.md §13). The same seed always gives the same one.
func (s *Sim) OriginalID(appid string) string {
	return fmt.Sprintf("gh_%012x", s.drawn(1<<48, "original id", appid))
}

// messageID is an id that no float can hold, the n-th of its kind
// (wechat-api.md, general wire rules).
func (s *Sim) messageID(n int64) int64 {
	return 3_400_000_000_000_000_000 + n*1_000_003 + int64(s.drawn(1000, "message", strconv.FormatInt(n, 10)))
}
