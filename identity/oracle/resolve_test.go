package oracle

import (
	"cmp"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// resolve is K0 to K8 and rows A1 to F2.
func (m *model) resolve(c identity.Claim) answer {
	r := m.openids[c.Openid]
	if r == nil {
		r = &record{gen: m.gens[c.Openid], since: m.gens[c.Openid] > 0}
	}
	n, mismatch := c.Unionid, false
	if r.on.UnionID != "" {
		switch {
		case n.UnionID == "":
			n = r.on // K1
		case n.Subject == r.on.Subject && n != r.on:
			mismatch = true // K2, B1
		}
	}
	var a answer
	var code, holder string
	switch {
	case mismatch && c.Bind:
		code = identity.CodeUnionIDMismatch
	case n.UnionID == "":
		a, code = m.anonymous(c, r)
	default:
		if mismatch {
			n = r.on
			m.list(identity.CodeUnionIDMismatch, c.Openid, r.on.UnionID, c.UnionID, "")
		}
		a, code, holder = m.link(c, r, n)
	}
	if code != "" {
		m.refuse(c, r, code, holder)
		return answer{code: code}
	}
	m.settle()
	if p := m.known(a.user); p != nil {
		a.blocked = p.blocked
	}
	a.since = r.since
	return a
}

// refuse lists and tells what a business tried in vain, once.
func (m *model) refuse(c identity.Claim, r *record, code, holder string) {
	m.pending = nil
	if !c.Bind || c.User == "" {
		return
	}
	got := c.User
	n := c.Unionid
	if r.on.UnionID != "" && (n.UnionID == "" || n.Subject == r.on.Subject) {
		n = r.on
	}
	old := m.unions[n]
	if n.UnionID == "" || old == "" {
		old = cmp.Or(r.guest, c.Browser.ID)
	}
	switch code {
	case identity.CodeUnionIDMismatch:
		holder, got = r.on.UnionID, c.UnionID
	case identity.CodeUnionIDTaken, identity.CodeUserTaken, identity.CodeUserBlocked, identity.CodeUserVirtual:
	default:
		return
	}
	m.list(code, c.Openid, holder, got, c.User)
	id := code + " " + c.User + " " + c.AppID + "/" + c.OpenID + " " + got
	if c.OpenID == "" {
		id = code + " " + c.User
	}
	if m.settle() && !m.heard[id] {
		m.heard[id] = true
		m.tell("conflict", old, c.User)
	}
}

// real finds the real user that a business names (K3, K5).
func (m *model) real(id string) (root, code string) {
	given, root := m.known(id), m.root(id)
	switch {
	case m.erased[id]:
		return "", identity.CodeUserErased
	case given == nil && looksMinted(id), given != nil && !given.real:
		return "", identity.CodeUserVirtual
	case given != nil && m.people[root].blocked:
		return "", identity.CodeUserBlocked
	}
	return root, ""
}

// anonymous is a claim without any unionid.
func (m *model) anonymous(c identity.Claim, r *record) (answer, string) {
	own := r.guest
	spent := false
	if c.OpenID == "" {
		own = c.Browser.ID
		p := m.people[own]
		spent = m.erased[own] || p != nil && (p.parent != "" || !p.blocked)
	}
	if c.User != "" && c.UserKind == identity.Real {
		return m.logIn(c, r, own, spent)
	}
	if l, ok := m.logins[c.Session]; ok && c.Session != "" && sameBrowser(l.openid, c.Openid) {
		return answer{user: m.root(l.user), session: true}, ""
	}
	if spent {
		return answer{spent: true}, ""
	}
	if r.hint != "" && m.policy.Hints {
		return answer{user: m.root(r.hint), hinted: true}, ""
	}
	if own == "" {
		own = m.issue(c.Openid, r)
	}
	return answer{user: own}, ""
}

func (m *model) issue(o openid, r *record) string {
	if r.guest != "" {
		r.gen++
	}
	r.guest, r.issued = guestOf(o, r.gen), m.now
	m.openids[o] = r
	return r.guest
}

// logIn is K8.
func (m *model) logIn(c identity.Claim, r *record, own string, spent bool) (answer, string) {
	if c.Session == "" {
		return answer{}, identity.CodeUnionIDNeeded
	}
	y, code := m.real(c.User)
	if code != "" {
		return answer{}, code
	}
	handOver := own != "" && !spent
	if p := m.people[own]; handOver && p != nil && p.blocked {
		return answer{}, identity.CodeUserBlocked
	}
	m.row(y, &person{real: true, born: m.now})
	if l, ok := m.logins[c.Session]; !ok || m.root(l.user) != y || !sameBrowser(l.openid, c.Openid) {
		m.logins[c.Session] = login{c.Openid, y}
	}
	if handOver {
		if c.OpenID == "" {
			m.row(own, &person{born: c.Browser.Born})
		} else {
			m.row(own, &person{born: r.issued, home: c.Openid})
			r.guest = ""
			r.gen++
		}
		m.retire(own, y)
	}
	return answer{user: y, session: true}, ""
}

// link is a claim with a unionid.
func (m *model) link(c identity.Claim, r *record, n unionid) (a answer, code, holder string) {
	w := m.unions[n]
	wReal := w != "" && m.people[w].real
	var ids []string
	who := map[string]*person{}
	join := func(id string, p *person) {
		if was := m.people[id]; was != nil {
			p = was
		}
		if who[id] == nil {
			ids = append(ids, id)
			who[id] = p
		}
	}
	refuse := func(code, holder string) (answer, string, string) { return answer{}, code, holder }
	if w != "" {
		join(w, nil)
	}
	if r.on.UnionID == "" && r.guest != "" {
		join(r.guest, &person{born: r.issued, home: c.Openid})
	}
	if c.User != "" && c.UserKind == identity.Real {
		y, code := m.real(c.User)
		switch {
		case code != "":
			return refuse(code, "")
		case wReal && w != y:
			return refuse(identity.CodeUnionIDTaken, w)
		case m.others(y, n) >= m.k():
			return refuse(identity.CodeUserTaken, "?")
		case slices.ContainsFunc(ids, func(id string) bool { return who[id].blocked }):
			return refuse(identity.CodeUserBlocked, "")
		case !m.room(n, y, w):
			return refuse(identity.CodeUserTaken, "")
		}
		join(y, &person{real: true, born: m.now})
	} else if c.User != "" {
		if v := m.root(c.User); m.admissible(c, v, n) {
			join(v, m.stranger(c, v))
		}
	}
	m.joinLogin(c, r, n, join)
	m.joinHint(c, r, n, ids, who, join)
	if m.policy.Silent && !slices.ContainsFunc(ids, func(id string) bool { return who[id].real }) {
		join(madeOf(n, m.epochs[n]), &person{real: true, born: m.now})
	}
	if len(ids) == 0 {
		join(m.issue(c.Openid, r), &person{born: m.now, home: c.Openid})
	}
	survivor, blocked := m.choose(ids, who, w)
	r.on, r.hint = n, ""
	m.openids[c.Openid] = r
	m.unions[n] = survivor
	for _, id := range ids {
		m.retire(id, survivor)
	}
	m.people[survivor].blocked = blocked
	a.user, a.linked = survivor, n.Subject == c.Subject
	return a, "", ""
}

// joinLogin lets in who logged in in this session before (I4d), or lists what speaks
// against it.
func (m *model) joinLogin(c identity.Claim, r *record, n unionid, join func(string, *person)) {
	w := m.unions[n]
	wReal := w != "" && m.people[w].real
	if l, ok := m.logins[c.Session]; ok && c.Session != "" && r.on.UnionID == "" {
		u := m.root(l.user)
		switch {
		case l.openid != c.Openid, c.User != "" && c.UserKind == identity.Real:
		case wReal && w != u:
			m.list(identity.CodeUnionIDTaken, c.Openid, w, u, "")
		case m.others(u, n) >= m.k() || u != w && !m.room(n, u, w):
			m.list(identity.CodeUserTaken, c.Openid, n.UnionID, u, "")
		default:
			join(u, nil)
		}
		delete(m.logins, c.Session)
	}
}

// choose makes rows of the candidates, and says who survives and whether he is blocked.
func (m *model) choose(ids []string, who map[string]*person, w string) (survivor string, blocked bool) {
	for id, p := range who {
		m.row(id, p)
		blocked = blocked || p.blocked
	}
	survivor = ids[0]
	for _, id := range ids[1:] {
		stays := m.policy.Attached && survivor == w && !who[id].real
		if m.above(id, survivor) && !stays {
			survivor = id
		}
	}
	return survivor, blocked
}

// stranger is a cookie's guest of whom nothing is known.
func (m *model) stranger(c identity.Claim, v string) *person {
	if p := m.known(v); p != nil {
		return p
	}
	return &person{born: c.UserBorn}
}

// admissible is K4 and K5.
func (m *model) admissible(c identity.Claim, v string, n unionid) bool {
	if m.erased[c.User] {
		return false
	}
	p := m.stranger(c, v)
	if p.real {
		return false
	}
	if serves := m.serves(v); len(serves) > 0 {
		return m.unions[n] == v
	}
	home := m.openids[p.home]
	return p.home == openid{} || p.home == c.Openid || home != nil && home.on == n
}

// joinHint lets in whom an old table, a migration or the former subject names (F1), or
// lists what speaks against it (F2).
func (m *model) joinHint(c identity.Claim, r *record, n unionid, ids []string, who map[string]*person, join func(string, *person)) {
	hint := r.hint
	if hint == "" && r.on.UnionID != "" && r.on.Subject != n.Subject {
		hint = m.unions[r.on]
	}
	if hint == "" {
		return
	}
	u := m.root(hint)
	p := m.known(u)
	if p == nil {
		p = &person{real: true, born: m.now}
	}
	const differs = string(identity.NoteHintDiffers)
	for _, id := range ids {
		if id != u && who[id].real && p.real {
			m.list(differs, c.Openid, id, u, "")
			return
		}
	}
	if !m.room(n, append(slices.Clone(ids), u)...) {
		m.list(differs, c.Openid, m.unions[n], u, "")
		return
	}
	join(u, p)
}

// sameBrowser: one that WeChat doesn't vouch for is the same at every account.
func sameBrowser(a, b openid) bool { return a == b || a.OpenID == "" && b.OpenID == "" }
