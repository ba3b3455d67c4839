package identity

import (
	"fmt"
	"strings"
	"time"
)

// Claim is what a login proved. A browser never fills one in: the openid and the
// unionid come from WeChat's token endpoint, the user from a sealed cookie.
type Claim struct {
	Realm string
	Openid
	// Unionid is what the login told beside the openid; its UnionID is empty
	// when WeChat didn't say. Its Subject is always set.
	Unionid
	// User is the id that this browser had before, or that a business names;
	// empty if none.
	User string
	// UserKind is what User is taken for by whoever names it. A real one must
	// come from a business, never from a cookie.
	UserKind Kind
	// UserBorn is when a virtual User without a row was minted.
	UserBorn time.Time
	// Snapshot is WeChat's word that both ids are made up for a preview (K0).
	Snapshot bool
	// Bind refuses on a mismatch of unionids where a login goes on by what is
	// recorded (K2).
	Bind bool
	// Via names the way the claim came in, such as "web_login", for events.
	Via string
	// Trace is the id of the request that made the claim, for events.
	Trace string
}

// Answer is who a claim turned out to be.
type Answer struct {
	User User
	// UnionID is known of this openid, from now or from before. In a subject of
	// one account without an open platform it is the openid.
	UnionID string
	// Prev are ids lately retired into User, the youngest first, at most eight.
	Prev []string
	// Notes tell what was seen and left alone.
	Notes []Note
}

// Linked says whether the user is known across the accounts of a subject.
func (a Answer) Linked() bool { return a.UnionID != "" }

// Note is something that a decision met and that did not change it.
type Note string

const (
	NoteUnlinkedGuest   Note = "unlinked_guest"   // another virtual id came along, and nothing proves that it is the same person (A2, K6)
	NoteStaleGuest      Note = "stale_guest"      // the id that came along belongs to somebody else or is gone (K4, K5)
	NoteUnionIDMismatch Note = "unionid_mismatch" // WeChat named another unionid than the one on record (K2)
)

// Conflict is a claim that contradicts the facts. Nothing was written.
type Conflict struct{ Code string }

// The codes of a [Conflict].
const (
	CodeUnionIDMismatch = "unionid_mismatch" // the openid is on record with another unionid (B1)
	CodeUnionIDTaken    = "unionid_taken"    // the unionid leads to another real user (E6)
	CodeUserTaken       = "user_taken"       // the real user serves another unionid of this subject (C8, D8)
	CodeUnionIDNeeded   = "unionid_needed"   // a real user can't be linked by an openid alone (I6)
)

func (c *Conflict) Error() string {
	switch c.Code {
	case CodeUnionIDMismatch:
		return "the openid is on record with another unionid"
	case CodeUnionIDTaken:
		return "the unionid already leads to another real user"
	case CodeUserTaken:
		return "the real user already belongs to another unionid"
	case CodeUnionIDNeeded:
		return "a real user can't be linked without a unionid"
	}
	return c.Code
}

// blocked are values that broken clients send in place of an id. Stored once,
// such a value would merge everybody who sends it (K0).
var blocked = map[string]bool{
	"": true, "0": true, "-1": true, "null": true, "undefined": true, "nil": true,
	"none": true, "nan": true, "false": true, "true": true, "test": true, "openid": true, "unionid": true,
}

// Check refuses a claim that nobody can be resolved by.
func (c Claim) Check() error {
	if c.Realm == "" || c.AppID == "" || c.Subject == "" {
		return fmt.Errorf("checking claim: realm, account and subject must be set")
	}
	if !idLike(c.OpenID) {
		return fmt.Errorf("checking claim: no usable openid")
	}
	if c.UnionID != "" && !idLike(c.UnionID) {
		return fmt.Errorf("checking claim: no usable unionid")
	}
	if c.User != "" && !visible(c.User) {
		return fmt.Errorf("checking claim: no usable user id")
	}
	return nil
}

// visible takes what a business may call its users: at most 64 ASCII characters that
// show, so that an id can stand in a header and in a log.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return len(s) <= 64 && !blocked[strings.ToLower(s)]
}

// idLike takes what WeChat's ids are made of: at most 64 of [A-Za-z0-9_-].
func idLike(s string) bool {
	if len(s) > 64 || blocked[strings.ToLower(s)] {
		return false
	}
	for i := range len(s) {
		b := s[i]
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '-') {
			return false
		}
	}
	return true
}
