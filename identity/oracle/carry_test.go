package oracle

import "github.com/caddy-wsite/caddy-wsite/identity"

// migrate is MigrateOpenid.
func (m *model) migrate(from, to openid, subject string) string {
	old := m.openids[from]
	if old == nil {
		return identity.CodeOpenidUnknown
	}
	c := identity.Claim{Openid: to, Unionid: unionid{Subject: subject}, Bind: true}
	if subject == to.AppID {
		c.UnionID = to.OpenID
	} else if old.on.UnionID != "" && old.on.Subject == subject {
		c.UnionID = old.on.UnionID
		return m.resolve(c).code
	}
	user := ""
	if old.on.UnionID != "" {
		user = m.unions[old.on]
	}
	if user == "" {
		user = old.hint
	}
	guest := user == ""
	if guest {
		user = old.guest
	}
	linked := false
	if user == "" {
		return identity.CodeOpenidUnknown
	}
	wrote, code := m.hint(to, subject, user, false)
	if code != "" {
		return code
	}
	if wrote && guest {
		m.row(user, &person{born: old.issued, home: from})
		old.guest = ""
		old.gen++
	}
	r := m.openids[to]
	linked = wrote && r.on.UnionID != "" && r.on.Subject == subject
	if c.UnionID != "" || linked {
		return m.resolve(c).code
	}
	return ""
}

// hint writes down who an openid led to elsewhere.
func (m *model) hint(o openid, subject, user string, imported bool) (wrote bool, code string) {
	r := m.openids[o]
	if r == nil {
		r = &record{gen: m.gens[o], since: m.gens[o] > 0}
	}
	p, root := m.known(user), m.root(user)
	is := m.known(root) // nil for a business's own whom nobody has met: a row of an old table
	leads := ""
	if r.on.UnionID != "" {
		leads = m.unions[r.on]
	}
	switch {
	case m.erased[user]:
		return false, identity.CodeUserErased
	case r.hint == user, leads != "" && leads == root:
		return false, ""
	case r.hint != "":
		return false, identity.CodeHintTaken
	case imported && (p == nil && looksMinted(user) || p != nil && !p.real):
		return false, identity.CodeUserVirtual
	case r.on.UnionID != "" && r.on.Subject == subject && leads != "" && m.people[leads].real && is != nil && is.real:
		return false, identity.CodeUnionIDTaken
	}
	r.hint = user
	m.openids[o] = r
	return true, ""
}

// load is Import.
func (m *model) load(c identity.Claim) (outcome identity.Imported, code string) {
	c.Bind, c.UserKind, c.Session = true, identity.Real, ""
	r := m.openids[c.Openid]
	linked := r != nil && r.on.UnionID != "" && r.on.Subject == c.Subject
	switch {
	case c.User == "" && c.UnionID == "":
		return "", identity.CodeNothing
	case c.UnionID == "" && !linked:
		wrote, code := m.hint(c.Openid, c.Subject, c.User, true)
		switch {
		case code != "":
			m.refuse(c, &record{}, code, "")
			return "", code
		case !wrote:
			return identity.ImportedSame, ""
		}
		return identity.ImportedHint, ""
	case c.User == "" && m.unions[c.Unionid] == "" && r == nil:
		m.openids[c.Openid] = &record{on: c.Unionid, gen: m.gens[c.Openid], since: m.gens[c.Openid] > 0}
		return identity.ImportedFact, ""
	case c.User == "" && m.unions[c.Unionid] == "" && r != nil && r.on == c.Unionid:
		return identity.ImportedSame, ""
	case c.User == "" && m.unions[c.Unionid] == "" && r != nil && r.on.UnionID == "" && r.guest == "" && r.hint == "":
		r.on = c.Unionid
		return identity.ImportedFact, ""
	}
	policy := m.policy
	m.policy.Silent = false
	a := m.resolve(c)
	m.policy = policy
	return "", a.code // linked or the same: who can tell from outside
}
