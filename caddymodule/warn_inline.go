package caddymodule

import (
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// warnInline names the secrets that stand in the config itself, where `/config/` shows
// them.
func (a *App) warnInline() {
	inline := func(secret string) bool { return secret != "" && !strings.Contains(secret, "{") }
	say := func(what, placeholder string, about ...zap.Field) {
		a.log.Warn(what+" in the config itself, where `/config/` shows it: use a placeholder such as {env."+placeholder+"}", about...)
	}
	for _, account := range a.Accounts {
		about := zap.String("appid", account.AppID)
		if inline(account.Secret) {
			say("an app secret stands", "WX_SECRET", about)
		}
		if account.Push == nil {
			continue
		}
		if inline(account.Push.Token) || slices.ContainsFunc(account.Push.AESKeys, inline) {
			say("the token or the AES key of pushes stands", "WX_PUSH_TOKEN", about)
		}
		for _, s := range account.Push.Subscribers {
			if inline(s.Token) || inline(s.AESKey) {
				say("the token or the AES key of a subscriber stands", "WX_SUBSCRIBER_TOKEN", about, zap.String("subscriber", s.Name))
			}
		}
	}
	if slices.ContainsFunc(a.MasterKey, inline) {
		say("the master key stands", "WSITE_MASTER_KEY")
	}
	c := a.Cluster
	inAddress := func(text string) bool { return inline(text) && strings.Contains(text, "@") }
	if inline(c.Password) || inline(c.SentinelPassword) || slices.ContainsFunc(c.Redis, inAddress) {
		say("a password of Redis stands", "REDIS_PASSWORD")
	}
	if inline(a.Facts.Postgres) && hasPassword(a.Facts.Postgres) {
		say("a password of PostgreSQL stands", "WSITE_DSN")
	}
	if inline(a.Wechat.Proxy) && hasPassword(a.Wechat.Proxy) {
		say("a password of the proxy to WeChat stands", "WX_PROXY")
	}
	for _, realm := range a.Realms {
		for _, line := range realm.Broadcast {
			if slices.ContainsFunc(line.Secret, inline) {
				say("the secret of a webhook stands", "WSITE_HOOK", zap.String("realm", realm.Name), zap.String("line", line.Name))
			}
		}
	}
}

// hasPassword says whether an address, or PostgreSQL's list of words, holds a password.
func hasPassword(text string) bool {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		_, there := u.User.Password()
		return there || u.Query().Has("password")
	}
	return strings.Contains(text, "password")
}
