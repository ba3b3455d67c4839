package identity

import (
	"cmp"
	"time"
)

// Kind says who minted a user id.
type Kind string

const (
	Virtual Kind = "virtual" // minted by the gateway for somebody whom no business has named yet
	Real    Kind = "real"    // minted by a business; opaque to us
)

// User is an id in the user-id space of one realm.
type User struct {
	ID   string
	Kind Kind
	// Born is when the id first stood for somebody. It never changes, because
	// of two virtual ids the older survives a merge.
	Born time.Time
	// Home is the openid that a virtual id was derived from; zero for all others.
	Home Openid
	// Parent is the user that this one was retired into; empty while it is live.
	Parent    string
	RetiredAt time.Time
	// BlockedAt is when the user was blocked; zero while he isn't.
	BlockedAt time.Time
	// Version counts the writes of this row; 0 means that there is none yet.
	Version int64
}

// Live says whether the id still stands for somebody.
func (u User) Live() bool { return u.Parent == "" }

// outranks is the order that decides every merge: real before virtual, then the
// earlier born, then the smaller id. It is total and fixed for life, so forward
// pointers can't form a circle: rank strictly increases along them.
func (u User) outranks(v User) bool {
	if u.Kind != v.Kind {
		return u.Kind == Real
	}
	if c := u.Born.Compare(v.Born); c != 0 {
		return c < 0
	}
	return cmp.Less(u.ID, v.ID)
}

// Openid names a WeChat user within one account. An openid means nothing without
// its account: the same string under two accounts is two people.
type Openid struct {
	AppID  string
	OpenID string
}

// Unionid names a WeChat user within one subject, an open-platform account. An
// account without a subject is its own subject, and its unionid is its openid.
type Unionid struct {
	Subject string
	UnionID string
}

// OpenidRow is what the facts hold about an openid.
type OpenidRow struct {
	Openid
	// Subject and UnionID are empty for a guest. Once set they are never
	// overwritten: WeChat's answer is a function of the openid.
	Unionid
	// Gen counts how many guest ids of this openid were handed over; the next
	// guest id is derived from it.
	Gen int
	// Guest is the id issued for this openid at Gen, empty if none was.
	Guest  string
	Issued time.Time
	// Hint is a user id that an old table names for this openid, or that another
	// account's openid led to; empty if none. It takes part in the first link.
	Hint string
	// Since ends all sessions of this openid that began before; zero if none did.
	Since time.Time
	// Version counts the writes of this row; 0 means that there is none yet.
	Version int64
}

// UnionRow is what the facts hold about a unionid: the live user it leads to.
type UnionRow struct {
	Unionid
	User string
	// Slot counts the unionids of a subject that a user serves, from 0; see
	// [Policies].
	Slot int
	// Epoch counts how often the unionid was parted from a user; the virtual id that
	// it then gets is derived from it.
	Epoch   int
	Version int64
}

// LoginRow is a real user who logged in where no unionid is known: in that session
// he is himself, and no openid leads to him (K8).
type LoginRow struct {
	Session string
	// Openid is whom WeChat vouched for in that session. Its OpenID is empty for a
	// browser that WeChat doesn't vouch for.
	Openid
	User string
	Used time.Time // when the session last was carried on
}

// LoginLife is how long a login without a unionid holds unused.
const LoginLife = 30 * 24 * time.Hour
