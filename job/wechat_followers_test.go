package job_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func wantRefusal(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *job.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("got error %v, want the refusal %s", err, code)
	}
}

func TestFollowers(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, place string) {
		manyFans := crowdFor(place)
		p := newPlatform(t, place, manyFans)
		p.visit(t, "main", upTo(1000)...)
		openid := func(i int) string { return p.sim.OpenID(name(i), appID) }
		long, soon := p.Now().Add(-24*time.Hour), p.Now().Add(time.Second)
		// 9, 19 and 29 don't follow: of 9 we think so from long ago, of 19 we shall have
		// heard after the start, of 29 shortly before it. 0 and 1 follow: we think that
		// they ceased to, 1 after the start.
		given := []follower.Follower{
			{AppID: appID, OpenID: openid(9), Following: true, At: long},
			{AppID: appID, OpenID: openid(19), Following: true, At: soon},
			{AppID: appID, OpenID: openid(29), Following: true, At: p.Now().Add(-time.Second)},
			{AppID: appID, OpenID: openid(0), At: long},
			{AppID: appID, OpenID: openid(1), At: soon},
			{AppID: appID, OpenID: openid(2), Following: true, At: long, Scene: "ADD_SCENE_SEARCH"},
			{AppID: newAppID, OpenID: openid(9), Following: true, At: long},
		}
		if err := p.facts.SetFollowers(t.Context(), given); err != nil {
			t.Fatal(err)
		}
		troubles(p.sim)
		p.run(t)
		began := time.Now()
		j := p.start(t, job.Followers, nil)
		done, waited := p.finish(t, j.ID)
		t.Logf("%d followers in %v, %d waits", done.Done, time.Since(began), len(waited))
		fans := int64(manyFans * 9 / 10)
		if done.State != job.Done || done.Total != fans || done.Done < fans || done.Filled < fans || done.Problems != 0 {
			t.Errorf("got %+v", done)
		}
		wantFollowing(t, p, map[int]bool{0: true, 1: false, 2: true, 3: true, 9: false, 19: true, 29: true, 39: false})
		if n, err := p.facts.CountFollowers(t.Context(), appID); err != nil || n != fans-1+2 {
			t.Errorf("%d follow, %v; want %d", n, err, fans-1+2)
		}
		if n, err := p.facts.CountFollowers(t.Context(), newAppID); err != nil || n != 1 {
			t.Errorf("of the other account %d follow, %v", n, err)
		}
		for _, realm := range []string{"main", "shop"} {
			for i, row := range p.onRecord(t, realm, appID, manyFans) {
				if want := p.sim.UnionID(name(i), appID); i%10 != 9 && row.UnionID != want {
					t.Fatalf("%s: %s is on record with the unionid %q, want %q", realm, name(i), row.UnionID, want)
				}
				if _, guest := row.Guest, row.Guest != ""; guest && (realm == "shop" || i >= 1000) {
					t.Fatalf("%s: a user was minted for %s, who was never there", realm, name(i))
				}
			}
		}
	})
}

func wantFollowing(t *testing.T, p *platform, want map[int]bool) {
	t.Helper()
	for i, follows := range want {
		id := p.sim.OpenID(name(i), appID)
		known, err := p.facts.Followers(t.Context(), appID, []string{id})
		if err != nil || known[id].Following != follows {
			t.Errorf("%s: got %+v, %v; want following %v", name(i), known[id], err, follows)
		}
		if i == 2 && known[id].Scene != "ADD_SCENE_SEARCH" {
			t.Errorf("how %s came was forgotten", name(i))
		}
	}
}

func TestFollowersShareOfQuota(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, t.TempDir()+"/facts.db", 500)
	p.subject = appID // nobody has a unionid: lists alone are fetched
	const path = "/cgi-bin/user/get"
	if err := p.sim.SetLimits(appID, path, wechatsim.Limits{Daily: 20}); err != nil {
		t.Fatal(err)
	}
	if err := p.sim.Change(func(s *wechatsim.Settings) { s.FanPage = 10 }); err != nil {
		t.Fatal(err)
	}
	p.run(t)
	j := p.start(t, job.Followers, nil)
	done, waited := p.finish(t, j.ID)
	// 45 pages and an empty one, 16 a day.
	if done.State != job.Done || done.Done != 450 || len(waited) != 2 {
		t.Fatalf("got %+v after %d waits", done, len(waited))
	}
	for i, w := range waited {
		midnight := time.Date(2026, 5, 2+i, 0, 0, 0, 0, time.FixedZone("CST", 8*60*60))
		if w.Why != "quota_share" || !w.Until.Equal(midnight) || w.Done != int64(160*(i+1)) {
			t.Errorf("waited for %+v, want midnight in China after 160 more", w)
		}
	}
	for _, r := range p.sim.Requests() {
		if r.Path == path && r.ErrCode() == 45009 {
			t.Fatal("the quota was spent")
		}
	}
}

func TestFollowersIncomplete(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, t.TempDir()+"/facts.db", 500)
	p.subject = appID
	stays := follower.Follower{AppID: appID, OpenID: "ogone", Following: true, At: p.Now().Add(-time.Hour)}
	if err := p.facts.SetFollower(t.Context(), stays); err != nil {
		t.Fatal(err)
	}
	p.kinds.WeChat = shortList{p.kinds.WeChat}
	p.run(t)
	j := p.start(t, job.Followers, nil)
	if done, _ := p.finish(t, j.ID); done.State != job.Failed || done.Why != "list_incomplete" {
		t.Errorf("got %+v", done)
	}
	if n, err := p.facts.CountFollowers(t.Context(), appID); err != nil || n < 2 {
		t.Errorf("%d follow, %v: somebody was taken for gone", n, err)
	}
	known, err := p.facts.Followers(t.Context(), appID, []string{"ogone"})
	if err != nil || !known["ogone"].Following {
		t.Errorf("got %+v, %v", known, err)
	}
}

func TestReturned(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, t.TempDir()+"/facts.db", 20)
	p.visit(t, "main", 0, 1)
	const path = "/cgi-bin/user/info"
	back := func(i int) error { return p.kinds.Returned(t.Context(), appID, p.sim.OpenID(name(i), appID)) }
	for _, i := range []int{0, 0, 2, 9} {
		if err := back(i); err != nil {
			t.Fatal(err)
		}
	}
	main, shop := p.onRecord(t, "main", appID, 20), p.onRecord(t, "shop", appID, 20)
	for i, want := range map[int]string{0: p.sim.UnionID(name(0), appID), 1: "", 2: p.sim.UnionID(name(2), appID)} {
		if main[i].UnionID != want {
			t.Errorf("%s has the unionid %q, want %q", name(i), main[i].UnionID, want)
		}
	}
	if main[2].Guest != "" || shop[0].UnionID == "" || shop[0].Guest != "" {
		t.Errorf("strangers: %+v, %+v", main[2], shop[0])
	}
	if n := p.sim.Calls(path); n != 3 {
		t.Errorf("%d calls, want 3: who is known costs none", n)
	}
	p.sim.Fail("busy", wechatsim.On(path), wechatsim.Times(9))
	if err := back(3); err == nil {
		t.Error("a busy WeChat is worth another try")
	}
	p.sim.Disarm("busy")
	p.sim.Fail("account_frozen", wechatsim.On(path))
	if err := back(3); err != nil {
		t.Errorf("what a repetition doesn't heal is no error of the push: %v", err)
	}
	if err := p.kinds.Returned(t.Context(), "wx9999999999999999", "o1"); err != nil {
		t.Error(err)
	}
}
