package oracle

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

var by = identity.By{Actor: "command:oracle", Via: "command", Evidence: "none"}

// reals are the users of the business.
var reals = []string{"r1", "r2", "r3"}

// drawID draws any id that somebody could name: a real one, a browser's guest, one of
// those that were seen.
func (w *world) drawID(t *rapid.T) string {
	seen := slices.Clone(reals)
	for id := range w.model.people {
		seen = append(seen, id)
	}
	for id := range w.model.erased {
		seen = append(seen, id)
	}
	for _, r := range w.model.openids {
		if r.guest != "" {
			seen = append(seen, r.guest)
		}
	}
	seen = append(seen, "b1", "b2")
	slices.Sort(seen)
	return rapid.SampledFrom(slices.Compact(seen)).Draw(t, "id")
}

func drawOpenid(t *rapid.T) openid {
	return openid{AppID: rapid.SampledFrom(accounts).Draw(t, "account"), OpenID: fmt.Sprintf("o%d", rapid.IntRange(1, 3).Draw(t, "person"))}
}

// tell fills in what WeChat says of an openid, and sometimes a lie.
func (w *world) tell(t *rapid.T, c *identity.Claim) {
	c.Subject = w.subjects[c.AppID]
	switch n := rapid.IntRange(0, 9).Draw(t, "told"); {
	case c.Subject == c.AppID:
		c.UnionID = c.OpenID
	case n == 0:
		c.UnionID = fmt.Sprintf("%s%d", c.Subject, rapid.IntRange(1, 3).Draw(t, "other"))
	case n < 6:
		c.UnionID = c.Subject + c.OpenID[1:]
	}
}

func (w *world) drawClaim(t *rapid.T) identity.Claim {
	c := identity.Claim{Openid: drawOpenid(t), Via: "oracle"}
	w.tell(t, &c)
	c.Session = rapid.SampledFrom([]string{"", "", "s1", "s2"}).Draw(t, "session")
	c.Bind = rapid.Bool().Draw(t, "bind")
	switch rapid.IntRange(0, 5).Draw(t, "brings") {
	case 0, 1:
		c.User, c.UserKind = rapid.SampledFrom(reals).Draw(t, "real"), identity.Real
	case 2:
		c.User, c.UserKind, c.UserBorn = w.drawID(t), identity.Virtual, birth.Add(-time.Hour)
		if c.User == "b2" {
			c.UserBorn = birth.Add(-time.Minute)
		}
		if slices.Contains(reals, c.User) && w.model.known(c.User) == nil {
			c.User = "" // nobody's cookie names a real user whom we don't know
		}
	case 3:
		c.User, c.UserKind = w.drawID(t), identity.Real
		if c.User == "b1" || c.User == "b2" {
			c.User = "r1" // nobody can tell these from a business's ids
		}
	}
	if rapid.IntRange(0, 7).Draw(t, "browser") == 0 {
		c.OpenID, c.UnionID = "", ""
		c.Browser = identity.User{ID: "b1", Kind: identity.Virtual, Born: birth.Add(-time.Hour)}
	}
	return c
}

// step does one thing, here and there.
func (w *world) step(ctx context.Context, t *rapid.T) error {
	w.now = w.now.Add(time.Minute)
	w.model.now = w.now
	what := rapid.IntRange(0, 19).Draw(t, "what")
	if what < 10 {
		c := w.drawClaim(t)
		w.log = append(w.log, fmt.Sprintf("resolve %v %v %s %q bind %t session %q browser %q", c.Openid, c.Unionid, c.UserKind, c.User, c.Bind, c.Session, c.Browser.ID))
		return w.resolve(ctx, c)
	}
	return w.operate(ctx, t, what)
}

func (w *world) operate(ctx context.Context, t *rapid.T, what int) error {
	m, c := w.model, w.centre
	id := w.drawID(t)
	if rapid.Bool().Draw(t, "real one") {
		id = rapid.SampledFrom(reals).Draw(t, "real")
	}
	say := func(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }
	switch what {
	case 10:
		subject := rapid.SampledFrom([]string{"", "S", "T", "wx4"}).Draw(t, "subject")
		say("unbind %s %s", id, subject)
		return refused(c.Unbind(ctx, w.realm, w.id(id), identity.Unionid{Subject: subject}, by), m.unbind(id, subject))
	case 11, 12:
		into := w.drawID(t)
		say("merge %s %s", id, into)
		return refused(c.Merge(ctx, w.realm, w.id(id), w.id(into), by), m.merge(id, into))
	case 13:
		on := rapid.Bool().Draw(t, "on")
		say("block %s %t", id, on)
		if on {
			return refused(c.Block(ctx, w.realm, w.id(id), by), m.block(id, true))
		}
		return refused(c.Unblock(ctx, w.realm, w.id(id), by), m.block(id, false))
	case 14:
		say("erase %s", id)
		return refused(c.Erase(ctx, w.realm, w.id(id), by), m.erase(id))
	case 15:
		to := drawOpenid(t)
		say("rebind %s %v", id, to)
		_, err := c.Rebind(ctx, w.realm, w.id(id), to, by)
		return refused(err, m.rebind(id, to))
	case 16:
		say("cancel %s", id)
		if rapid.Bool().Draw(t, "cancel") {
			return refused(c.CancelRebind(ctx, w.realm, w.id(id), by), m.cancel(id))
		}
		return w.run(ctx)
	case 17:
		from, to := drawOpenid(t), drawOpenid(t)
		if from == to {
			return nil
		}
		say("migrate %v %v", from, to)
		return refused(c.MigrateOpenid(ctx, w.realm, from, to, w.subjects[to.AppID], by), m.migrate(from, to, w.subjects[to.AppID]))
	case 18:
		// It changes what the claims say from now on.
		w.subjects["wx2"] = "T"
		say("resubject")
		return nil
	}
	return w.load(ctx, t)
}

func (w *world) run(ctx context.Context) error {
	w.now = w.now.Add(identity.RebindDelay)
	w.model.now = w.now
	w.log = append(w.log, "run")
	_, err := w.centre.RunRebinds(ctx, w.realm)
	w.model.run(w.now)
	return err
}

// load imports a row.
func (w *world) load(ctx context.Context, t *rapid.T) error {
	c := identity.Claim{Openid: drawOpenid(t)}
	w.tell(t, &c)
	if rapid.Bool().Draw(t, "user") {
		c.User = w.drawID(t)
		if c.User == "b1" || c.User == "b2" {
			c.User = "r2"
		}
	}
	w.log = append(w.log, fmt.Sprintf("import %v %v %q", c.Openid, c.Unionid, c.User))
	want, wantCode := w.model.load(c)
	got, err := w.centre.Import(ctx, identity.Import{Realm: w.realm, Openid: c.Openid, Unionid: c.Unionid, User: w.id(c.User), Actor: "command:import"})
	if want != "" && got != want {
		return fmt.Errorf("the row became %q, should be %q", got, want)
	}
	return refused(err, wantCode)
}
