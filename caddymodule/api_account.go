package caddymodule

import (
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// What keys may do with an account: read its access token, and say that it is dead.

// atAccount takes the account that a call is about: one through which a site of the
// key's is opened, or for operators any.
func (c *apiCall) atAccount(appID string) error {
	account := c.directory().Account(appID)
	reached, err := c.opens(appID, "")
	if err != nil {
		return err
	}
	if account == nil || !reached && c.key.Realm != identity.AllRealms {
		return apiRefuse(apiNoAccount)
	}
	c.at = account
	return nil
}

// accessTokenOut is an account's global access token.
type accessTokenOut struct {
	AccessToken string `json:"access_token"`
	// ExpiresIn is how many seconds it is good for, at least.
	ExpiresIn int       `json:"expires_in"`
	ExpiresAt time.Time `json:"expires_at"`
}

type deadTokenIn struct {
	AccessToken string `json:"access_token"`
}

// accessToken gives the token that is in force. Nobody else may fetch one: the gateway
// replaces it early, and the one before stays good for some minutes.
func (c *apiCall) accessToken(none) (accessTokenOut, error) {
	if !c.shares(c.at) {
		return accessTokenOut{}, apiRefuse(apiTokenKept)
	}
	token, until, err := c.keeper.Token(c.ctx, c.at.AppID)
	if err != nil {
		return accessTokenOut{}, err
	}
	left := max(until.Sub(c.now()), 0).Truncate(time.Second)
	return accessTokenOut{token, int(left / time.Second), until}, nil
}

// reportToken hears that a token was found dead, and gives the one to go on with. Only
// if it is the one in force another is fetched: so many may report the same.
func (c *apiCall) reportToken(in deadTokenIn) (accessTokenOut, error) {
	if !c.shares(c.at) {
		return accessTokenOut{}, apiRefuse(apiTokenKept)
	}
	if in.AccessToken == "" || len(in.AccessToken) > 4096 {
		return accessTokenOut{}, apiRefuse(apiBadBody).saying("access_token has to be the token that WeChat refused")
	}
	if err := c.keeper.Report(c.ctx, c.at.AppID, in.AccessToken); err != nil {
		return accessTokenOut{}, err
	}
	return c.accessToken(none{})
}

// shares says whether keys may read an account's token. One account of several companies
// is nobody's alone.
func (a *App) shares(account *directory.Account) bool {
	if account.ShareToken != "" {
		return account.ShareToken == "on"
	}
	return len(a.realmsOf(account.AppID)) <= 1
}
