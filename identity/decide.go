package identity

import (
	"fmt"
	"slices"
	"time"
)

// maxPrev bounds the retired ids that a token names.
const maxPrev = 8

// decide settles who a claim is and what shall be written. It is pure: the same
// facts and the same claim give the same change, on every node and in every test.
//
// The rules K1 to K7 stand in the order in which they apply; the rows A1 to E6
// are the decision table of docs/identity.md.
func decide(known Known, claim Claim, guestID func(gen int) string, now time.Time) (Change, Answer, error) {
	d := decision{known: known, claim: claim, now: now}
	d.change = Change{Realm: claim.Realm, At: now}

	unionid, err := d.unionid()
	if err != nil {
		return Change{}, Answer{}, err
	}
	if unionid == "" {
		err = d.guest(guestID)
	} else {
		err = d.link(unionid, guestID)
	}
	if err != nil {
		return Change{}, Answer{}, err
	}
	return d.change, d.answer, nil
}

// decision is the work in progress of one decide.
type decision struct {
	known  Known
	claim  Claim
	now    time.Time
	change Change
	answer Answer
}

// unionid fills in what the facts know and the claim doesn't say (K1), and
// meets a claim that contradicts them (K2, B1).
func (d *decision) unionid() (string, error) {
	recorded := d.known.Openid.Unionid
	if recorded.UnionID == "" {
		return d.claim.UnionID, nil
	}
	if recorded.Subject != d.claim.Subject {
		return "", fmt.Errorf("deciding: account %s is on record in subject %q, not %q", d.claim.AppID, recorded.Subject, d.claim.Subject)
	}
	if d.claim.UnionID == "" || d.claim.UnionID == recorded.UnionID {
		return recorded.UnionID, nil
	}
	if d.claim.Bind {
		return "", &Conflict{Code: CodeUnionIDMismatch}
	}
	// The visitor is not to blame, and the record of his openid still stands.
	d.note(NoteUnionIDMismatch)
	d.change.Conflict = &ConflictRow{
		Realm: d.claim.Realm, Code: CodeUnionIDMismatch, Openid: d.claim.Openid, Subject: d.claim.Subject,
		Have: recorded.UnionID, Got: d.claim.UnionID, At: d.now,
	}
	return recorded.UnionID, nil
}

// guest resolves a claim without a unionid: to the guest of this openid, whoever
// the browser says it was. Cookies alone never merge anybody (K6; A1, A2).
func (d *decision) guest(guestID func(gen int) string) error {
	if d.claim.User != "" && d.claim.UserKind == Real {
		return &Conflict{Code: CodeUnionIDNeeded}
	}
	own, issued := d.ownGuest()
	if !issued {
		own = d.issue(guestID)
	}
	if d.claim.User != "" && d.claim.User != own.ID {
		d.note(NoteUnlinkedGuest)
	}
	d.answer.User = own
	return nil
}

// link resolves a claim with a unionid: every id that is proved to be this person
// is a candidate, the highest in rank survives, the others are retired into it (K7).
func (d *decision) link(unionid string, guestID func(gen int) string) error {
	union := d.known.Union
	var candidates []User
	row := "C"
	if union.Version > 0 {
		candidates = append(candidates, d.known.UnionUser)
		row = map[Kind]string{Virtual: "D", Real: "E"}[d.known.UnionUser.Kind]
	}
	first := d.known.Openid.UnionID == "" // this openid was not linked before
	if own, issued := d.ownGuest(); first && issued {
		candidates = append(candidates, own)
	}
	given, ok, err := d.given(unionid)
	if err != nil {
		return err
	}
	if ok && !slices.ContainsFunc(candidates, func(u User) bool { return u.ID == given.ID }) {
		candidates = append(candidates, given)
	}
	if len(candidates) == 0 {
		candidates = append(candidates, d.issue(guestID))
	}

	survivor := candidates[0]
	for _, u := range candidates[1:] {
		if u.outranks(survivor) {
			survivor = u
		}
	}
	d.answer.User, d.answer.UnionID = survivor, unionid
	d.keep(survivor, candidates)
	for _, u := range candidates {
		if u.ID != survivor.ID {
			d.retire(u, survivor, row)
		}
	}
	if first {
		o := d.openidRow()
		o.Unionid = Unionid{Subject: d.claim.Subject, UnionID: unionid}
		d.change.Openid = &o
	}
	if union.User != survivor.ID {
		union.Unionid = Unionid{Subject: d.claim.Subject, UnionID: unionid}
		union.User = survivor.ID
		d.change.Union = &union
	}
	d.answer.Prev = append(d.answer.Prev, d.known.Prev...)
	d.answer.Prev = d.answer.Prev[:min(len(d.answer.Prev), maxPrev)]
	return nil
}

