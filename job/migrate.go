package job

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func (k *Kinds) checkMigrate(j Job) error {
	if _, err := k.account(j.AppID); err != nil {
		return err
	}
	switch from := j.Params[ParamFrom]; {
	case !identity.ValidOpenid(from) || !strings.HasPrefix(from, "wx"):
		return &Refusal{Code: "from_missing", Message: "a migration needs the app id that the account had before, as `from`"}
	case from == j.AppID:
		return &Refusal{Code: "from_same", Message: "an account can't be migrated to itself"}
	}
	return nil
}

// migrate is the work of [Migrate]. The old openids are those on record in the realms of
// the new account: the old one is frozen and tells nothing any more. The call is made in
// the name of the new one.
func (k *Kinds) migrate(ctx context.Context, j Job, save Save) error {
	a, err := k.account(j.AppID)
	if err != nil {
		return err
	}
	old := j.Params[ParamFrom]
	var from place
	if err := read(j.Cursor, &from); err != nil {
		return err
	}
	p := Progress{Cursor: j.Cursor, Done: j.Done, Filled: j.Filled}
	if p.Total, err = k.count(ctx, a.Realms, old); err != nil {
		return err
	}
	return k.walk(ctx, a.Realms, old, from, func(realm string, page []identity.OpenidRow, _ place) error {
		for chunk := range slices.Chunk(page, maxFans) {
			moved, problems, err := k.move(ctx, j, realm, a, old, chunk)
			if err != nil {
				return err
			}
			p.Done, p.Filled, p.Problems = p.Done+int64(len(chunk)), p.Filled+moved, problems
			p.Cursor = cursor(place{realm, chunk[len(chunk)-1].OpenID})
			if err := save(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// move carries over at most 100 openids of one realm.
func (k *Kinds) move(ctx context.Context, j Job, realm string, a Account, old string, rows []identity.OpenidRow) (moved int64, problems []Problem, err error) {
	ids := openIDs(rows)
	if err := k.spend(ctx, a.AppID, "/cgi-bin/changeopenid"); err != nil {
		return 0, nil, err
	}
	var changed []wechat.ChangedOpenID
	err = k.Call(ctx, a.AppID, func(ctx context.Context, as wechat.Bearer) (err error) {
		changed, err = k.WeChat.ChangeOpenIDs(ctx, as, old, ids)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	answers := make(map[string]wechat.ChangedOpenID, len(changed))
	for _, c := range changed {
		answers[c.Old] = c
	}
	by := identity.By{Actor: "job:" + j.ID, Via: Migrate}
	problems, err = inParallel(len(ids), func(i int) (*Problem, error) {
		c := answers[ids[i]]
		if c.New == "" {
			return notMoved(ids[i], c.Message), nil
		}
		err := k.Centre.MigrateOpenid(ctx, realm, identity.Openid{AppID: old, OpenID: c.Old}, identity.Openid{AppID: a.AppID, OpenID: c.New}, a.Subject, by)
		var conflict *identity.Conflict
		if errors.As(err, &conflict) && conflict.Code == identity.CodeOpenidUnknown {
			// Nobody is known by it: it was erased meanwhile, or is a guest's who has moved
			// along already.
			err = nil
		}
		return aboutRow(c.Old, err)
	})
	return int64(len(ids) - len(problems)), problems, err
}

// notMoved is the problem of an openid for which WeChat has no new one.
func notMoved(openID, message string) *Problem {
	p := &Problem{Row: identity.Mask(openID), Code: "openid_not_moved", Message: "WeChat gave no new openid"}
	if strings.Contains(message, "ori_openid") {
		p.Code, p.Message = "ori_openid_error", "WeChat says that the person didn't follow the old account when it was moved"
	}
	return p
}
