package identity

import "time"

// maxPrev bounds the retired ids that a token names.
const maxPrev = 8

// decision is the work in progress of one decide.
type decision struct {
	known  Known
	claim  Claim // its unionid is replaced by the one that holds
	linked bool  // by a unionid of the subject that the account belongs to now
	policy Policies
	ids    minter
	now    time.Time
	change Change
	answer Answer
}

// minter derives the ids that the gateway gives.
type minter interface {
	guest(o Openid, gen int) string
	parted(n Unionid, epoch int) string
	registered(n Unionid, epoch int) string
	// minted recognises the virtual ids: no business may call a user so.
	minted(id string) bool
}

// realmMinter derives them from the key of a realm.
type realmMinter []byte

func (key realmMinter) guest(o Openid, gen int) string         { return GuestID(key, o, gen) }
func (key realmMinter) parted(n Unionid, epoch int) string     { return partedID(key, n, epoch) }
func (key realmMinter) registered(n Unionid, epoch int) string { return registeredID(key, n, epoch) }

func (key realmMinter) minted(id string) bool { return minted(id) || cookieGuest(key, id) }

// decide settles who a claim is and what shall be written. It is pure: the same
// facts and the same claim give the same change, on every node and in every test.
//
// The rules K1 to K8 stand in the order in which they apply; the rows A1 to F2
// are the decision table of docs/identity.md.
func decide(known Known, claim Claim, policy Policies, ids minter, now time.Time) (Change, Answer, error) {
	d := decision{known: known, claim: claim, policy: policy, ids: ids, now: now}
	d.change = Change{Realm: claim.Realm, At: now}
	d.answer.Since = known.Openid.Since

	unionid, err := d.unionid()
	if err == nil && known.UnionForeign && unionid == claim.Unionid {
		err = &Conflict{Code: CodeForeignUnionID, User: claim.User}
	}
	if err != nil {
		return Change{}, Answer{}, err
	}
	if unionid == (Unionid{}) {
		err = d.guest()
	} else {
		err = d.link(unionid)
	}
	if err != nil {
		return Change{}, Answer{}, err
	}
	d.answer.Prev = append(d.answer.Prev, d.known.Prev...)
	d.answer.Prev = d.answer.Prev[:min(len(d.answer.Prev), maxPrev)]
	return d.change, d.answer, nil
}

// unionid fills in what the facts know and the claim doesn't say (K1), and meets a
// claim that contradicts them (K2, B1). What is on record in another subject holds
// until the account's new one is told.
func (d *decision) unionid() (Unionid, error) {
	recorded, claimed := d.known.Openid.Unionid, d.claim.Unionid
	switch {
	case claimed.UnionID == "" && recorded.UnionID == "":
		return Unionid{}, nil
	case claimed.UnionID == "":
		return recorded, nil
	case recorded.UnionID == "" || recorded.Subject != claimed.Subject || recorded == claimed:
		return claimed, nil
	}
	if d.claim.Bind {
		return Unionid{}, &Conflict{Code: CodeUnionIDMismatch}
	}
	// The visitor is not to blame, and the record of his openid still stands.
	d.note(NoteUnionIDMismatch)
	d.list(CodeUnionIDMismatch, recorded.UnionID, claimed.UnionID)
	return recorded, nil
}

// guest resolves a claim without a unionid: to the guest of this openid, whoever
// the browser says it was. Cookies alone never merge anybody (K6; A1, A2).
func (d *decision) guest() error {
	own, issued := d.ownGuest()
	if d.claim.User != "" && d.claim.UserKind == Real {
		return d.logIn(own, issued)
	}
	if d.known.Login.User != "" && d.sameBrowser() {
		d.answer.User, d.answer.InSession = d.known.LoginUser, true
		return nil
	}
	if d.spent() {
		d.answer.Spent = true
		return nil
	}
	if hint, ok := d.sessionHint(); ok {
		d.answer.User, d.answer.Hinted = hint, true
		return nil
	}
	if !issued {
		own = d.issue()
	}
	if d.claim.User != "" && d.claim.User != own.ID {
		d.note(NoteUnlinkedGuest)
	}
	d.answer.User = own
	return nil
}

// sameBrowser says that the login of this session was made as whom the claim is about.
// A browser that WeChat doesn't vouch for is the same one at every account.
func (d *decision) sameBrowser() bool {
	login := d.known.Login
	return login.Openid == d.claim.Openid || login.OpenID == "" && d.claim.OpenID == ""
}

// spent says that the guest of this browser has become somebody. His id is not for
// everybody who holds the phone (K5).
func (d *decision) spent() bool {
	return d.claim.OpenID == "" && (!d.known.Guest.Live() || d.known.GuestGone ||
		d.known.Guest.Version > 0 && d.known.Guest.BlockedAt.IsZero())
}

// sessionHint is the user that an old table names, where the realm believes it (A5).
func (d *decision) sessionHint() (User, bool) {
	id := d.known.Openid.Hint
	if id == "" || !d.policy.Hints {
		return User{}, false
	}
	if d.known.Hint.ID != "" {
		return d.known.Hint, true
	}
	return User{ID: id, Kind: Real, Born: d.now}, true
}

// forgetHinted tells the caches that who was taken for the user of an old table may be
// somebody else now, or more than that.
func (d *decision) forgetHinted() {
	if hint, ok := d.sessionHint(); ok {
		d.change.Stale = append(d.change.Stale, hint.ID)
	}
}

