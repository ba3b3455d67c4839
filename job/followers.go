package job

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// FollowerStore is what the works need of the store of followers.
type FollowerStore interface {
	// SetFollowers records what is newer than what is known.
	SetFollowers(ctx context.Context, list []follower.Follower) error
	// FollowersOf returns at most limit of those known of an account, in the store's own
	// order, after the openid given.
	FollowersOf(ctx context.Context, appID, after string, limit int) ([]follower.Follower, error)
}

// margin is how far WeChat's clock and ours may be apart: a push of that time before the
// start of a job counts as newer than the list.
const margin = time.Minute

// stock is how far the work of [Followers] is: the page of WeChat's list that begins
// behind Page, of which Last is the last one that was recorded; after the list, those who
// are no longer in it.
type stock struct {
	Page  string `json:"page,omitempty"`
	Last  string `json:"last,omitempty"`
	Over  bool   `json:"over,omitempty"` // the list was read to its end
	After string `json:"after,omitempty"`
}

// followers is the work of [Followers]. What it records is as of the start of the job, so
// that what WeChat has pushed since then stands.
func (k *Kinds) followers(ctx context.Context, j Job, save Save) error {
	a, err := k.account(j.AppID)
	if err != nil {
		return err
	}
	var at stock
	if err := read(j.Cursor, &at); err != nil {
		return err
	}
	t := &stocktaking{k: k, a: a, job: j, save: save, at: at, asOf: j.Started.Truncate(time.Second).Add(-margin)}
	t.p = Progress{Cursor: j.Cursor, Done: j.Done, Total: j.Total, Filled: j.Filled}
	for !t.at.Over {
		if err := t.page(ctx); err != nil {
			return err
		}
	}
	return t.gone(ctx)
}

// stocktaking is a run of the work.
type stocktaking struct {
	k    *Kinds
	a    Account
	job  Job
	save Save
	at   stock
	asOf time.Time
	p    Progress
}

// page records a page of WeChat's list.
func (t *stocktaking) page(ctx context.Context) error {
	if err := t.k.spend(ctx, t.a.AppID, "/cgi-bin/user/get"); err != nil {
		return err
	}
	var list wechat.FanPage
	err := t.k.Call(ctx, t.a.AppID, func(ctx context.Context, as wechat.Bearer) (err error) {
		list, err = t.k.WeChat.FanPage(ctx, as, t.at.Page)
		return err
	})
	if err != nil {
		return err
	}
	t.p.Total = int64(list.Total)
	rest := list.OpenIDs
	// If whom we stopped at has left the list, the page is recorded from its beginning.
	if i := slices.Index(rest, t.at.Last); i >= 0 && t.at.Last != "" {
		rest = rest[i+1:]
	}
	for ids := range slices.Chunk(rest, maxFans) {
		if err := t.record(ctx, ids); err != nil {
			return err
		}
		t.at.Last = ids[len(ids)-1]
		if err := t.write(ctx); err != nil {
			return err
		}
	}
	t.at = stock{Page: list.Next}
	if t.at.Over = list.Next == ""; t.at.Over {
		if err := t.complete(); err != nil {
			return err
		}
	}
	return t.write(ctx)
}

// complete refuses a list from which many are missing: they would all be taken for gone.
// A few may come and go while it is read.
func (t *stocktaking) complete() error {
	if t.p.Done+t.p.Done/100+10 >= t.p.Total {
		return nil
	}
	return &Refusal{Code: "list_incomplete", Message: "WeChat's list of followers ended early: nobody was taken for gone; start the job again"}
}

func (t *stocktaking) write(ctx context.Context) error {
	t.p.Cursor = cursor(t.at)
	err := t.save(ctx, t.p)
	t.p.Problems = nil
	return err
}

// record takes down who follows, at most 100, and asks for the unionids that are unknown.
func (t *stocktaking) record(ctx context.Context, ids []string) error {
	list := make([]follower.Follower, len(ids))
	for i, id := range ids {
		list[i] = follower.Follower{AppID: t.a.AppID, OpenID: id, Following: true, At: t.asOf}
	}
	lacking, err := t.k.lacking(ctx, t.a, ids)
	if err != nil {
		return err
	}
	if err := t.k.Followers.SetFollowers(ctx, list); err != nil {
		return err
	}
	if len(lacking) > 0 {
		filled, problems, err := t.k.fill(ctx, t.a, lesson{via: Followers, actor: "job:" + t.job.ID, strangers: true}, lacking)
		if err != nil {
			return err
		}
		t.p.Filled, t.p.Problems = t.p.Filled+filled, problems
	}
	t.p.Done += int64(len(ids))
	return nil
}

// lacking are those of the openids whose unionid some realm of the account doesn't know.
func (k *Kinds) lacking(ctx context.Context, a Account, ids []string) ([]string, error) {
	if !a.linkable() {
		return nil, nil
	}
	lacks := map[string]bool{}
	for _, realm := range a.Realms {
		named, err := k.Facts.OpenidsNamed(ctx, realm, a.AppID, ids)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			row := named[id]
			lacks[id] = lacks[id] || row.UnionID == "" || row.Subject != a.Subject
		}
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !lacks[id] }), nil
}

// gone records of those who are not in the list that they don't follow any more, unless
// something newer than the list is known of them. All in the list are as of t.asOf now.
func (t *stocktaking) gone(ctx context.Context) error {
	for {
		page, err := t.k.Followers.FollowersOf(ctx, t.a.AppID, t.at.After, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		t.at.After = page[len(page)-1].OpenID
		page = slices.DeleteFunc(page, func(f follower.Follower) bool { return !f.Following || !f.At.Before(t.asOf) })
		for i := range page {
			page[i].Following, page[i].At, page[i].Scene = false, t.asOf, ""
		}
		if len(page) > 0 {
			if err := t.k.Followers.SetFollowers(ctx, page); err != nil {
				return err
			}
		}
		if err := t.write(ctx); err != nil {
			return err
		}
	}
}
