package identity

import (
	"slices"
	"time"
)

// link resolves a claim with a unionid: every id that is proved to be this person
// is a candidate, the highest in rank survives, the others are retired into it (K7).
func (d *decision) link(unionid Unionid) error {
	d.linked = unionid.Subject == d.claim.Subject
	d.claim.Unionid = unionid
	union := d.known.Union
	union.Unionid = unionid
	var candidates []User
	row := "C"
	if union.Version > 0 {
		candidates = append(candidates, d.known.UnionUser)
		row = map[Kind]string{Virtual: "D", Real: "E"}[d.known.UnionUser.Kind]
	}
	recorded := d.known.Openid.Unionid
	if own, issued := d.ownGuest(); recorded.UnionID == "" && issued {
		candidates = append(candidates, own)
	}
	candidates, err := d.addGiven(candidates)
	if err != nil {
		return err
	}
	if hint, ok := d.hint(candidates); ok {
		candidates, row = add(candidates, hint), "F"
	}
	if d.policy.Silent && !slices.ContainsFunc(candidates, func(u User) bool { return u.Kind == Real }) {
		candidates = append(candidates, User{ID: d.ids.registered(unionid, union.Epoch), Kind: Real, Born: d.now})
	}
	if len(candidates) == 0 {
		candidates = append(candidates, d.issue())
	}
	return d.settle(candidates, row)
}

// settle writes who survives.
func (d *decision) settle(candidates []User, row string) error {
	union, survivor := d.known.Union, d.survivor(candidates)
	serves, err := d.moveUnions(survivor, candidates)
	if err != nil {
		return err
	}
	if d.linked {
		d.answer.UnionID = d.claim.UnionID
	}
	d.block(&survivor, candidates)
	d.answer.User = survivor
	d.keep(survivor, candidates)
	for _, u := range candidates {
		if u.ID != survivor.ID {
			d.retire(u, survivor, row)
		}
	}
	d.forgetHinted()
	if o := d.openidRow(); o.Unionid != d.claim.Unionid || o.Hint != "" {
		o.Unionid, o.Hint = d.claim.Unionid, ""
		d.putOpenid(o)
	}
	if union.User != survivor.ID {
		union.Unionid, union.User = d.claim.Unionid, survivor.ID
		union.Slot = freeSlot(serves, union.Unionid)
		d.change.Unions = append(d.change.Unions, union)
	}
	if login := d.known.Login; login.Session != "" {
		d.change.EndLogins = append(d.change.EndLogins, login.Session)
	}
	return nil
}

// survivor is the highest in rank. A realm may prefer the virtual user to whom the
// unionid leads already (D3).
func (d *decision) survivor(candidates []User) User {
	best := candidates[0]
	for _, u := range candidates[1:] {
		attached := d.policy.Attached && best.ID == d.known.UnionUser.ID && u.Kind == Virtual
		if u.outranks(best) && !attached {
			best = u
		}
	}
	return best
}

// add puts a user among the candidates, once.
func add(candidates []User, u User) []User {
	if slices.ContainsFunc(candidates, func(c User) bool { return c.ID == u.ID }) {
		return candidates
	}
	return append(candidates, u)
}

// addGiven adds the user that the claim brought along, if he may take part; else the
// one who logged in in this session before the unionid was known (I4d).
func (d *decision) addGiven(candidates []User) ([]User, error) {
	switch {
	case d.claim.User != "" && d.claim.UserKind == Real:
		u, err := d.givenReal(d.known.GivenServes)
		if err != nil {
			return nil, err
		}
		for _, c := range candidates {
			if !c.BlockedAt.IsZero() {
				return nil, &Conflict{Code: CodeUserBlocked, User: d.claim.User}
			}
		}
		return add(candidates, u), nil
	case d.claim.User != "":
		if u, ok := d.givenVirtual(); ok {
			candidates = add(candidates, u)
		} else {
			d.note(NoteStaleGuest)
		}
	}
	if u, ok := d.loggedIn(); ok {
		candidates = add(candidates, u)
	}
	return candidates, nil
}

