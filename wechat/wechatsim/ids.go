package wechatsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// OpenID is who a person is for an account: 28 characters of [A-Za-z0-9_-], the
// first six of which are the account's and begin with "o" (wechat-api.md §13). The
// same seed always gives the same one, whether or not person and account exist.
func (s *Sim) OpenID(person, appid string) string {
	return "o" + s.derive("openid of", appid)[:5] + s.derive("openid", appid, person)[:22]
}

// UnionID is who a person is for all accounts of one subject, or "" if the account
// is unknown or has no subject.
func (s *Sim) UnionID(person, appid string) string {
	a, ok := s.account(appid)
	if !ok || a.Subject == "" {
		return ""
	}
	return "o" + s.derive("unionid of", a.Subject)[:5] + s.derive("unionid", a.Subject, person)[:22]
}

// derive is 43 characters that only the seed and the words decide. Every word goes
// in with its length, so that no two lists of words run together.
func (s *Sim) derive(words ...string) string {
	key := binary.BigEndian.AppendUint64(nil, s.seed)
	mac := hmac.New(sha256.New, key)
	for _, w := range words {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(w))))
		mac.Write([]byte(w))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// madeUp is an id that is nobody's, for a snapshot page (wechat-api.md §1.7).
func (s *Sim) madeUp() string { return "o" + s.dice.word(27, tokenLetters) }
