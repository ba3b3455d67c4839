package oracle

import (
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// live says why a user can't be dealt with.
func (m *model) live(id string) (*person, string) {
	p := m.known(id)
	switch {
	case m.erased[id]:
		return nil, identity.CodeUserErased
	case p == nil:
		return nil, identity.CodeUserUnknown
	case p.parent != "":
		return nil, identity.CodeUserRetired
	}
	return p, ""
}

// openidsOf are those through which a user is reached.
func (m *model) openidsOf(id string) (all []openid) {
	for o, r := range m.openids {
		if r.on.UnionID != "" && m.unions[r.on] == id || r.on.UnionID == "" && r.guest == id {
			all = append(all, o)
		}
	}
	return all
}

func (m *model) unbind(user, subject string) string {
	p, code := m.live(user)
	if code != "" {
		return code
	}
	subjects := map[string]bool{}
	for _, n := range m.serves(user) {
		subjects[n.Subject] = true
	}
	switch {
	case !p.real || len(subjects) == 0:
		return identity.CodeNotBound
	case p.blocked:
		return identity.CodeUserBlocked
	case subject == "" && len(subjects) > 1:
		return identity.CodeSubjectNeeded
	case subject != "" && !subjects[subject]:
		return identity.CodeNotBound
	}
	m.part(user, subject)
	return ""
}

// part parts a user from all unionids of a subject, or of the only one.
func (m *model) part(user, subject string) {
	for _, n := range m.serves(user) {
		if subject != "" && n.Subject != subject {
			continue
		}
		m.epochs[n]++
		w := partedOf(n, m.epochs[n])
		m.people[w] = &person{born: m.now}
		m.unions[n] = w
		m.tell("unbound", user, w)
		for _, r := range m.openids {
			if r.on == n {
				r.since = true
			}
		}
	}
}

func (m *model) merge(from, into string) string {
	if from == into {
		return identity.CodeSameUser
	}
	p, code := m.live(from)
	if code != "" {
		return code
	}
	q, code := m.live(into)
	if code != "" {
		return code
	}
	for _, x := range []*person{p, q} {
		switch {
		case !x.real:
			return identity.CodeUserVirtual
		case x.blocked:
			return identity.CodeUserBlocked
		}
	}
	count := map[string]int{}
	for _, n := range m.serves(into) {
		count[n.Subject]++
	}
	for _, n := range m.serves(from) {
		if count[n.Subject]++; count[n.Subject] > m.k() {
			return identity.CodeUserTaken
		}
	}
	m.retire(from, into)
	return ""
}

func (m *model) block(user string, on bool) string {
	p, code := m.live(user)
	if code != "" || p.blocked == on {
		return code
	}
	what := "unblocked"
	if on {
		what = "blocked"
		for _, o := range m.openidsOf(user) {
			m.openids[o].since = true
		}
		for session, l := range m.logins {
			if m.root(l.user) == user {
				delete(m.logins, session)
			}
		}
	}
	p.blocked = on
	m.row(user, p)
	m.tell(what, user, "")
	return ""
}

func (m *model) erase(user string) string {
	if _, code := m.live(user); code != "" {
		return code
	}
	gone := map[string]bool{user: true}
	for id := range m.people {
		if m.root(id) == user {
			gone[id] = true
		}
	}
	serves := m.serves(user)
	for _, o := range m.openidsOf(user) {
		m.gens[o] = m.openids[o].gen + 1
		if guest := m.openids[o].guest; guest != "" {
			gone[guest] = true
		}
		delete(m.openids, o)
		m.forget(func(c contradiction) bool { return c.key.openid == o })
		for s, l := range m.logins {
			if l.openid == o {
				delete(m.logins, s)
			}
		}
		m.moves = slices.DeleteFunc(m.moves, func(v *move) bool { return v.to == o })
	}
	for _, n := range serves {
		m.epochs[n]++
		delete(m.unions, n)
		m.forget(func(c contradiction) bool { return c.have == n.UnionID || c.key.got == n.UnionID })
	}
	for id := range gone {
		m.erased[id] = true
		m.forget(func(c contradiction) bool { return c.have == id || c.key.got == id || c.user == id })
	}
	for s, l := range m.logins {
		if gone[l.user] {
			delete(m.logins, s)
		}
	}
	for _, r := range m.openids {
		if gone[r.hint] {
			r.hint = ""
		}
		if gone[r.guest] {
			r.guest = ""
			r.gen++
		}
	}
	m.moves = slices.DeleteFunc(m.moves, func(v *move) bool { return gone[v.user] })
	for id := range gone {
		delete(m.people, id)
	}
	m.tell("erased", user, "")
	return ""
}

func (m *model) forget(what func(contradiction) bool) { m.listed = slices.DeleteFunc(m.listed, what) }

func (m *model) waits(user string) *move {
	for _, v := range m.moves {
		if v.user == user && v.state == "waiting" {
			return v
		}
	}
	return nil
}

// mayMove says what stands in the way of a move.
func (m *model) mayMove(user string, to openid) string {
	p, code := m.live(user)
	if code != "" {
		return code
	}
	r := m.openids[to]
	switch {
	case !p.real:
		return identity.CodeUserVirtual
	case p.blocked:
		return identity.CodeUserBlocked
	case r == nil:
		return identity.CodeOpenidUnknown
	case r.on.UnionID == "" || m.unions[r.on] == "":
		return identity.CodeUnionIDNeeded
	}
	w, others := m.unions[r.on], 0
	for _, n := range m.serves(user) {
		if n.Subject == r.on.Subject && n != r.on {
			others++
		}
	}
	switch {
	case others > 1:
		return identity.CodeSeveralUnionIDs
	case w == user:
		return identity.CodeSameUser
	case m.people[w].real:
		return identity.CodeUnionIDTaken
	case m.people[w].blocked:
		return identity.CodeUserBlocked
	}
	return ""
}

func (m *model) rebind(user string, to openid) string {
	if _, code := m.live(user); code != "" {
		return code
	}
	if m.waits(user) != nil {
		return identity.CodeRebindWaiting
	}
	if code := m.mayMove(user, to); code != "" {
		return code
	}
	m.moves = append(m.moves, &move{user, to, m.now.Add(identity.RebindDelay), "waiting"})
	m.tell("rebind_requested", user, "")
	return ""
}

func (m *model) cancel(user string) string {
	if _, code := m.live(user); code != "" {
		return code
	}
	v := m.waits(user)
	if v == nil {
		return identity.CodeRebindUnknown
	}
	v.state = "cancelled"
	m.tell("rebind_ended", user, "")
	return ""
}

// run makes the moves that are due; now is the moment.
func (m *model) run(now time.Time) {
	due := slices.DeleteFunc(slices.Clone(m.moves), func(v *move) bool { return v.state != "waiting" || v.due.After(now) })
	slices.SortStableFunc(due, func(a, b *move) int { return a.due.Compare(b.due) })
	for _, v := range due {
		if v.state = m.mayMove(v.user, v.to); v.state != "" {
			m.tell("rebind_ended", v.user, "")
			continue
		}
		n := m.openids[v.to].on
		w := m.unions[n]
		if !m.hasRoom(v.user, w, n) {
			v.state = identity.CodeUserTaken
			m.tell("rebind_ended", v.user, "")
			continue
		}
		v.state = "done"
		if slices.ContainsFunc(m.serves(v.user), func(s unionid) bool { return s.Subject == n.Subject }) {
			m.part(v.user, n.Subject)
		}
		m.retire(w, v.user)
	}
}

// hasRoom says that a user who gives up what he serves in n's subject may take over
// all that w serves.
func (m *model) hasRoom(user, w string, n unionid) bool {
	count := map[string]int{}
	for _, s := range m.serves(user) {
		if s.Subject != n.Subject {
			count[s.Subject]++
		}
	}
	for _, s := range m.serves(w) {
		if count[s.Subject]++; count[s.Subject] > m.k() {
			return false
		}
	}
	return true
}
