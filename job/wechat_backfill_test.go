package job_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// crowdFor is how many people the large tests have. Most of what they try doesn't depend
// on the engine, and one suffices for the crowd.
func crowdFor(place string) int {
	if strings.HasPrefix(place, "postgres://") || raceDetector {
		return 1200
	}
	return 5000
}

// troubles arms faults that strike now and then while a job goes on.
func troubles(sim *wechatsim.Server) {
	for _, fault := range []string{"busy", "host_down", "http_500", "not_json", "numbers_as_strings", "unknown_fields"} {
		sim.Fail(fault, wechatsim.Always(), wechatsim.Chance(0.06))
	}
	sim.Fail("token_dead", wechatsim.Times(4), wechatsim.Chance(0.1))
	sim.Fail("rate_limited", wechatsim.Times(2), wechatsim.Chance(0.1), wechatsim.On("/cgi-bin/user/info/batchget"))
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, place string) {
		manyFans := crowdFor(place)
		p := newPlatform(t, place, manyFans)
		p.visit(t, "main", upTo(manyFans)...)
		p.visit(t, "shop", upTo(300)...)
		guests := p.onRecord(t, "main", appID, manyFans)
		troubles(p.sim)
		stop := p.run(t)
		began := time.Now()
		j := p.start(t, job.Backfill, nil)
		// Somewhere in the middle the process is restarted.
		for idle := 0; p.get(t, j.ID).Done < 600; idle++ {
			select {
			case <-p.states:
				p.wakeAfter(time.Minute)
			case <-time.After(5 * time.Millisecond):
				if idle%100 == 99 { // it may wait for longer than a minute
					p.wakeAfter(time.Minute)
				}
			}
		}
		stop()
		p.advance(time.Hour)
		p.run(t)
		done, waited := p.finish(t, j.ID)
		t.Logf("%d openids in %v, %d waits, %d calls", done.Done, time.Since(began), len(waited), p.sim.Calls("/cgi-bin/user/info/batchget"))
		if done.State != job.Done || done.Done != int64(manyFans)+300 || done.Total != int64(manyFans)+300 || done.Problems != 0 {
			t.Errorf("got %+v", done)
		}
		for realm, people := range map[string]int{"main": manyFans, "shop": 300} {
			known := p.onRecord(t, realm, appID, manyFans)
			if len(known) != people {
				t.Errorf("%s has %d openids on record, want %d: who was never there stays unknown", realm, len(known), people)
			}
			for i, row := range known {
				want := p.sim.UnionID(name(i), appID)
				if i%10 == 9 {
					want = "" // WeChat tells the unionids of followers alone
				}
				if row.UnionID != want {
					t.Fatalf("%s: %s is on record with the unionid %q, want %q", realm, name(i), row.UnionID, want)
				}
			}
		}
		for _, i := range []int{0, 1111, 9} {
			if got := p.userOf(t, "main", guests[i].Openid, "acme"); got != guests[i].Guest {
				t.Errorf("%s is %s now, was %s", name(i), got, guests[i].Guest)
			}
		}
		again := p.start(t, job.Backfill, nil)
		if done, _ := p.finish(t, again.ID); done.Filled != 0 {
			t.Errorf("a second time %d were filled", done.Filled)
		}
	})
}

func TestBackfillRefuses(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, t.TempDir()+"/facts.db", 3)
	for _, kind := range []string{job.Backfill, job.ResubjectBackfill} {
		p.subject = appID
		_, err := p.Start(t.Context(), kind, appID, nil, "x")
		wantRefusal(t, err, "subject_missing")
		_, err = p.Start(t.Context(), kind, "wx9999999999999999", nil, "x")
		wantRefusal(t, err, "account_unknown")
	}
}

func TestBackfillProblems(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, t.TempDir()+"/facts.db", 250)
	p.visit(t, "main", upTo(250)...)
	// Somebody imported openids of another account, and one whose WeChat account leads to
	// somebody else than the old table says.
	for _, id := range []string{"oforeign0000000000000000000a", "oforeign0000000000000000000b"} {
		if _, err := p.centre.Import(t.Context(), identity.Import{Realm: "main", Openid: identity.Openid{AppID: appID, OpenID: id}, Unionid: identity.Unionid{Subject: "acme"}, User: "user-" + id[27:], Actor: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	p.run(t)
	j := p.start(t, job.Backfill, nil)
	done, _ := p.finish(t, j.ID)
	if codes := p.problems(t, j.ID); done.State != job.Done || done.Done != 252 || done.Filled != 225 || codes["openid_wrong"] != 2 || len(codes) != 1 {
		t.Errorf("got %+v with problems %v", done, codes)
	}
}

func TestResubjectBackfill(t *testing.T) {
	t.Parallel()
	const people = 400
	p := newPlatform(t, t.TempDir()+"/facts.db", people)
	p.visit(t, "main", upTo(people)...)
	p.run(t)
	first := p.start(t, job.Backfill, nil)
	p.finish(t, first.ID)
	before := p.onRecord(t, "main", appID, people)
	users := map[int]string{}
	for i, row := range before {
		users[i] = p.userOf(t, "main", row.Openid, "acme")
	}
	if err := p.sim.ChangeAccount(appID, func(a *wechatsim.Account) { a.Subject = "other" }); err != nil {
		t.Fatal(err)
	}
	if _, err := p.facts.Subject(t.Context(), appID, "acme"); err != nil {
		t.Fatal(err)
	}
	if err := p.centre.Resubject(t.Context(), []string{"main"}, appID, "acme", "other", identity.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	p.subject = "other"
	j := p.start(t, job.ResubjectBackfill, nil)
	done, _ := p.finish(t, j.ID)
	if done.State != job.Done || done.Filled != people*9/10 || done.Problems != 0 {
		t.Errorf("got %+v", done)
	}
	for i, row := range p.onRecord(t, "main", appID, people) {
		want := identity.Unionid{Subject: "other", UnionID: p.sim.UnionID(name(i), appID)}
		if i%10 == 9 {
			want = before[i].Unionid
		}
		if row.Unionid != want || row.UnionID != "" && row.UnionID == before[i].UnionID {
			t.Fatalf("%s is on record with %+v, want %+v", name(i), row.Unionid, want)
		}
		if got := p.userOf(t, "main", row.Openid, "other"); got != users[i] {
			t.Fatalf("%s is %s now, was %s", name(i), got, users[i])
		}
	}
}
