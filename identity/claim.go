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
	// Session is the browser's session, for a login that holds only there (K8); empty
	// where there is none.
	Session string
	// Browser is the guest of a browser that WeChat doesn't vouch for: it stands in
	// place of the openid, which is empty then.
	Browser User
	// Via names the way the claim came in, such as "web_login", for events.
	Via string
	// Actor is who makes the claim, for the audit; empty for the gateway itself.
	Actor string
	// Evidence is what an operator says in support, for the audit.
	Evidence string
	// Trace is the id of the request that made the claim, for events.
	Trace string
}

// Answer is who a claim turned out to be.
type Answer struct {
	User User
	// UnionID is known of this openid, from now or from before. In a subject of
	// one account without an open platform it is the openid.
	UnionID string
	// InSession says that the user logged in in this session and no openid leads to
	// him, which a unionid would change (K8).
	InSession bool
	// Hinted says that the user is only what an old table says of this openid.
	Hinted bool
	// Spent says that the guest of this browser has become somebody: it needs
	// another one (K5). User is zero.
	Spent bool
	// Since ends all sessions that began before; zero if none has to.
	Since time.Time
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
	NoteHintDiffers     Note = "hint_differs"     // an old table names another user (A6, F2)
	NoteLoginDropped    Note = "login_dropped"    // the unionid that came leads to somebody else than who logged in here
	NoteUnionIDMismatch Note = "unionid_mismatch" // WeChat named another unionid than the one on record (K2)
)

// blocked are values that broken clients send in place of an id. Stored once,
// such a value would merge everybody who sends it (K0).
var blocked = map[string]bool{
	"": true, "0": true, "00000000": true, "unknown": true, "anonymous": true, "[object object]": true, "n/a": true, "-1": true, "null": true, "undefined": true, "nil": true,
	"none": true, "nan": true, "false": true, "true": true, "test": true, "openid": true, "unionid": true,
}

// Check refuses a claim that nobody can be resolved by.
func (c Claim) Check() error {
	if c.Realm == "" || c.AppID == "" || c.Subject == "" {
		return fmt.Errorf("checking claim: realm, account and subject must be set")
	}
	if c.Browser.ID != "" && c.OpenID == "" && c.UnionID == "" {
		return c.checkUser()
	}
	if !idLike(c.OpenID) {
		return &Fault{Field: "openid", Value: c.OpenID}
	}
	if c.UnionID != "" && !idLike(c.UnionID) {
		return &Fault{Field: "unionid", Value: c.UnionID}
	}
	if c.Subject == c.AppID && c.UnionID != "" && c.UnionID != c.OpenID {
		return &Conflict{Code: CodeSubjectMissing, User: c.User}
	}
	return c.checkUser()
}

func (c Claim) checkUser() error {
	if c.User != "" && !visible(c.User) {
		return &Fault{Field: "user", Value: c.User}
	}
	return nil
}

// ValidUser says whether a business may call a user so: 1 to 64 ASCII characters
// that show, none of the values that broken clients send.
func ValidUser(id string) bool { return visible(id) }

// ValidOpenid says whether this can be an openid or a unionid: 1 to 64 of
// [A-Za-z0-9_-], none of the values that broken clients send.
func ValidOpenid(id string) bool { return idLike(id) }

// Fault is a value in a claim that can't be what it is given for.
type Fault struct {
	Field string // openid, unionid or user
	Value string // never shown
}

func (f *Fault) Error() string {
	want := "1 to 64 of A-Z, a-z, 0-9, _ and -"
	if f.Field == "user" {
		want = "1 to 64 visible ASCII characters"
	}
	if blocked[strings.ToLower(f.Value)] {
		return f.Field + " is a placeholder, not an id: send " + want
	}
	return f.Field + " can't be an id: it has to be " + want
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
