package caddymodule

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// credentials are what placeholders give of an account: they stay here, and out of the
// stored configuration.
type credentials struct {
	secret      string
	push        *push.Keys // nil where no pushes are accepted
	subscribers []inbox.Subscriber
}

// pushTokenForm is WeChat's (wechat-api.md §8.1).
var pushTokenForm = regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`)

// standInToken has the form of a push token.
const standInToken = "placeholder"

// standInKey has the form of an EncodingAESKey.
var standInKey = strings.Repeat("0", 43)

// settleAccounts reads what the accounts of the Caddyfile are proved by.
func (a *App) settleAccounts(expand func(text, standIn string) (string, error)) error {
	plain := map[string]string{} // by token
	for _, account := range a.directory().Accounts() {
		c, err := a.credentialsOf(account, expand)
		if err != nil {
			return err
		}
		if c.push != nil {
			if err := onlyOne(plain, account, c.push.Token); err != nil {
				return err
			}
		}
		a.directory().proofs[account.AppID] = c
	}
	return nil
}

// credentialsOf reads what an account is proved by.
func (a *App) credentialsOf(account *directory.Account, expand func(text, standIn string) (string, error)) (c credentials, err error) {
	c.secret, err = expand(account.Secret, account.Secret)
	if err != nil || account.NeedsSecret() && c.secret == "" {
		return c, fmt.Errorf("account %s: secret: the placeholder %s is empty", account.AppID, account.Secret)
	}
	if account.Push != nil {
		c.push, c.subscribers, err = a.settlePush(account, expand)
	}
	return c, err
}

// onlyOne refuses a second account in the mode plain with the same token: nothing else
// tells for whom a push is, and one account's would pass for the other's.
func onlyOne(plain map[string]string, account *directory.Account, token string) error {
	if account.Push.Mode != string(push.Plain) {
		return nil
	}
	if token == standInToken {
		token = account.Push.Token
	}
	if other, ok := plain[token]; ok {
		return &directory.Fault{Kind: "push", ID: account.AppID, Field: "token", Message: fmt.Sprintf("account %s has the same; in the mode `plain` one account's pushes would pass for the other's", other)}
	}
	plain[token] = account.AppID
	return nil
}

// settlePush reads how WeChat proves its pushes, and how we prove ours to those who hear
// of them.
func (a *App) settlePush(account *directory.Account, expand func(text, standIn string) (string, error)) (*push.Keys, []inbox.Subscriber, error) {
	fault := func(kind, id, field, message string) error {
		return &directory.Fault{Kind: kind, ID: id, Field: field, Message: message}
	}
	p := account.Push
	keys, err := settleKeys(account.AppID, p.Token, p.AESKeys, p.Mode, expand)
	if err != nil {
		field, message, _ := strings.Cut(err.Error(), ": ")
		return nil, nil, fault("push", account.AppID, field, message)
	}
	var subscribers []inbox.Subscriber
	for _, s := range p.Subscribers {
		id := account.AppID + "/" + s.Name
		address, err := expand(s.URL, "https://placeholder.example")
		if err != nil {
			return nil, nil, fault("subscriber", id, "url", "a placeholder in it is empty")
		}
		var aes []string
		if s.AESKey != "" {
			aes = []string{s.AESKey}
		}
		own, err := settleKeys(account.AppID, s.Token, aes, s.Mode, expand)
		if err != nil {
			field, message, _ := strings.Cut(err.Error(), ": ")
			return nil, nil, fault("subscriber", id, field, message)
		}
		if err := a.webhooks.CheckURL(address); err != nil {
			return nil, nil, fault("subscriber", id, "url", err.Error())
		}
		subscribers = append(subscribers, inbox.Subscriber{Name: s.Name, URL: address, Keys: *own, Types: s.Types, Reply: s.Reply == "on"})
	}
	return keys, subscribers, nil
}

// settleKeys reads one side's keys. An error begins with the field that it is about.
func settleKeys(appID, token string, aes []string, mode string, expand func(text, standIn string) (string, error)) (*push.Keys, error) {
	keys := &push.Keys{AppID: appID, Mode: push.Mode(mode)}
	var err error
	if keys.Token, err = expand(token, standInToken); err != nil {
		return nil, fmt.Errorf("token: the placeholder %s is empty", token)
	}
	for i, text := range aes {
		key, err := expand(text, standInKey[:42]+string(rune('1'+i)))
		if err != nil {
			return nil, fmt.Errorf("aes_key: the placeholder %s is empty", text)
		}
		keys.AESKeys = append(keys.AESKeys, key)
	}
	switch {
	case !pushTokenForm.MatchString(keys.Token):
		return nil, errors.New("token: a token is 3 to 32 letters and digits")
	case keys.Check() != nil:
		return nil, errors.New("aes_key: a key is 43 letters and digits, and no two are the same")
	}
	return keys, nil
}
