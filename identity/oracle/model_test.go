package oracle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

type (
	openid  = identity.Openid
	unionid = identity.Unionid
)

// person is a user id.
type person struct {
	real    bool
	born    time.Time
	home    openid
	parent  string
	blocked bool
}

// record is what is known of an openid.
type record struct {
	on     unionid
	gen    int
	guest  string
	issued time.Time
	hint   string
	since  bool
}

type login struct {
	openid openid
	user   string
}

type move struct {
	user  string
	to    openid
	due   time.Time
	state string
}

// model is one realm.
type model struct {
	policy  identity.Policies
	actual  func(id string) string // the id by which the gateway knows whom we mean
	now     time.Time
	openids map[openid]*record
	unions  map[unionid]string
	people  map[string]*person
	logins  map[string]login
	moves   []*move

	erased map[string]bool // ids
	gens   map[openid]int  // with which an erased openid goes on
	epochs map[unionid]int

	told    []string // the events of this step
	heard   map[string]bool
	listed  []contradiction
	pending *contradiction
}

// answer is who a claim turned out to be, or why not.
type answer struct {
	user                           string
	linked, session, hinted, spent bool
	since, blocked                 bool
	code                           string
}

func newModel(policy identity.Policies) *model {
	return &model{
		policy: policy, openids: map[openid]*record{}, unions: map[unionid]string{}, people: map[string]*person{}, logins: map[string]login{},
		erased: map[string]bool{}, gens: map[openid]int{}, epochs: map[unionid]int{}, heard: map[string]bool{},
	}
}

func (m *model) k() int { return max(m.policy.Unionids, 1) }

// The ids that the gateway mints, by what they are minted from.
func guestOf(o openid, gen int) string {
	return fmt.Sprintf("guest of %s/%s, %d", o.AppID, o.OpenID, gen)
}

func partedOf(n unionid, epoch int) string {
	return fmt.Sprintf("parted %s/%s, %d", n.Subject, n.UnionID, epoch)
}

func madeOf(n unionid, epoch int) string {
	return fmt.Sprintf("registered %s/%s, %d", n.Subject, n.UnionID, epoch)
}

func (m *model) root(id string) string {
	for m.people[id] != nil && m.people[id].parent != "" {
		id = m.people[id].parent
	}
	return id
}

// looksMinted says that no business would call a user so.
func looksMinted(id string) bool {
	return strings.HasPrefix(id, "guest of ") || strings.HasPrefix(id, "parted ")
}

// issuedFor finds the openid whose guest an id without a row is.
func (m *model) issuedFor(id string) (openid, *record) {
	for o, r := range m.openids {
		if r.guest == id && id != "" {
			return o, r
		}
	}
	return openid{}, nil
}

// known is the user behind an id, or nil.
func (m *model) known(id string) *person {
	if p := m.people[id]; p != nil {
		return p
	}
	if o, r := m.issuedFor(id); r != nil {
		return &person{born: r.issued, home: o}
	}
	return nil
}

// row makes sure that somebody is in the table of users.
func (m *model) row(id string, p *person) {
	if m.people[id] == nil {
		m.people[id] = p
	}
}

func (m *model) serves(id string) (all []unionid) {
	for n, u := range m.unions {
		if u == id {
			all = append(all, n)
		}
	}
	return all
}

// others counts what a user serves in a subject besides n.
func (m *model) others(id string, n unionid) (count int) {
	for _, s := range m.serves(id) {
		if s.Subject == n.Subject && s != n {
			count++
		}
	}
	return count
}

// room says that these, who come to serve n too, could be one who keeps to the policy.
func (m *model) room(n unionid, ids ...string) bool {
	all := map[unionid]bool{n: true}
	for _, id := range ids {
		for _, s := range m.serves(id) {
			all[s] = true
		}
	}
	count := map[string]int{}
	for s := range all {
		if count[s.Subject]++; count[s.Subject] > m.k() {
			return false
		}
	}
	return true
}

func (m *model) above(a, b string) bool {
	p, q := m.people[a], m.people[b]
	switch {
	case p.real != q.real:
		return p.real
	case !p.born.Equal(q.born):
		return p.born.Before(q.born)
	}
	return m.actual(a) < m.actual(b)
}

// retire is the end of an id.
func (m *model) retire(id, into string) {
	if id == into {
		return
	}
	m.people[id].parent = into
	for _, n := range m.serves(id) {
		m.unions[n] = into
	}
	m.tell("replaced", id, into)
}

func (m *model) tell(what, old, next string) {
	m.told = append(m.told, fmt.Sprintf("%s [%s] [%s]", what, old, next))
}

// contradiction is a line of the list; it is there once for its key.
type contradiction struct {
	key struct {
		code, got string
		openid    openid
	}
	have string
	user string
}

// list puts a contradiction on the list at the end of this step. Of several the last
// one counts.
func (m *model) list(code string, o openid, have, got, user string) {
	c := contradiction{have: have, user: user}
	c.key.code, c.key.got, c.key.openid = code, got, o
	m.pending = &c
}

// settle ends a step, and says whether anything was new to the list.
func (m *model) settle() bool {
	c := m.pending
	m.pending = nil
	if c == nil || slices.ContainsFunc(m.listed, func(was contradiction) bool { return was.key == c.key }) {
		return false
	}
	m.listed = append(m.listed, *c)
	return true
}
