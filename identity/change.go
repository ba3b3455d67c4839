package identity

import "time"

// Change is what a decision wants written, in one transaction.
type Change struct {
	Realm string
	At    time.Time
	// Openids and Unions are inserted (Version 0) or replaced at their version. A
	// union must lead to a user who is there or among Users, and so must the Parent of
	// a user: a store may refuse what doesn't.
	Openids []OpenidRow
	Unions  []UnionRow
	// Users are inserted (Version 0) or replaced at their version.
	Users []User
	// Seen are users that must still be as they were loaded.
	Seen []User
	// Logins are inserted or replaced; those of EndLogins are taken away.
	Logins    []LoginRow
	EndLogins []string
	// EndLoginsOf are users whose logins are taken away, in all sessions.
	EndLoginsOf []string
	// Rebind is inserted (Version 0) or replaced at its version.
	Rebind *RebindRow
	// Cutoff is written if it goes further than the one that is there for the same.
	Cutoff *Cutoff
	// Erase is carried out before everything else.
	Erase  *Erasure
	Events []Event
	// Conflict is listed once per (realm, openid, code, got). A change that would only
	// list one that is listed already writes nothing at all.
	Conflict *ConflictRow
	// Dismissal is a conflict as it shall stand, dismissed or not; it must be on the list
	// and stand the other way.
	Dismissal *ConflictRow
	// Audit records the change; alone it records what happened outside of a realm.
	Audit *AuditEntry
	// Stale are user ids about which cached answers are no longer true.
	Stale []string
}

// Empty says that there is nothing to write.
func (c Change) Empty() bool {
	return len(c.Openids)+len(c.Unions)+len(c.Users)+len(c.Logins)+len(c.EndLogins) == 0 &&
		c.Rebind == nil && c.Cutoff == nil && c.Erase == nil && c.Conflict == nil && c.Dismissal == nil && c.Audit == nil
}

// Erasure takes everything away that is kept of one person. The counts are of the
// rows that were loaded: if another one has come meanwhile, it is a conflict.
type Erasure struct {
	// Users are the live id and all that were retired into it.
	Users   []string
	Openids []Openid
	Unions  []Unionid
	// Marks are remembered in their place, Salts are the digests whose audit keys are
	// destroyed.
	Marks []Tombstone
	Salts []string
}

// Tombstone remembers that something was erased, by its digest.
type Tombstone struct {
	Mark string
	Gen  int // of an openid: the generation to go on with; of a unionid: the epoch
}

// MarkKind says what a digest stands for.
type MarkKind string

const (
	MarkUser    MarkKind = "user"
	MarkOpenid  MarkKind = "openid"
	MarkUnionid MarkKind = "unionid"
)

// ConflictRow is a contradiction that a person has to look at.
type ConflictRow struct {
	Seq   int64 // set by the store
	Realm string
	Code  string
	Openid
	Subject string
	User    string // the user that was named, if one was
	Have    string // what is on record: a unionid, or the user who holds it
	Got     string // what was claimed: a unionid, or a user
	At      time.Time
	// Dismissed is when somebody decided that nothing need be done; zero while nobody has.
	Dismissed    time.Time
	DismissedBy  string // as an actor of the audit
	DismissedWhy string
}

// RebindState says what became of a move to another WeChat account. Besides these it
// may be the code of the [Conflict] that stood in the way.
type RebindState string

const (
	RebindWaiting   RebindState = "waiting"
	RebindDone      RebindState = "done"
	RebindCancelled RebindState = "cancelled"
)

// RebindRow is a user who shall move to another WeChat account when its time has come.
type RebindRow struct {
	ID   string
	User string
	// Unionid is of the WeChat account that he moves to, Openid by which it was named.
	Unionid
	Openid
	State   RebindState
	Asked   time.Time
	Due     time.Time
	Version int64
}
