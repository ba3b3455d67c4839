package job

import (
	"context"
	"errors"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// maxFans is how many openids WeChat takes in one call (wechat-api.md §6.2, §6.4).
const maxFans = 100

// backfill is the work of [Backfill] and of [ResubjectBackfill].
func (k *Kinds) backfill(ctx context.Context, j Job, save Save) error {
	a, err := k.account(j.AppID)
	if err != nil {
		return err
	}
	var from place
	if err := read(j.Cursor, &from); err != nil {
		return err
	}
	p := Progress{Cursor: j.Cursor, Done: j.Done, Filled: j.Filled}
	if p.Total, err = k.count(ctx, a.Realms, a.AppID); err != nil {
		return err
	}
	return k.walk(ctx, a.Realms, a.AppID, from, func(realm string, page []identity.OpenidRow, behind place) error {
		lacking := slices.DeleteFunc(slices.Clone(page), func(o identity.OpenidRow) bool { return !lacks(j.Kind, a, o) })
		seen := 0 // of the page
		for chunk := range slices.Chunk(lacking, maxFans) {
			filled, problems, err := k.fill(ctx, a, lesson{via: j.Kind, actor: "job:" + j.ID}, openIDs(chunk))
			if err != nil {
				return err
			}
			last := chunk[len(chunk)-1].OpenID
			behindChunk := 1 + slices.IndexFunc(page, func(o identity.OpenidRow) bool { return o.OpenID == last })
			p.Done, p.Filled, p.Problems = p.Done+int64(behindChunk-seen), p.Filled+filled, problems
			p.Cursor, seen = cursor(place{realm, last}), behindChunk
			if err := save(ctx, p); err != nil {
				return err
			}
		}
		p.Done, p.Problems, p.Cursor = p.Done+int64(len(page)-seen), nil, cursor(behind)
		return save(ctx, p)
	})
}

// lacks says whether a kind of jobs asks for the unionid of an openid.
func lacks(kind string, a Account, o identity.OpenidRow) bool {
	return o.UnionID == "" || kind == ResubjectBackfill && o.Subject != a.Subject
}

// fill asks WeChat for the unionids of at most 100 openids, and tells the identity centre.
func (k *Kinds) fill(ctx context.Context, a Account, from lesson, ids []string) (filled int64, problems []Problem, err error) {
	fans, problems, err := k.fans(ctx, a.AppID, ids)
	if err != nil {
		return 0, nil, err
	}
	filled, more, err := k.learn(ctx, a, from, fans)
	return filled, append(problems, more...), err
}

// openIDs are the openids of rows.
func openIDs(rows []identity.OpenidRow) []string {
	ids := make([]string, len(rows))
	for i, o := range rows {
		ids[i] = o.OpenID
	}
	return ids
}

// fans asks WeChat for openids. One that WeChat takes for wrong spoils the whole call, so
// it is looked for by halves and becomes a problem.
func (k *Kinds) fans(ctx context.Context, appID string, ids []string) (fans []wechat.Fan, problems []Problem, err error) {
	if err := k.spend(ctx, appID, "/cgi-bin/user/info/batchget"); err != nil {
		return nil, nil, err
	}
	err = k.Call(ctx, appID, func(ctx context.Context, as wechat.Bearer) (err error) {
		fans, err = k.WeChat.Fans(ctx, as, ids)
		return err
	})
	const badOpenid = 40003
	var said *wechat.Error
	if !errors.As(err, &said) || said.Code != badOpenid {
		return fans, nil, err
	}
	if len(ids) == 1 {
		return nil, []Problem{{Row: identity.Mask(ids[0]), Code: "openid_wrong", Message: "WeChat says that this is no openid of the account"}}, nil
	}
	for _, half := range [][]string{ids[:len(ids)/2], ids[len(ids)/2:]} {
		some, bad, err := k.fans(ctx, appID, half)
		if err != nil {
			return nil, nil, err
		}
		fans, problems = append(fans, some...), append(problems, bad...)
	}
	return fans, problems, nil
}