// given is the user that the claim brought along, if he may take part.
func (d *decision) given(unionid string) (User, bool, error) {
	switch {
	case d.claim.User == "":
		return User{}, false, nil
	case d.claim.UserKind == Real:
		u, err := d.givenReal(unionid)
		return u, err == nil, err
	}
	u, ok := d.givenVirtual(unionid)
	if !ok {
		d.note(NoteStaleGuest)
	}
	return u, ok, nil
}

// givenReal checks a login of a business before anything is written (K3). An id
// that we minted doesn't become real by being called so, whoever it forwards to (K5).
func (d *decision) givenReal(unionid string) (User, error) {
	u := d.known.GivenRoot
	if u.ID == "" {
		u = User{ID: d.claim.User, Kind: Real, Born: d.now}
	} else if d.known.Given.Kind != Real || u.Kind != Real {
		return User{}, fmt.Errorf("deciding: %s is a virtual user and can't be named as a real one", d.claim.User)
	}
	if x := d.known.UnionUser; x.Kind == Real && x.ID != u.ID {
		return User{}, &Conflict{Code: CodeUnionIDTaken}
	}
	if serves := d.known.GivenServes; serves != "" && serves != unionid {
		return User{}, &Conflict{Code: CodeUserTaken}
	}
	return u, nil
}

// givenVirtual says whether a cookie's id is evidence. One that can't be this
// person is ignored, not refused: it is stale, or belongs to another WeChat account
// on the same phone (K4, K5).
func (d *decision) givenVirtual(unionid string) (User, bool) {
	u := d.known.GivenRoot
	switch {
	case u.ID == "":
		// Nothing is known of it. A preview's id must leave no trace (I11), and one
		// without a birth would outrank everybody.
		u = User{ID: d.claim.User, Kind: Virtual, Born: d.claim.UserBorn.UTC().Truncate(time.Microsecond)}
		return u, !ephemeral(u.ID) && !d.claim.UserBorn.IsZero()
	case u.ID == d.known.UnionUser.ID:
		return u, true // the unionid leads there anyway, so this is its repetition
	case u.Version > 0:
		// A virtual user gets its row when it begins to serve a unionid: another one
		// of this subject, or one of another subject. Retiring it from here would
		// leave that one behind.
		return u, false
	}
	return u, u.Kind == Virtual && d.sameHome(unionid)
}

// sameHome says that the guest brought along was derived from no openid, from this
// one, or from one that is on record with the same unionid.
func (d *decision) sameHome(unionid string) bool {
	home := d.known.GivenRoot.Home
	if home == (Openid{}) || home == d.claim.Openid {
		return true
	}
	row := d.known.GivenHome
	return row.Openid == home && row.Unionid == Unionid{Subject: d.claim.Subject, UnionID: unionid}
}

// ownGuest is the guest issued for this openid before, if any.
func (d *decision) ownGuest() (User, bool) {
	o := d.known.Openid
	return User{ID: o.Guest, Kind: Virtual, Born: o.Issued, Home: d.claim.Openid}, o.Guest != ""
}

// issue mints the guest of this openid.
func (d *decision) issue(guestID func(gen int) string) User {
	o := d.openidRow()
	o.Guest, o.Issued = guestID(o.Gen), d.now
	d.change.Openid = &o
	return User{ID: o.Guest, Kind: Virtual, Born: d.now, Home: d.claim.Openid}
}

// openidRow is the row of this openid as far as it is decided.
func (d *decision) openidRow() OpenidRow {
	if d.change.Openid != nil {
		return *d.change.Openid
	}
	o := d.known.Openid
	o.Openid = d.claim.Openid
	return o
}

// keep writes the survivor where it has no row yet, and otherwise makes sure that
// nobody retires it meanwhile. A survivor that is linked only now was cached as
// unlinked.
func (d *decision) keep(survivor User, candidates []User) {
	if survivor.Version == 0 {
		d.change.Users = append(d.change.Users, survivor)
		if _, issued := d.ownGuest(); issued || d.claim.User == survivor.ID {
			d.change.Stale = append(d.change.Stale, survivor.ID)
		}
		return
	}
	if len(candidates) > 1 || d.known.Union.User != survivor.ID {
		d.change.Seen = append(d.change.Seen, survivor)
	}
}

// retire makes u forward to the survivor for ever, and says so (M8).
func (d *decision) retire(u, survivor User, row string) {
	u.Parent, u.RetiredAt = survivor.ID, d.now
	d.change.Users = append(d.change.Users, u)
	d.change.Stale = append(d.change.Stale, u.ID)
	d.answer.Prev = append(d.answer.Prev, u.ID)
	d.change.Events = append(d.change.Events, Event{
		ID: u.ID + ".first", Realm: d.claim.Realm, Type: EventReplaced, Old: u.ID, New: survivor.ID,
		Via: d.claim.Via, Cause: row, Subject: d.claim.Subject, AppID: d.claim.AppID, At: d.now, Trace: d.claim.Trace,
	})
}

func (d *decision) note(n Note) { d.answer.Notes = append(d.answer.Notes, n) }
