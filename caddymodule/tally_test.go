package caddymodule

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// hourly are all hours together, by name.
func (g *gateway) hourly(t *testing.T) map[string]int64 {
	t.Helper()
	counts, err := consoleOverview{g.app}.Counts(t.Context(), g.now().Add(-48*time.Hour), g.now().Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for _, c := range counts {
		all[c.Name] += c.N
	}
	return all
}

func TestTally(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	ming, guest := g.phone("ming"), g.phone("li")
	user := g.who(ming.open(g.at(appA, "shop", "/")))
	ming.open(g.at(appA, "shop", "/two"))
	ming.fetch("GET", g.at(appA, "shop", "/script"))
	guest.ua = uaDesktop
	guest.open(g.at(appA, "shop", "/"))
	ming.open(g.at(appA, "nothing", "/"))
	want := map[string]int64{"visitors": 2, "visits": 3, "logins_done": 1, "logins_guest": 1, "users_minted": 1, "refused": 1}
	if got := g.hourly(t); !maps.Equal(got, want) {
		t.Errorf("after the first visits there are %v", got)
	}
	if err := g.sim.Follow("wang", appA, true); err != nil {
		t.Fatal(err)
	}
	g.settle(t)
	want["pushes"] = 1
	if got := g.hourly(t); !maps.Equal(got, want) {
		t.Errorf("with a follower there are %v", got)
	}
	g.advance(time.Hour)
	waitFor(t, "the facts are looked at again", func() bool { return g.app.factsTrusted(g.now()) })
	g.hourly(t) // from now on in the hour that has begun
	for range 3 {
		ming.open(g.at(appA, "shop", "/"))
	}
	want["visits"], want["visitors"] = 6, 3
	if got := g.hourly(t); !maps.Equal(got, want) {
		t.Errorf("an hour later there are %v", got)
	}
	// A business names him, and he is somebody else from now on.
	if _, err := g.app.telling().Resolve(t.Context(), identity.Claim{
		Realm: "main", Openid: identity.Openid{AppID: appA, OpenID: g.sim.OpenID("ming", appA)}, Unionid: identity.Unionid{Subject: "acme", UnionID: g.sim.UnionID("ming", appA)},
		User: "member-1", UserKind: identity.Real, Bind: true, Via: "api",
	}); err != nil {
		t.Fatal(err)
	}
	if got := g.hourly(t); got["users_merged"] != 1 {
		t.Errorf("with %s merged there are %v", user.Subject, got)
	}
}

func TestTally_outcomes(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[string]console.Counted{
		"base": console.LoginsDone, "mini": console.LoginsDone, "entered": console.LoginsDone, "guest": console.LoginsGuest, "declined": console.LoginsDeclined,
		"state_mismatch": console.LoginsFailed, string(codeLoginRefused): console.LoginsFailed,
		"started": -1, "snapshot": -1, "": -1,
	} {
		var c tally
		c.login(outcome)
		for what := range console.EveryCounted {
			if n := c.sums[what].Load(); (n == 1) != (what == want) {
				t.Errorf("%q counts %d as %s", outcome, n, what)
			}
		}
	}
	var c tally
	for _, err := range []error{nil, &http.MaxBytesError{}, context.Canceled} {
		c.broke(err)
	}
	if n := c.sums[console.Failed].Load(); n != 2 {
		t.Errorf("%d have failed", n)
	}
}

// ledger is a store that can be away.
type ledger struct {
	away  bool
	hours map[time.Time]int64
}

func (l *ledger) AddCounts(_ context.Context, counts []console.Count) error {
	if l.away {
		return identity.ErrUnavailable
	}
	for _, c := range counts {
		l.hours[c.Hour.UTC()] += c.N
	}
	return nil
}

func (l *ledger) SweepCounts(context.Context, time.Time) error { return nil }

func TestTally_visit(t *testing.T) {
	t.Parallel()
	page, script := &http.Request{Method: http.MethodGet, Header: http.Header{"Accept": {"text/html"}}}, &http.Request{Method: http.MethodGet, Header: http.Header{"Accept": {"*/*"}}}
	var c tally
	ming, li := &visitor{}, &visitor{}
	for hour := range int64(3) {
		c.hour.Store(500_000 + hour)
		for range 10 {
			c.visit(page, ming)
			c.visit(script, ming)
			c.visit(page, nil)
		}
	}
	c.visit(script, li)
	if visitors, visits := c.sums[console.Visitors].Load(), c.sums[console.Visits].Load(); visitors != 4 || visits != 60 {
		t.Errorf("of two in three hours it counts %d, with %d pages", visitors, visits)
	}
}

func TestTally_outage(t *testing.T) {
	t.Parallel()
	var c tally
	start := time.Date(2026, 3, 10, 12, 59, 55, 0, time.UTC)
	c.hour.Store(hourOf(start))
	l, total, refused := &ledger{hours: map[time.Time]int64{}}, int64(0), 0
	for step := range 2000 { // of ten seconds: five and a half hours, with an outage of two
		l.away = step > 300 && step < 1000
		for range step % 7 {
			c.add(console.Visits)
			total++
		}
		if err := c.write(t.Context(), l, start.Add(time.Duration(step)*tallyEvery)); err != nil {
			refused++
		}
	}
	var got int64
	for _, n := range l.hours {
		got += n
	}
	if got != total || refused < 600 {
		t.Errorf("of %d there are %d, after %d times in vain", total, got, refused)
	}
	hours := slices.SortedFunc(maps.Keys(l.hours), time.Time.Compare)
	if len(hours) != 7 || !hours[0].Equal(start.Truncate(time.Hour)) || l.hours[hours[2]] < 1000 || l.hours[hours[2]] > 1100 {
		t.Errorf("they are of the hours %v", l.hours)
	}
}

func TestTally_stop(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.who(g.phone("ming").open(g.at(appA, "shop", "/")))
	data := g.app.Facts.SQLite
	g.close()
	after := startGateway(t, "DATA/wsite.db", data)
	if got := after.hourly(t); got["visits"] != 1 || got["logins_done"] != 1 {
		t.Errorf("after a stop there are %v", got)
	}
}
