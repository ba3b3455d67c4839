package wechatsim

import (
	"fmt"
	"sync"
)

// console are the accounts as their owners set them up. It has a lock of its own,
// so that an account can be looked up whoever holds [Sim.mu].
type console struct {
	mu    sync.RWMutex
	list  []Account
	place map[string]int // by appid
}

func (c *console) add(a Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.place == nil {
		c.place = map[string]int{}
	}
	c.place[a.AppID] = len(c.list)
	c.list = append(c.list, a.clone())
}

// Accounts are all accounts, never nil.
func (s *Sim) Accounts() []Account {
	s.console.mu.RLock()
	defer s.console.mu.RUnlock()
	accounts := []Account{}
	for _, a := range s.console.list {
		accounts = append(accounts, a.clone())
	}
	return accounts
}

// account is the account of an appid; its lists are for reading.
func (s *Sim) account(appid string) (Account, bool) {
	s.console.mu.RLock()
	defer s.console.mu.RUnlock()
	i, ok := s.console.place[appid]
	if !ok {
		return Account{}, false
	}
	return s.console.list[i], true
}

// ChangeAccount changes how an account is set up, as its owner does in WeChat's
// console: a new secret, another whitelist. It changes nothing if the result makes
// no sense; the appid and the kind stay what they are. It refuses an unknown
// account with [ErrUnknown].
func (s *Sim) ChangeAccount(appid string, f func(*Account)) error {
	s.console.mu.Lock()
	defer s.console.mu.Unlock()
	i, ok := s.console.place[appid]
	if !ok {
		return fmt.Errorf("changing account %s: %w account", appid, ErrUnknown)
	}
	was := s.console.list[i]
	changed := was.clone()
	f(&changed)
	changed.AppID, changed.Kind = was.AppID, was.Kind
	if err := changed.check(); err != nil {
		return fmt.Errorf("changing account %s: %w", appid, err)
	}
	s.console.list[i] = changed.clone()
	return nil
}

// accountState is what WeChat keeps of an account besides its settings. Every part
// is of the file of its subject; [Sim.mu] guards it all.
type accountState struct {
	post           mailbox
	legacy, stable tokenSpace
	meters         map[string]*meter // by path
	clears         clears
	tickets        []Ticket
	migrations     map[string]migration // by the old appid
	sessions       map[string]string    // session keys, by the name of a person
}

// state is the state of an account. It is called with the lock held.
func (s *Sim) state(appid string) *accountState {
	st, ok := s.states[appid]
	if !ok {
		st = &accountState{}
		s.states[appid] = st
	}
	return st
}
