package nodes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// visitor is a person with a phone. He does one thing after the other.
type visitor struct {
	*phone
	name, member string // member is what the shop calls him
	crowd        *crowd
	dice         *rand.Rand

	bound     bool            // the shop was told nothing against it
	signedOut bool            // the gateway said so
	ended     []string        // Cookie lines that are worth nothing any more
	ids       map[string]bool // every id that the shop knew him by before he was a member
	signedIn  []time.Time
}

// crowd is what visitors have in common.
type crowd struct {
	*world
	visits, logins, binds, signOuts atomic.Int64

	mu     sync.Mutex
	owners map[string]string // who an id belongs to
	wrongs []string          // what must never happen
}

func (w *world) newCrowd(t testing.TB, people int) (*crowd, []*visitor) {
	t.Helper()
	c := &crowd{world: w, owners: map[string]string{}}
	var all []*visitor
	for i := range people {
		name := personName(i)
		all = append(all, &visitor{phone: w.newPhone(t, name), name: name, member: "member-of-" + name, crowd: c, dice: w.dice(uint64(i)), ids: map[string]bool{}})
	}
	return c, all
}

// wrong takes down what must never happen.
func (c *crowd) wrong(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.wrongs) < 20 {
		c.wrongs = append(c.wrongs, fmt.Sprintf(format, args...))
	}
}

// saw holds what the site said of a visitor against who he is.
func (v *visitor) saw(appID string, user said) {
	if user.OpenID != "" && user.OpenID != v.crowd.sim.OpenID(v.name, appID) {
		v.crowd.wrong("%s is shown with somebody else's openid", v.name)
	}
	if user.Kind == identity.Real && user.Subject != v.member {
		v.crowd.wrong("%s is shown as %s", v.name, user.Subject)
	}
	v.crowd.mu.Lock()
	owner, taken := v.crowd.owners[user.Subject]
	if !taken {
		v.crowd.owners[user.Subject] = v.name
	}
	v.crowd.mu.Unlock()
	if taken && owner != v.name {
		v.crowd.wrong("%s is shown as %s, who is %s", v.name, user.Subject, owner)
	}
	if user.Kind == identity.Virtual {
		v.ids[user.Subject] = true
	}
}

// visit opens a page of the shop; ok is false if it couldn't be had.
func (v *visitor) visit(ctx context.Context, appID, address string, open func(context.Context, string) (page, error)) (user said, shown page, ok bool) {
	v.crowd.visits.Add(1)
	shown, err := open(ctx, address)
	for range shown.logins {
		v.crowd.logins.Add(1)
		if appID == appA {
			v.signedIn = append(v.signedIn, time.Now())
		}
	}
	if err != nil || shown.status != http.StatusOK {
		return user, shown, false // which the balancer has judged
	}
	if user, err = shown.user(); err != nil {
		v.crowd.wrong("%s: %s shows %v", v.name, address, err)
		return user, shown, false
	}
	v.saw(appID, user)
	return user, shown, true
}

func (v *visitor) look(ctx context.Context, appID string) (said, bool) {
	user, _, ok := v.visit(ctx, appID, path(appID, "/p"), v.open)
	return user, ok
}

// fetch asks for a page as a script does. Who has no session gets none.
func (v *visitor) fetch(ctx context.Context, appID string) (said, bool) {
	user, _, ok := v.visit(ctx, appID, path(appID, "/p"), func(ctx context.Context, address string) (page, error) {
		return v.send(ctx, http.MethodGet, address, script)
	})
	return user, ok
}

// signIn opens the gateway's login.
func (v *visitor) signIn(ctx context.Context) (said, bool) {
	user, _, ok := v.visit(ctx, appA, path(appA, "/-/login?return="+path(appA, "/p")), v.open)
	if ok && user.OpenID != "" {
		v.signedOut = false
	}
	return user, ok
}

// bind logs him in at the shop, which tells the gateway who he is. It holds if nothing was
// said against it.
func (v *visitor) bind(ctx context.Context) bool {
	user, shown, ok := v.visit(ctx, appA, path(appA, "/login?as="+v.member), v.open)
	if !ok || !user.Linked || user.OpenID == "" || shown.header.Get("X-User-Bind-Error") != "" {
		return false
	}
	v.crowd.binds.Add(1)
	v.bound = true
	return true
}

// signOut signs him out, and says whether the gateway has confirmed it. Three logins within
// half a minute would be taken for a loop.
func (v *visitor) signOut(ctx context.Context) bool {
	recent := 0
	for _, at := range v.signedIn {
		if time.Since(at) < 40*time.Second {
			recent++
		}
	}
	cookies := v.session()
	if recent > 1 || cookies == "" {
		return false
	}
	shown, err := v.send(ctx, http.MethodPost, path(appA, "/-/logout"), form)
	if err != nil || shown.status != http.StatusSeeOther {
		return false
	}
	v.crowd.signOuts.Add(1)
	v.signedOut, v.ended = true, append(v.ended, cookies)
	return true
}

// act does something.
func (v *visitor) act(ctx context.Context) {
	switch n := v.dice.IntN(100); {
	case v.signedOut && n < 30:
		v.signIn(ctx)
	case v.signedOut:
		v.look(ctx, appA)
	case n < 35:
		v.look(ctx, appA)
	case n < 70:
		v.fetch(ctx, appA)
	case n < 80:
		v.look(ctx, appB)
	case n < 84:
		v.visit(ctx, appB, path(appB, "/ask/x"), v.consent)
	case n < 92:
		v.bind(ctx)
	default:
		v.signOut(ctx)
	}
}

// live acts until the day is over, with some time between.
func (v *visitor) live(ctx context.Context, over <-chan struct{}) {
	for {
		pause := time.NewTimer(time.Duration(1000+v.dice.IntN(4000)) * time.Millisecond)
		select {
		case <-over:
			pause.Stop()
			return
		case <-pause.C:
			v.act(ctx)
		}
	}
}

// become makes him what he shall be in the end: signed in, a member, known at both accounts.
func (v *visitor) become(ctx context.Context) {
	if user, ok := v.look(ctx, appA); !ok || user.OpenID == "" {
		if user, ok = v.signIn(ctx); !ok || user.OpenID == "" {
			v.crowd.wrong("%s can't sign in: %+v", v.name, user)
			return
		}
	}
	if !v.bound && !v.bind(ctx) {
		v.crowd.wrong("%s can't become a member", v.name)
	}
	if user, _, ok := v.visit(ctx, appB, path(appB, "/ask/x"), v.consent); !ok || !user.Linked {
		v.crowd.wrong("%s isn't known at the other account: %+v", v.name, user)
	}
}
