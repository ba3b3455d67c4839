package job

import (
	"context"
	"errors"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// Returned completes an openid whose visitor has followed the account again, or for the
// first time: WeChat tells the unionids of followers. It costs one call, and none if the
// unionid is known. An error is worth another try later; one that a repetition doesn't
// heal is logged alone.
func (k *Kinds) Returned(ctx context.Context, appID, openID string) error {
	a, known := k.Account(appID)
	if !known || !a.linkable() {
		return nil
	}
	lacking, err := k.lacking(ctx, a, []string{openID})
	if err != nil || len(lacking) == 0 {
		return err
	}
	var fan wechat.Fan
	err = k.Call(ctx, appID, func(ctx context.Context, as wechat.Bearer) (err error) {
		fan, err = k.WeChat.Fan(ctx, as, openID)
		return err
	})
	if err != nil {
		return k.worthARetry(ctx, appID, openID, err)
	}
	_, problems, err := k.learn(ctx, a, lesson{via: "follow", strangers: true}, []wechat.Fan{fan})
	for _, p := range problems {
		k.Log.WarnContext(ctx, "completing a follower", "step", "identity", "account", appID, "openid", identity.Mask(openID), "code", p.Code)
	}
	return err
}

// worthARetry is err, if it may go away by itself.
func (k *Kinds) worthARetry(ctx context.Context, appID, openID string, err error) error {
	var said *wechat.Error
	if !errors.As(err, &said) || said.Class == wechat.ClassRetry || said.Class == wechat.ClassRefresh {
		return err
	}
	k.Log.WarnContext(ctx, "completing a follower", "step", "identity", "account", appID, "openid", identity.Mask(openID), "code", whyWeChat(said))
	return nil
}
