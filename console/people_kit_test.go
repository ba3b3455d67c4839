package console_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// people are users in memory. What is done to them is only noted.
type people struct {
	looked    int // how often somebody was looked up
	mu        sync.Mutex
	all       map[string]console.User // of the realm main
	records   []identity.AuditRecord
	conflicts []identity.ConflictRow // the newest first
	refuses   error                  // what everything is refused with, if it is there
	did       []string
}

func (p *people) done() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.did)
}

func (*people) Places(string) []console.Place {
	return []console.Place{{AppID: "wx01", Kind: "service", Subject: "acme"}, {AppID: "wx02", Kind: "mini"}}
}

func (p *people) User(_ context.Context, realm, id string) (console.User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looked++
	for _, u := range p.all {
		if u.Given = u.Root; realm != "main" {
			continue
		}
		for _, r := range u.Retired {
			if r.ID == id {
				u.Given = r
			}
		}
		if u.Given.ID == id {
			return u, nil
		}
	}
	return console.User{}, &identity.Conflict{Code: identity.CodeUserUnknown, User: id}
}

func (p *people) by(leads func(console.User) bool) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, u := range p.all {
		if leads(u) {
			return id, nil
		}
	}
	return "", &identity.Conflict{Code: identity.CodeOpenidUnknown}
}

func (p *people) ByOpenid(_ context.Context, _ string, o identity.Openid) (string, error) {
	if !identity.ValidOpenid(o.OpenID) {
		return "", &identity.Fault{Field: "openid"}
	}
	return p.by(func(u console.User) bool {
		return slices.ContainsFunc(u.Openids, func(r identity.OpenidRow) bool { return r.Openid == o })
	})
}

func (p *people) ByUnionid(_ context.Context, _ string, n identity.Unionid) (string, error) {
	return p.by(func(u console.User) bool {
		return slices.ContainsFunc(u.Unions, func(r identity.UnionRow) bool { return r.Unionid == n })
	})
}

func (p *people) History(context.Context, string, string, int) ([]identity.AuditRecord, error) {
	return p.records, nil
}

func (p *people) Conflicts(_ context.Context, _ string, before int64, limit int) ([]identity.ConflictRow, error) {
	var rows []identity.ConflictRow
	for _, r := range p.conflicts {
		if before == 0 || r.Seq < before {
			rows = append(rows, r)
		}
	}
	return rows[:min(limit, len(rows))], nil
}

func (p *people) Dismiss(_ context.Context, row identity.ConflictRow, dismissed bool, user string, by identity.By) error {
	if err := p.do(fmt.Sprintf("dismiss %d %v of %s", row.Seq, dismissed, user), by); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.conflicts {
		if c := &p.conflicts[i]; c.Seq == row.Seq {
			if c.Dismissed, c.DismissedBy, c.DismissedWhy = time.Now(), by.Actor, by.Evidence; !dismissed {
				c.Dismissed, c.DismissedBy, c.DismissedWhy = time.Time{}, "", ""
			}
		}
	}
	return nil
}

func (p *people) do(what string, by identity.By, seen ...console.Seen) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range seen {
		if s.State != console.StateOf(p.all[s.User].UserFacts) {
			return console.ErrUserChanged
		}
	}
	if p.refuses != nil {
		return p.refuses
	}
	p.did = append(p.did, fmt.Sprintf("%s by %s via %s: %s", what, by.Actor, by.Via, by.Evidence))
	return nil
}

func (p *people) SignOut(_ context.Context, s console.Seen, by identity.By) error {
	return p.do("sign out "+s.User, by, s)
}

func (p *people) Block(_ context.Context, s console.Seen, by identity.By) error {
	return p.do("block "+s.User, by, s)
}

func (p *people) Unblock(_ context.Context, s console.Seen, by identity.By) error {
	return p.do("unblock "+s.User, by, s)
}

func (p *people) Unbind(_ context.Context, s console.Seen, from identity.Unionid, by identity.By) error {
	return p.do("unbind "+s.User+" from "+from.UnionID, by, s)
}

func (p *people) Move(_ context.Context, s console.Seen, user string, to identity.Openid, by identity.By) error {
	return p.do("move "+user+" to "+to.OpenID, by, s)
}

func (p *people) CancelMove(_ context.Context, s console.Seen, by identity.By) error {
	return p.do("cancel move of "+s.User, by, s)
}

func (p *people) Merge(_ context.Context, from, into console.Seen, by identity.By) error {
	return p.do("merge "+from.User+" into "+into.User, by, from, into)
}

func (p *people) Erase(_ context.Context, s console.Seen, by identity.By) error {
	return p.do("erase "+s.User, by, s)
}

// The ids of those in the tests.
const (
	mingOpenid  = "oMingsOpenidAtTheFirst000001"
	mingUnionid = "oMingsUnionidAtAcme000000001"
	liOpenid    = "oLisOpenidAtTheFirst00000001"
	liUnionid   = "oLisUnionidAtAcme00000000001"
)

// met has a real user m1, into whom two ids were merged, and a virtual one.
func (k *kit) met() {
	born := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	link := func(openid, unionid string) ([]identity.OpenidRow, []identity.UnionRow) {
		n := identity.Unionid{Subject: "acme", UnionID: unionid}
		return []identity.OpenidRow{{Openid: identity.Openid{AppID: "wx01", OpenID: openid}, Unionid: n, Version: 1}}, []identity.UnionRow{{Unionid: n, Version: 1}}
	}
	one := console.User{
		Follows: map[identity.Openid]bool{{AppID: "wx01", OpenID: mingOpenid}: true},
		Stands:  []console.Stand{{Merchant: "M1", Name: "<b>Tea</b>", AppID: "wx01"}},
	}
	one.Root = identity.User{ID: "m1", Kind: identity.Real, Born: born, Version: 1}
	one.Openids, one.Unions = link(mingOpenid, mingUnionid)
	one.Retired = []identity.User{
		{ID: "vsecond", Kind: identity.Virtual, Born: born.Add(-48 * time.Hour), Parent: "m1", RetiredAt: born},
		{ID: "vfirst", Kind: identity.Virtual, Born: born.Add(-72 * time.Hour), Parent: "vsecond", RetiredAt: born.Add(-time.Hour), Home: identity.Openid{AppID: "wx01", OpenID: mingOpenid}},
	}
	two := console.User{}
	two.Root = identity.User{ID: "vli", Kind: identity.Virtual, Born: born, Version: 1}
	two.Openids, two.Unions = link(liOpenid, liUnionid)
	k.users.all["m1"], k.users.all["vli"] = one, two
	k.users.records = []identity.AuditRecord{{At: born, Actor: "key:1", Op: "bind", Detail: &identity.AuditDetail{Evidence: "told " + mingOpenid + " <script>"}}}
}
