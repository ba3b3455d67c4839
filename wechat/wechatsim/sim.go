package wechatsim

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Account is an Official Account of the simulated WeChat.
type Account struct {
	AppID  string `json:"appid"`
	Secret string `json:"secret"`
	Name   string `json:"name"`
	// Kind is "service" or "subscription"; only a service account may sign
	// visitors in (wechat-api.md §1.1).
	Kind string `json:"kind"`
	// Subject is the open-platform account that the account is bound to; without
	// one nobody has a unionid here.
	Subject string `json:"subject"`
	// Domains are the callback hosts: exact, without a port.
	Domains []string `json:"domains"`
	// Sandbox makes it a test account, whose callback hosts may be addresses and
	// have ports.
	Sandbox bool `json:"sandbox"`
}

// Person is somebody with a phone.
type Person struct {
	Name     string   `json:"name"` // how tests and cookies call him
	Nickname string   `json:"nickname"`
	Colour   string   `json:"colour"`  // of his face on the phone page, as #rrggbb
	Follows  []string `json:"follows"` // app ids
}

// Link is an address that the phone page offers.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
	Text  string `json:"text"`
}

// Options is a world to begin with. The zero value is an empty world with the
// seed 0 and a clock of its own.
type Options struct {
	// Seed is what all chance is drawn from: codes, ids, the order of fields.
	Seed uint64
	// Now is the clock. Without one the simulator has its own, which runs with
	// real time and can be moved by Advance.
	Now      func() time.Time
	Accounts []Account
	People   []Person
	Links    []Link
	// AnyBrowser takes every browser for WeChat's; without it a browser that
	// isn't WeChat's sees what it would see at WeChat.
	AnyBrowser bool
	// ExpiredAs is the error code for a code that is too old: 42003 by default;
	// 40029 has been seen too (wechat-api.md §1.4).
	ExpiredAs int
	// QuietUnionID leaves the unionid out of a silent login also of those who
	// consented before, as the documentation has it. By default it is told, as
	// has been observed.
	QuietUnionID bool
	Log          *slog.Logger
}

// Sim is a simulated WeChat. It is safe for concurrent use.
type Sim struct {
	options Options

	mu       sync.Mutex
	random   *rand.Rand
	moved    time.Duration
	accounts map[string]*Account
	people   map[string]*Person
	order    []string // of people, as they were given
	codes    map[string]*code
	tokens   map[string]*token
	consents map[consent]bool
	faults   []*armed
	requests []Request
	ask      string // what the next consent page does: "", "allow" or "refuse"
	client   *http.Client
}

// consent remembers that a person gave an account his profile.
type consent struct{ person, appID string }

// New makes a world.
func New(o Options) *Sim {
	if o.ExpiredAs == 0 {
		o.ExpiredAs = 42003
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sim{
		options: o, random: rand.New(rand.NewPCG(o.Seed, 0x5eed)),
		accounts: map[string]*Account{}, people: map[string]*Person{},
		codes: map[string]*code{}, tokens: map[string]*token{}, consents: map[consent]bool{},
		client: &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	for _, a := range o.Accounts {
		s.accounts[a.AppID] = &a
	}
	for _, p := range o.People {
		s.people[p.Name] = &p
		s.order = append(s.order, p.Name)
	}
	return s
}

// Advance moves the simulator's own clock. It does nothing to a clock given in
// Options.
func (s *Sim) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved += d
}

// now is called with the lock held.
func (s *Sim) now() time.Time {
	if s.options.Now != nil {
		return s.options.Now()
	}
	return time.Now().Add(s.moved)
}
