package job_test

import (
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, place string) {
		const people = 650
		p := newPlatform(t, place, people)
		p.visit(t, "main", upTo(people)...)
		p.visit(t, "shop", 0, 1, 2, 9)
		// The first 200 have logged in as users of the business, the next 200 are known by
		// their unionid alone, the rest are guests.
		users := map[int]string{}
		for i := range people {
			old := identity.Openid{AppID: appID, OpenID: p.sim.OpenID(name(i), appID)}
			if i < 400 {
				claim := p.claim("main", i, p.sim.UnionID(name(i), appID))
				if i < 200 {
					claim.User, claim.UserKind, claim.Bind = "customer-"+name(i), identity.Real, true
				}
				if _, err := p.centre.Resolve(t.Context(), claim); err != nil {
					t.Fatal(err)
				}
			}
			users[i] = p.userOf(t, "main", old, "acme")
		}
		if err := p.sim.Migrate(appID, newAppID); err != nil {
			t.Fatal(err)
		}
		p.sim.Fail("busy", wechatsim.Always(), wechatsim.Chance(0.2))
		p.sim.Fail("token_dead", wechatsim.Times(2))
		p.run(t)
		for round := range 2 {
			started, err := p.Start(t.Context(), job.Migrate, newAppID, map[string]string{job.ParamFrom: appID}, "key:k1")
			if err != nil {
				t.Fatal(err)
			}
			done, _ := p.finish(t, started.ID)
			codes := p.problems(t, started.ID)
			if done.State != job.Done || done.Done != people+4 || done.Problems != people/10+1 || codes["ori_openid_error"] != people/10+1 || len(codes) != 1 {
				t.Errorf("round %d: got %+v with problems %v", round, done, codes)
			}
			for i, was := range users {
				o := identity.Openid{AppID: newAppID, OpenID: p.sim.OpenID(name(i), newAppID)}
				if i%10 == 9 {
					continue // stays who he was, at the old account
				}
				unionID := p.sim.UnionID(name(i), newAppID)
				if i < 400 {
					unionID = "" // known from before
				}
				answer, err := p.centre.Resolve(t.Context(), identity.Claim{Realm: "main", Openid: o, Unionid: identity.Unionid{Subject: "acme", UnionID: unionID}, Via: "web_login"})
				if err != nil || answer.User.ID != was {
					t.Fatalf("round %d: %s is %s now, %v; was %s", round, name(i), answer.User.ID, err, was)
				}
			}
		}
		if n := p.sim.Calls("/cgi-bin/changeopenid"); n < 16 {
			t.Errorf("only %d calls", n)
		}
	})
}

func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, t.TempDir()+"/facts.db", 3)
	for from, want := range map[string]string{"": "from_missing", "gh_0123456789ab": "from_missing", newAppID: "from_same"} {
		_, err := p.Start(t.Context(), job.Migrate, newAppID, map[string]string{job.ParamFrom: from}, "x")
		wantRefusal(t, err, want)
	}
	_, err := p.Start(t.Context(), job.Migrate, "wx9999999999999999", map[string]string{job.ParamFrom: appID}, "x")
	wantRefusal(t, err, "account_unknown")
}

func TestMigrateTooLate(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, t.TempDir()+"/facts.db", 30, func(c *job.Config) { c.MaxTries = 3 })
	p.visit(t, "main", upTo(30)...)
	p.run(t)
	started, err := p.Start(t.Context(), job.Migrate, newAppID, map[string]string{job.ParamFrom: appID}, "x")
	if err != nil {
		t.Fatal(err)
	}
	if done, _ := p.finish(t, started.ID); done.State != job.Failed || done.Why != "wechat_63178" || done.Done != 0 {
		t.Errorf("got %+v", done)
	}
}
