package wechatsim

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	account := func(change func(*Account)) Options {
		a := Account{AppID: appA, Secret: "s", Domains: []string{"www.example.com"}}
		change(&a)
		return Options{Accounts: []Account{a}, People: []Person{}}
	}
	people := func(p ...Person) Options { return Options{People: p} }
	for _, c := range []struct {
		name string
		o    Options
		want string // part of the error; empty for none
	}{
		{"nothing set", Options{}, ""},
		{"the default", DefaultOptions(), ""},
		{"nobody and nothing", Options{Accounts: []Account{}, People: []Person{}}, ""},
		{"a malformed appid", account(func(a *Account) { a.AppID = "wx1" }), "an appid is"},
		{"no secret", account(func(a *Account) { a.Secret = "" }), "secret is missing"},
		{"a strange kind", account(func(a *Account) { a.Kind = "website" }), `not "website"`},
		{"a scheme", account(func(a *Account) { a.Domains[0] = "https://www.example.com" }), "bare host"},
		{"an empty domain", account(func(a *Account) { a.Domains[0] = "" }), "bare host"},
		{"a port", account(func(a *Account) { a.Domains[0] = "www.example.com:80" }), "only a sandbox"},
		{"an address", account(func(a *Account) { a.Domains[0] = "192.0.2.1" }), "only a sandbox"},
		{"a port in a sandbox", account(func(a *Account) { a.Sandbox, a.Domains[0] = true, "192.0.2.1:80" }), ""},
		{"a page of followers that is too long", Options{FanPage: 10_001}, "a page of followers"},
		{"a whitelist of names", account(func(a *Account) { a.Whitelist = []string{"example.com"} }), "no address or network"},
		{"one account twice", Options{Accounts: append(DefaultAccounts(), DefaultAccounts()...)}, "two of them"},
		{"one person twice", people(Person{Name: "a"}, Person{Name: "a"}), "two of them"},
		{"a name with a blank", people(Person{Name: "a b"}), "a name is"},
		{"a colour that isn't one", people(Person{Name: "a", Colour: "red;x"}), "a colour is"},
		{"a phone number with a plus", people(Person{Name: "a", Phone: "+86"}), "a phone number is"},
		{"following nonsense", people(Person{Name: "a", Follows: []string{"x"}}), "no appid"},
		{"a strange consent", Options{Consent: "never"}, "consent is"},
		{"a strange end of codes", Options{ExpiredAs: 40163}, "42003 or 40029"},
	} {
		err := c.o.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// failing is a test that stops at Fatalf as a real one does.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Fatalf(string, ...any) { f.said = "fatal"; panic(f) }

func TestStartTRefusesBadOptions(t *testing.T) {
	t.Parallel()
	f := &failing{TB: t}
	defer func() {
		if recover() != any(f) || f.said != "fatal" {
			t.Error("bad options start")
		}
	}()
	StartT(f, func(o *Options) { o.Accounts[0].AppID = "x" })
}

func TestSeedIsDrawn(t *testing.T) {
	t.Parallel()
	if a, b := start(t), start(t); a.Seed() == 0 || a.Seed() == b.Seed() {
		t.Errorf("seeds %d, %d", a.Seed(), b.Seed())
	}
}

func TestOptionsAreCopied(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	s := New(o)
	t.Cleanup(s.Close)
	o.People[0].Follows[0], o.Accounts[0].Domains[0] = "changed", "changed"
	s.People()[0].Follows[0], s.Accounts()[0].Domains[0] = "changed", "changed"
	if s.People()[0].Follows[0] == "changed" || s.Accounts()[0].Domains[0] == "changed" {
		t.Error("the caller's lists are ours")
	}
}
