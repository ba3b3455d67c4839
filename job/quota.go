package job

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// quotaKey is an API of an account.
type quotaKey struct{ appID, path string }

// askEvery is after how many calls WeChat is asked again how much of the day's quota is
// left: others use it, too.
const askEvery = 100

// china is where WeChat's day begins.
var china = time.FixedZone("CST", 8*60*60)

// spend counts a call of an API, and is a [*Wait] till midnight in China once our share
// of the day's quota is used.
func (k *Kinds) spend(ctx context.Context, appID, path string) error {
	key := quotaKey{appID, path}
	k.mu.Lock()
	left := k.quota[key]
	if left > 0 {
		k.quota[key] = left - 1
	}
	k.mu.Unlock()
	if left > 0 {
		return nil
	}
	left, err := k.left(ctx, appID, path)
	if err != nil {
		return err
	}
	if left <= 0 {
		now := k.Now().In(china)
		return &Wait{
			Until: time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, china).UTC(),
			Why:   "quota_share", Message: "our share of today's quota of " + path + " is used",
		}
	}
	k.mu.Lock()
	k.quota[key] = min(left, askEvery) - 1
	k.mu.Unlock()
	return nil
}

// left is how much of our share WeChat leaves us.
func (k *Kinds) left(ctx context.Context, appID, path string) (int64, error) {
	var q wechat.Quota
	err := k.Call(ctx, appID, func(ctx context.Context, as wechat.Bearer) (err error) {
		q, err = k.WeChat.Quota(ctx, as, path)
		return err
	})
	var said *wechat.Error
	switch {
	case errors.As(err, &said) && said.Code != 0 && said.Class != wechat.ClassRefresh:
		// WeChat doesn't tell of every API. Then its 45009 tells, when the quota is gone.
		return askEvery, nil
	case err != nil:
		return 0, err
	case q.Daily <= 0: // no limit
		return askEvery, nil
	}
	return int64(float64(q.Daily)*k.Share) - q.Used, nil
}
