package job

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// The kinds of jobs.
const (
	// Backfill asks WeChat for the unionids of openids on record without one.
	Backfill = "backfill"
	// Followers takes stock of who follows an account, and does as Backfill for those
	// whose unionid is unknown.
	Followers = "followers"
	// Migrate carries openids over from the account named by [ParamFrom], after WeChat's
	// account migration (wechat-api.md §6.4).
	Migrate = "migrate"
	// ResubjectBackfill asks for the unionids of all openids anew, after an account was
	// bound to another open platform.
	ResubjectBackfill = "resubject-backfill"
)

// ParamFrom is the parameter of [Migrate]: the app id that the account had before.
const ParamFrom = "from"

// Centre is what the works need of [identity.Centre].
type Centre interface {
	Resolve(ctx context.Context, claim identity.Claim) (identity.Answer, error)
	Import(ctx context.Context, row identity.Import) (identity.Imported, error)
	MigrateOpenid(ctx context.Context, realm string, from, to identity.Openid, subject string, by identity.By) error
}

// Facts are the openids on record.
type Facts interface {
	// OpenidsOf returns at most limit openids of an account in a realm, in the store's own
	// order, after the one given.
	OpenidsOf(ctx context.Context, realm, appID, after string, limit int) ([]identity.OpenidRow, error)
	// CountOpenidsOf counts them.
	CountOpenidsOf(ctx context.Context, realm, appID string) (int64, error)
	// OpenidsNamed returns those of the given openids that are on record, by openid.
	OpenidsNamed(ctx context.Context, realm, appID string, openIDs []string) (map[string]identity.OpenidRow, error)
}

// WeChat is what the works need of [wechat.Client].
type WeChat interface {
	Fan(ctx context.Context, as wechat.Bearer, openID string) (wechat.Fan, error)
	Fans(ctx context.Context, as wechat.Bearer, openIDs []string) ([]wechat.Fan, error)
	FanPage(ctx context.Context, as wechat.Bearer, after string) (wechat.FanPage, error)
	ChangeOpenIDs(ctx context.Context, as wechat.Bearer, fromAppID string, openIDs []string) ([]wechat.ChangedOpenID, error)
	Quota(ctx context.Context, as wechat.Bearer, path string) (wechat.Quota, error)
}

// Account is what the works need to know of an account.
type Account struct {
	AppID string
	// Subject is the open platform that it belongs to, or its own app id.
	Subject string
	// Realms are those in which it is used.
	Realms []string
}

// linkable says whether WeChat has unionids for the account.
func (a Account) linkable() bool { return a.Subject != "" && a.Subject != a.AppID }

// Kinds makes the works. All fields but Share and Log are required.
type Kinds struct {
	Centre    Centre
	Facts     Facts
	Followers FollowerStore
	WeChat    WeChat
	// Call calls WeChat in the name of an account, as the Do of a custody.Keeper.
	Call func(ctx context.Context, appID string, call func(ctx context.Context, as wechat.Bearer) error) error
	// Account finds an account.
	Account func(appID string) (Account, bool)
	Now     func() time.Time
	// Share is which part of a day's quota of an API may be used, by whomever, before a
	// job waits for the next day; default 0.8.
	Share float64
	// Log hears of what is left undone; nil discards.
	Log *slog.Logger

	mu    sync.Mutex
	quota map[quotaKey]int64
}

// Works are the works by the names of their kinds.
func (k *Kinds) Works() map[string]Work {
	if k.Share <= 0 || k.Share > 1 {
		k.Share = 0.8
	}
	if k.Log == nil {
		k.Log = slog.New(slog.DiscardHandler)
	}
	k.quota = map[quotaKey]int64{}
	return map[string]Work{
		Backfill:          {Check: k.checkLinkable, Do: k.backfill},
		ResubjectBackfill: {Check: k.checkLinkable, Do: k.backfill},
		Followers:         {Check: k.checkKnown, Do: k.followers},
		Migrate:           {Check: k.checkMigrate, Do: k.migrate},
	}
}

func (k *Kinds) checkKnown(j Job) error {
	_, err := k.account(j.AppID)
	return err
}

func (k *Kinds) checkLinkable(j Job) error {
	a, err := k.account(j.AppID)
	if err == nil && !a.linkable() {
		err = &Refusal{Code: "subject_missing", Message: "the account belongs to no open platform, so it has no unionids: give it its `subject`"}
	}
	return err
}

func (k *Kinds) account(appID string) (Account, error) {
	a, known := k.Account(appID)
	if !known {
		return a, &Refusal{Code: "account_unknown", Message: "there is no such account"}
	}
	return a, nil
}
