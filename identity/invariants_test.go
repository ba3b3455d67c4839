package identity

// find is Resolve(O) of the law.
func (p *play) find(o OpenidRow) User {
	if o.UnionID != "" {
		return p.facts.users[p.facts.unions[o.Unionid].User]
	}
	if u, ok := p.facts.users[o.Guest]; ok {
		return u
	}
	return User{ID: o.Guest, Kind: Virtual, Born: o.Issued}
}

// check holds all invariants against the facts, after every change.
func (p *play) check() {
	f := p.facts
	for key, o := range f.openids {
		u := p.find(o)
		if u.ID == "" || !u.Live() {
			p.Fatalf("I1: %s leads to %q, retired into %q", key.OpenID, u.ID, u.Parent)
		}
		if o.UnionID == "" && u.Kind == Real {
			p.Fatalf("I6: %s has no unionid and leads to real user %s", key.OpenID, u.ID)
		}
		if was, ok := p.linked[key]; ok && was != o.Unionid {
			p.Fatalf("I7: %s was %s, now %s", key.OpenID, was, o.Unionid)
		}
		if o.UnionID != "" {
			p.linked[key] = o.Unionid
		}
		if was, ok := p.ranks[key]; ok && was.ID != u.ID && !u.outranks(was) {
			p.Fatalf("I13: %s led to %s, now to %s, who is less", key.OpenID, was.ID, u.ID)
		}
		p.ranks[key] = u
	}
	p.checkUnions()
	p.checkRetired()
}

func (p *play) checkUnions() {
	type service struct{ subject, user string }
	serves := map[service]string{}
	for n, row := range p.facts.unions {
		u, ok := p.facts.users[row.User]
		if !ok || !u.Live() {
			p.Fatalf("I2: %s leads to %s, retired into %q", n, row.User, u.Parent)
		}
		if other, twice := serves[service{n.Subject, u.ID}]; twice {
			p.Fatalf("I2: %s serves %s and %s", u.ID, other, n.UnionID)
		}
		serves[service{n.Subject, u.ID}] = n.UnionID
	}
}

func (p *play) checkRetired() {
	f := p.facts
	heard := map[string]int{}
	for i, e := range f.events {
		heard[e.Old]++
		if i >= p.told && !f.users[e.New].Live() {
			p.Fatalf("I5: event %s→%s comes after that of %s", e.Old, e.New, e.New)
		}
		if f.users[e.Old].Live() || f.users[e.Old].Parent != e.New {
			p.Fatalf("I5: event %s→%s, but the parent is %q", e.Old, e.New, f.users[e.Old].Parent)
		}
	}
	p.told = len(f.events)
	for id, u := range f.users {
		if was, ok := p.gone[id]; ok && was != u.Parent {
			p.Fatalf("I3: %s was retired into %s, now into %q", id, was, u.Parent)
		}
		if u.Live() {
			continue
		}
		p.gone[id] = u.Parent
		if heard[id] != 1 {
			p.Fatalf("I5: %s is retired, heard %d times", id, heard[id])
		}
		if parent := f.users[u.Parent]; !parent.outranks(u) {
			p.Fatalf("I3: %s is retired into %q, who is less", id, u.Parent)
		}
	}
}
