package identity

import "slices"

// full says that a user serves as many other unionids of the subject as he may.
func (d *decision) full(serves []UnionRow) bool {
	return served(serves, d.claim.Unionid) >= d.policy.unionids()
}

// hint is the user to whom this openid led in another way: by an old table, through
// another account, or in the subject that its account has left. He takes part if
// nothing speaks against it (F1); else the two go to the list (F2).
func (d *decision) hint(candidates []User) (User, bool) {
	moved := d.known.Openid.UnionID != "" && d.known.Openid.Subject != d.claim.Subject
	id, u := d.known.Openid.Hint, d.known.Hint
	if id == "" && !moved {
		return User{}, false
	}
	if u.ID == "" {
		if u = (User{ID: id, Kind: Real, Born: d.now}); id == "" || minted(id) {
			return User{}, false
		}
	}
	lists := [][]UnionRow{d.known.HintServes}
	for _, c := range candidates {
		if c.Kind == Real && u.Kind == Real && c.ID != u.ID {
			d.differs(c.ID, u.ID)
			return User{}, false
		}
		if c.ID != u.ID {
			lists = append(lists, d.serves(c))
		}
	}
	if !d.room(lists...) {
		d.differs(d.known.UnionUser.ID, u.ID)
		return User{}, false
	}
	return u, true
}

func (d *decision) differs(have, got string) {
	d.note(NoteHintDiffers)
	d.list(string(NoteHintDiffers), have, got)
}

// serves are the unionids that a candidate serves.
func (d *decision) serves(u User) []UnionRow {
	switch u.ID {
	case "":
	case d.known.GivenRoot.ID:
		return d.known.GivenServes
	case d.known.LoginUser.ID:
		return d.known.LoginServes
	case d.known.Hint.ID:
		return d.known.HintServes
	case d.known.UnionUser.ID:
		return d.known.UnionServes
	}
	return nil
}

// room says that those who serve these lists may become one, who serves the claimed
// unionid too.
func (d *decision) room(lists ...[]UnionRow) bool {
	all := []UnionRow{{Unionid: d.claim.Unionid}}
	for _, rows := range lists {
		for _, row := range rows {
			if row.Unionid == d.claim.Unionid {
				continue
			}
			if served(all, row.Unionid) >= d.policy.unionids() {
				return false
			}
			all = append(all, row)
		}
	}
	return true
}

// moveUnions takes along what a virtual user serves in other subjects, so that no
// unionid is left with a retired one, and returns what the survivor serves then. That
// happens only to one whose account has changed its subject.
func (d *decision) moveUnions(survivor User, candidates []User) ([]UnionRow, error) {
	serves := slices.Clone(d.serves(survivor))
	for _, c := range []struct {
		user   User
		serves []UnionRow
	}{{d.known.UnionUser, d.known.UnionServes}, {d.known.Hint, d.known.HintServes}} {
		retired := c.user.ID != survivor.ID && slices.ContainsFunc(candidates, func(u User) bool { return u.ID == c.user.ID })
		if !retired {
			continue
		}
		for _, row := range c.serves {
			if row.Unionid == d.claim.Unionid || slices.ContainsFunc(d.change.Unions, func(n UnionRow) bool { return n.Unionid == row.Unionid }) {
				continue
			}
			if served(serves, row.Unionid) >= d.policy.unionids() {
				return nil, &Conflict{Code: CodeUserTaken, User: survivor.ID}
			}
			row.User, row.Slot = survivor.ID, freeSlot(serves, row.Unionid)
			serves = append(serves, row)
			d.change.Unions = append(d.change.Unions, row)
		}
	}
	return serves, nil
}

// served counts the other unionids of the same subject among rows.
func served(rows []UnionRow, n Unionid) (count int) {
	for _, row := range rows {
		if row.Subject == n.Subject && row.UnionID != n.UnionID {
			count++
		}
	}
	return count
}

// freeSlot is the first that none of a user's other unionids of the subject has.
func freeSlot(rows []UnionRow, n Unionid) (slot int) {
	for slices.ContainsFunc(rows, func(row UnionRow) bool {
		return row.Subject == n.Subject && row.UnionID != n.UnionID && row.Slot == slot
	}) {
		slot++
	}
	return slot
}
