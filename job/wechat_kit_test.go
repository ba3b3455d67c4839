package job_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

const (
	newAppID = "wx1111111111111111"
	secret   = "0123456789abcdef0123456789abcdef"
)

// platform is a gateway's worth of facts before a simulated WeChat.
type platform struct {
	*desk
	sim    *wechatsim.Server
	facts  *sqlstore.Store
	centre *identity.Centre
	kinds  *job.Kinds
	client *wechat.Client

	mu      sync.Mutex
	tokens  map[string]string
	subject string
	realms  []string
}

// newPlatform makes one with so many people, of whom every tenth doesn't follow.
func newPlatform(t *testing.T, place string, people int, edits ...func(*job.Config)) *platform {
	t.Helper()
	c := newClock()
	p := &platform{facts: openAt(t, place), tokens: map[string]string{}, subject: "acme", realms: []string{"main", "shop"}}
	p.sim = wechatsim.StartT(t, func(o *wechatsim.Options) {
		o.Now, o.FanPage = c.Now, 700
		o.Accounts = []wechatsim.Account{
			{AppID: appID, Secret: secret, Name: "old", Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true},
			{AppID: newAppID, Secret: secret, Name: "new", Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true},
		}
		o.People = nil
		for i := range people {
			person := wechatsim.Person{Name: name(i)}
			if i%10 != 9 {
				person.Follows = []string{appID}
			}
			o.People = append(o.People, person)
		}
	})
	var err error
	p.client, err = wechat.NewClient(wechat.Config{
		OpenURL: p.sim.URL, Hosts: []string{p.sim.URL}, Now: c.Now, Trip: 1000,
		Sleep: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	p.centre = &identity.Centre{
		Store: p.facts, PrevFor: 24 * time.Hour, Now: c.Now,
		GuestKey: func(realm string) ([]byte, error) { return bytes.Repeat([]byte(realm[:1]), 32), nil },
	}
	p.kinds = &job.Kinds{
		Centre: p.centre, Facts: p.facts, Followers: p.facts, WeChat: p.client, Call: p.call, Now: c.Now,
		Account: func(id string) (job.Account, bool) {
			return job.Account{AppID: id, Subject: p.subject, Realms: p.realms}, id == appID || id == newAppID
		},
	}
	p.desk = stillDesk(p.facts, p.kinds.Works(), c, edits...)
	return p
}

func name(i int) string { return fmt.Sprintf("p%04d", i) }

// call keeps one token an account, and gets another when WeChat says that it is dead.
func (p *platform) call(ctx context.Context, id string, call func(ctx context.Context, as wechat.Bearer) error) error {
	for try := 0; ; try++ {
		p.mu.Lock()
		token := p.tokens[id]
		p.mu.Unlock()
		if token == "" {
			fresh, err := p.client.StableToken(ctx, id, secret, false)
			if err != nil {
				return err
			}
			token = fresh.Token
			p.mu.Lock()
			p.tokens[id] = token
			p.mu.Unlock()
		}
		err := call(ctx, wechat.Bearer{AppID: id, Token: token})
		var said *wechat.Error
		if !errors.As(err, &said) || said.Class != wechat.ClassRefresh || try > 0 {
			return err
		}
		p.mu.Lock()
		p.tokens[id] = ""
		p.mu.Unlock()
	}
}

// visit lets people open a page of a realm silently, which tells no unionid.
func (p *platform) visit(t *testing.T, realm string, people ...int) {
	t.Helper()
	var all sync.WaitGroup
	for some := range slices.Chunk(people, max(1, len(people)/32)) {
		all.Go(func() {
			for _, i := range some {
				_, err := p.centre.Resolve(context.Background(), p.claim(realm, i, ""))
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func (p *platform) claim(realm string, person int, unionID string) identity.Claim {
	return identity.Claim{
		Realm: realm, Openid: identity.Openid{AppID: appID, OpenID: p.sim.OpenID(name(person), appID)},
		Unionid: identity.Unionid{Subject: p.subject, UnionID: unionID}, Via: "web_login",
	}
}

// onRecord is what is known of people in a realm, by person; a person of whom nothing is
// known is not there.
func (p *platform) onRecord(t *testing.T, realm, account string, people int) map[int]identity.OpenidRow {
	t.Helper()
	ids := make([]string, people)
	for i := range ids {
		ids[i] = p.sim.OpenID(name(i), account)
	}
	named, err := p.facts.OpenidsNamed(t.Context(), realm, account, ids)
	if err != nil {
		t.Fatal(err)
	}
	known := map[int]identity.OpenidRow{}
	for i, id := range ids {
		if row, ok := named[id]; ok {
			known[i] = row
		}
	}
	return known
}

// userOf is whom an openid leads to.
func (p *platform) userOf(t *testing.T, realm string, o identity.Openid, subject string) string {
	t.Helper()
	answer, err := p.centre.Resolve(t.Context(), identity.Claim{Realm: realm, Openid: o, Unionid: identity.Unionid{Subject: subject}, Via: "web_login"})
	if err != nil {
		t.Fatal(err)
	}
	return answer.User.ID
}

// finish wakes the runner whenever its job waits, at the time that it waits for, until the
// job is over, and tells what it waited for.
func (p *platform) finish(t *testing.T, id string) (done job.Job, waited []job.Job) {
	t.Helper()
	patience := time.After(8 * time.Minute)
	for {
		select {
		case j := <-p.states:
			switch {
			case j.ID != id:
			case j.State == job.Waiting:
				waited = append(waited, j)
				p.wakeAfter(max(j.Until.Sub(p.Now()), 0))
			case j.State.Ended():
				return p.get(t, id), waited
			}
		case <-patience:
			t.Fatalf("the job is not over in time: %+v", p.get(t, id))
		}
	}
}

// problems are the problems of a job by row, and none of them names anybody.
func (p *platform) problems(t *testing.T, id string) map[string]int {
	t.Helper()
	list, err := p.Problems(t.Context(), id, 0, job.MaxProblems)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]int{}
	for _, problem := range list {
		codes[problem.Code]++
		if len(problem.Row) > 12 || !strings.Contains(problem.Row, "…") {
			t.Fatalf("problem %+v names its row whole", problem)
		}
	}
	return codes
}

// upTo are the numbers below n.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// shortList is a WeChat whose list of followers ends after a page.
type shortList struct{ job.WeChat }

func (s shortList) FanPage(ctx context.Context, as wechat.Bearer, after string) (wechat.FanPage, error) {
	page, err := s.WeChat.FanPage(ctx, as, after)
	page.OpenIDs, page.Next = page.OpenIDs[:min(len(page.OpenIDs), 100)], ""
	return page, err
}