// logIn is a business's login where no unionid is known (K8; A3, A4, A6): the user
// holds in this session only. What the guest of this openid did is handed over to
// him, and the next stranger there is a fresh guest.
func (d *decision) logIn(own User, issued bool) error {
	if d.claim.Session == "" {
		return &Conflict{Code: CodeUnionIDNeeded, User: d.claim.User}
	}
	user, err := d.named()
	if err != nil {
		return err
	}
	if hint := d.known.Openid.Hint; hint != "" && hint != user.ID {
		d.note(NoteHintDiffers)
	}
	d.answer.User, d.answer.InSession = user, true
	d.forgetHinted()
	issued = issued && !d.spent()
	if issued && !own.BlockedAt.IsZero() {
		return &Conflict{Code: CodeUserBlocked, User: d.claim.User}
	}
	login := LoginRow{Session: d.claim.Session, Openid: d.claim.Openid, User: user.ID, Used: d.now}
	if d.known.LoginUser.ID == user.ID && d.sameBrowser() {
		if !issued {
			return nil
		}
	} else {
		d.change.Logins = append(d.change.Logins, login)
		if was := d.known.LoginUser.ID; was != "" {
			d.change.Stale = append(d.change.Stale, was)
		}
	}
	if user.Version == 0 {
		d.change.Users = append(d.change.Users, user)
	} else {
		d.change.Seen = append(d.change.Seen, user)
	}
	if !issued {
		return nil
	}
	d.retire(own, user, "A3")
	if d.claim.OpenID != "" {
		o := d.openidRow()
		o.Gen, o.Guest, o.Issued = o.Gen+1, "", time.Time{}
		d.change.Openids = []OpenidRow{o}
	}
	return nil
}

// named is the real user that a business names, checked as far as that goes without
// knowing for whom. An id that we minted doesn't become real by being called so,
// whoever it forwards to (K5).
func (d *decision) named() (User, error) {
	u := d.known.GivenRoot
	switch {
	case d.known.GivenGone:
		return User{}, &Conflict{Code: CodeUserErased, User: d.claim.User}
	case u.ID == "":
		if d.ids.minted(d.claim.User) {
			return User{}, &Conflict{Code: CodeUserVirtual, User: d.claim.User}
		}
		return User{ID: d.claim.User, Kind: Real, Born: d.now}, nil
	case d.known.Given.Kind != Real || u.Kind != Real:
		return User{}, &Conflict{Code: CodeUserVirtual, User: d.claim.User}
	case !u.BlockedAt.IsZero():
		return User{}, &Conflict{Code: CodeUserBlocked, User: d.claim.User}
	}
	return u, nil
}

// ownGuest is the guest issued for this openid before, or that of the browser, if any.
func (d *decision) ownGuest() (User, bool) {
	if d.claim.OpenID == "" {
		own := d.claim.Browser
		if d.known.Guest.Version > 0 {
			own = d.known.Guest
		}
		return own, true
	}
	o := d.known.Openid
	if g := d.known.Guest; g.Version > 0 && g.ID == o.Guest {
		return g, true
	}
	return User{ID: o.Guest, Kind: Virtual, Born: o.Issued, Home: d.claim.Openid}, o.Guest != ""
}

// issue mints the guest of this openid.
func (d *decision) issue() User {
	o := d.openidRow()
	if o.Guest != "" {
		o.Gen++ // that one has become somebody, who stays behind in another subject
	}
	o.Guest, o.Issued = d.ids.guest(d.claim.Openid, o.Gen), d.now
	d.putOpenid(o)
	return User{ID: o.Guest, Kind: Virtual, Born: d.now, Home: d.claim.Openid}
}

// openidRow is the row of this openid as far as it is decided.
func (d *decision) openidRow() OpenidRow {
	if len(d.change.Openids) > 0 {
		return d.change.Openids[0]
	}
	o := d.known.Openid
	o.Openid = d.claim.Openid
	return o
}

func (d *decision) putOpenid(o OpenidRow) { d.change.Openids = []OpenidRow{o} }

// retire makes u forward to the survivor for ever, and says so (M8).
func (d *decision) retire(u, survivor User, row string) {
	d.change.retire(u, survivor, Event{
		Via: d.claim.Via, Cause: row, Subject: d.claim.Subject, AppID: d.claim.AppID, Trace: d.claim.Trace,
	})
	d.answer.Prev = append(d.answer.Prev, u.ID)
}

// retire adds to a change that u forwards to the survivor, and the event that says
// so; e tells how it came to that.
func (c *Change) retire(u, survivor User, e Event) {
	u.Parent, u.RetiredAt = survivor.ID, c.At
	c.Users = append(c.Users, u)
	c.Stale = append(c.Stale, u.ID)
	e.ID, e.Realm, e.Type, e.Phase = u.ID+".first", c.Realm, EventReplaced, PhaseFirst
	e.Old, e.New, e.At = u.ID, survivor.ID, c.At
	c.Events = append(c.Events, e)
}

func (d *decision) note(n Note) { d.answer.Notes = append(d.answer.Notes, n) }

// list puts a contradiction that stops nobody on the list of those that a person has
// to look at.
func (d *decision) list(code, have, got string) {
	d.change.Conflict = &ConflictRow{
		Realm: d.claim.Realm, Code: code, Openid: d.claim.Openid, Subject: d.claim.Subject, Have: have, Got: got, At: d.now,
	}
}
