package identity

import "time"

// Query says what to load: the rows that a claim may touch.
type Query struct {
	Realm string
	Openid
	Unionid
	User string
	// Session is whose login to look for, if the openid has no unionid on record.
	Session string
	// Browser is the guest of a browser that WeChat doesn't vouch for, in place of an
	// openid.
	Browser string
	// Foreign asks whether a claimed unionid that isn't there is on record in another
	// subject.
	Foreign bool
	// Mark makes the digest under which an erased key is remembered; nil if nothing
	// can have been erased.
	Mark func(kind MarkKind, parts ...string) string
	// PrevSince is how far back [Known.Prev] goes.
	PrevSince time.Time
}

// Known is what the facts say about a claim. A row that doesn't exist has
// Version 0 and its keys set; of one that was erased Gen, Epoch and Since go on.
type Known struct {
	Openid OpenidRow
	// Guest is the user row of the guest issued for this openid, or of the Browser
	// asked for; zero if there is none, which is usual.
	Guest User
	// GuestGone says that the Browser asked for was erased.
	GuestGone bool
	// Union is the row of the unionid on record for this openid, unless another
	// subject's is claimed; if none is on record, of the claimed one; zero if neither
	// is.
	Union UnionRow
	// UnionForeign says that the claimed unionid is on record in another subject only.
	UnionForeign bool
	// UnionUser is the user that Union leads to, UnionServes what else he serves, in
	// this subject and others, if he is virtual.
	UnionUser   User
	UnionServes []UnionRow
	// Given is the user named in the query, GivenRoot where its forward pointers
	// end (Given itself while it is live). Both are zero if nobody knows the id.
	// A guest id that has no user row yet is filled in from its openid's row, with
	// Version 0.
	Given     User
	GivenRoot User
	// GivenServes are the unionids that GivenRoot serves, of all subjects.
	GivenServes []UnionRow
	// GivenHome is the row of the openid that Given was derived from, if any.
	GivenHome OpenidRow
	// GivenGone says that the user named was erased.
	GivenGone bool
	// Hint is where the hint of the openid leads to, or the unionid that is on record
	// for it in another subject than the claimed one; HintServes as above. Hint is
	// zero if nobody has that id yet.
	Hint       User
	HintServes []UnionRow
	// Login is the login of the session asked for, LoginUser who stands for its user;
	// LoginServes as above.
	Login       LoginRow
	LoginUser   User
	LoginServes []UnionRow
	// Prev are ids retired, directly or through others, into UnionUser, or else into
	// LoginUser, since PrevSince: the youngest retirement first, at most eight.
	Prev []string
}

// UserFacts is all that is known of a user.
type UserFacts struct {
	// Given is the user asked for, Root who stands for him now. Both are zero if
	// nobody knows the id. A guest without a row is filled in as in [Known].
	Given, Root User
	Gone        bool // the id was erased
	Unions      []UnionRow
	// Openids are those on record with one of Unions, and the home of a guest.
	Openids []OpenidRow
	// Retired are the ids that forward to Root, the youngest retirement first.
	Retired []User
	Logins  int // sessions in which Root is logged in without a unionid
}

// OpenidFacts is an openid with the user that it leads to, for an export.
type OpenidFacts struct {
	OpenidRow
	User User // zero for a guest whose id has no row
}