// loggedIn is the user who logged in in this session before the unionid was known. If
// it leads to somebody else, the visitor is that one, and a person has to look at it.
func (d *decision) loggedIn() (User, bool) {
	login, u, x := d.known.Login, d.known.LoginUser, d.known.UnionUser
	switch {
	case login.User == "" || login.Openid != d.claim.Openid:
		return User{}, false
	case x.Kind == Real && x.ID != u.ID:
		d.list(CodeUnionIDTaken, x.ID, u.ID)
	case d.full(d.known.LoginServes), x.ID != u.ID && !d.room(d.known.LoginServes, d.known.UnionServes):
		d.list(CodeUserTaken, d.claim.UnionID, u.ID)
	default:
		return u, true
	}
	d.note(NoteLoginDropped)
	return User{}, false
}

// givenReal checks a login of a business before anything is written (K3).
func (d *decision) givenReal(serves []UnionRow) (User, error) {
	u, err := d.named()
	if err != nil {
		return User{}, err
	}
	if x := d.known.UnionUser; x.Kind == Real && x.ID != u.ID {
		return User{}, &Conflict{Code: CodeUnionIDTaken, User: d.claim.User, Holder: x.ID}
	}
	if d.full(serves) {
		other := slices.IndexFunc(serves, func(row UnionRow) bool {
			return row.Subject == d.claim.Subject && row.UnionID != d.claim.UnionID
		})
		return User{}, &Conflict{Code: CodeUserTaken, User: d.claim.User, Holder: serves[other].UnionID}
	}
	return u, nil
}

// givenVirtual says whether a cookie's id is evidence. One that can't be this
// person is ignored, not refused: it is stale, or belongs to another WeChat account
// on the same phone (K4, K5).
func (d *decision) givenVirtual() (User, bool) {
	u := d.known.GivenRoot
	switch {
	case d.known.GivenGone:
		return User{}, false
	case u.ID == "":
		// Nothing is known of it. A preview's id must leave no trace (I11), and one
		// without a birth would outrank everybody.
		u = User{ID: d.claim.User, Kind: Virtual, Born: d.claim.UserBorn.UTC().Truncate(time.Microsecond)}
		return u, !ephemeral(u.ID) && !d.claim.UserBorn.IsZero()
	case u.ID == d.known.UnionUser.ID:
		return u, true // the unionid leads there anyway, so this is its repetition
	case len(d.known.GivenServes) > 0:
		// Another unionid of this subject, or one of another subject, which retiring
		// it from here would leave behind.
		return u, false
	}
	return u, u.Kind == Virtual && d.sameHome()
}

// sameHome says that the guest brought along was derived from no openid, from this
// one, or from one that is on record with the same unionid.
func (d *decision) sameHome() bool {
	home := d.known.GivenRoot.Home
	if home == (Openid{}) || home == d.claim.Openid {
		return true
	}
	row := d.known.GivenHome
	return row.Openid == home && row.Unionid == d.claim.Unionid
}

// block passes on that one of the candidates is blocked: they are one person.
func (d *decision) block(survivor *User, candidates []User) {
	for _, u := range candidates {
		if !u.BlockedAt.IsZero() && (survivor.BlockedAt.IsZero() || u.BlockedAt.Before(survivor.BlockedAt)) {
			survivor.BlockedAt = u.BlockedAt
		}
	}
}

// keep writes the survivor where it has no row yet or is blocked only now, and
// otherwise makes sure that nobody retires it meanwhile. A survivor that is linked
// only now was cached as unlinked.
func (d *decision) keep(survivor User, candidates []User) {
	if survivor.Version == 0 {
		d.change.Users = append(d.change.Users, survivor)
		if _, issued := d.ownGuest(); issued || d.claim.User == survivor.ID && survivor.Kind == Virtual {
			d.change.Stale = append(d.change.Stale, survivor.ID)
		}
		return
	}
	was := slices.IndexFunc(candidates, func(u User) bool { return u.ID == survivor.ID })
	if !candidates[was].BlockedAt.Equal(survivor.BlockedAt) {
		d.change.Users = append(d.change.Users, survivor)
		d.change.Stale = append(d.change.Stale, survivor.ID)
		return
	}
	if len(candidates) > 1 || d.known.Union.User != survivor.ID {
		d.change.Seen = append(d.change.Seen, survivor)
	}
}
