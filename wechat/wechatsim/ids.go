package wechatsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// derive gives n letters that depend on the seed and the parts, and on nothing else.
func (s *Sim) derive(n int, parts ...string) string {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], s.options.Seed)
	mac := hmac.New(sha256.New, seed[:])
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s,", len(p), p)
	}
	sum := mac.Sum(nil)
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[int(sum[i])%len(letters)]
	}
	return string(out)
}

// OpenID is a person's id at an account: 28 characters, of which the first six are
// the same for everybody at that account.
func (s *Sim) OpenID(person, appID string) string {
	return "o" + s.derive(5, "account", appID) + s.derive(22, "openid", appID, person)
}

// UnionID is a person's id at the account's open platform; empty where it has none.
func (s *Sim) UnionID(person, appID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unionID(person, appID)
}

func (s *Sim) unionID(person, appID string) string {
	a := s.accounts[appID]
	if a == nil || a.Subject == "" {
		return ""
	}
	return "o" + s.derive(5, "subject", a.Subject) + s.derive(22, "unionid", a.Subject, person)
}

// draw gives n random letters. It is called with the lock held.
func (s *Sim) draw(n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[s.random.IntN(len(letters))]
	}
	return string(out)
}

// rid is the tail that WeChat puts to its error messages.
func (s *Sim) rid() string {
	return fmt.Sprintf("%08x-%08x-%08x", s.random.Uint32(), s.random.Uint32(), s.random.Uint32())
}
