package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// Accounts and sites of the facts are written here, for the API and for the console. What
// is refused changes nothing; what is written holds here at once, and on other nodes
// within a second.

// errConfigured says that the Caddyfile is where something is changed.
var errConfigured = errors.New("it stands in the Caddyfile: change it there, and reload")

// errGoneKept says that there is no such account or site in the facts.
var errGoneKept = errors.New("there is no such entry in the facts")

// keptAccount finds an account in the facts.
func (a *App) keptAccount(ctx context.Context, appID string) (directory.KeptAccount, error) {
	if a.configured.Account(appID) != nil {
		return directory.KeptAccount{}, errConfigured
	}
	list, _, err := a.directoryStore().KeptAccounts(ctx)
	if err != nil {
		return directory.KeptAccount{}, err
	}
	i := slices.IndexFunc(list, func(k directory.KeptAccount) bool { return k.Account.AppID == appID })
	if i < 0 {
		return directory.KeptAccount{}, errGoneKept
	}
	return list[i], nil
}

// keepAccount adds an account at version 0, or replaces it at its version. Where a secret
// is left out, the one that is kept stays.
func (a *App) keepAccount(ctx context.Context, in directory.Account, version int64, by string) error {
	if a.configured.Account(in.AppID) != nil {
		return errConfigured
	}
	return a.judged(ctx, func(changes int64) error { return a.tryAccount(ctx, in, version, by, changes) })
}

// judged has something judged among the accounts and written, and again if accounts have
// changed in between, here or on another node.
func (a *App) judged(ctx context.Context, try func(changes int64) error) error {
	const tries = 10
	var err error
	for range tries {
		if err = try(a.directory().changes); !errors.Is(err, directory.ErrMoved) {
			return err
		}
		if err := a.relearn(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %w", identity.ErrConflict, err)
}

func (a *App) tryAccount(ctx context.Context, in directory.Account, version int64, by string, changes int64) error {
	var old proof
	var was *directory.Account
	if version != 0 {
		kept, err := a.keptAccount(ctx, in.AppID)
		if errors.Is(err, errGoneKept) || err == nil && kept.Version != version {
			return identity.ErrConflict
		}
		if err != nil {
			return err
		}
		was = &kept.Account
		if old, _, err = a.openProof(kept); err != nil {
			return err
		}
	}
	whole, err := a.judgeAccount(old.completing(in), was)
	if err != nil {
		return err
	}
	recorded, err := a.store.Subject(ctx, whole.AppID, whole.SubjectOrSelf())
	if err != nil {
		return err
	}
	if recorded != whole.SubjectOrSelf() {
		return &directory.Fault{Kind: "account", ID: whole.AppID, Field: "subject", Message: fmt.Sprintf("the account is on record with the subject %q, to which the unionids on record belong; if it has moved to another open platform, run `caddy wsite resubject`", recorded)}
	}
	p := proof{Secret: whole.Secret}
	plain := *whole
	plain.Secret = ""
	if whole.Push != nil {
		p.Token, p.AESKeys = whole.Push.Token, whole.Push.AESKeys
		pushed := *whole.Push
		pushed.Token, pushed.AESKeys = "", nil
		plain.Push = &pushed
	}
	kept := directory.KeptAccount{Entry: directory.Entry{Version: version, At: a.now(), By: by}, Account: plain, Sealed: a.sealProof(plain.AppID, p)}
	if err := a.directoryStore().PutKeptAccount(ctx, kept, changes); err != nil {
		return err
	}
	return a.changed(ctx)
}

// completing is an account with what is kept in the place of what was left out.
func (p proof) completing(account directory.Account) directory.Account {
	left := func(text string) bool { return text == "" || text == keptSecret }
	if left(account.Secret) {
		account.Secret = p.Secret
	}
	if account.Push != nil {
		whole := *account.Push
		if left(whole.Token) {
			whole.Token = p.Token
		}
		whole.AESKeys = p.completed(whole.AESKeys)
		account.Push = &whole
	}
	return account
}

// completed are keys with those that are kept in the place of what stands for them, or all
// that are kept if none are given.
func (p proof) completed(keys []string) []string {
	if len(keys) == 0 {
		return p.AESKeys
	}
	var all []string
	kept := p.AESKeys
	for _, key := range keys {
		if key != keptSecret {
			all = append(all, key)
		} else if len(kept) > 0 {
			all, kept = append(all, kept[0]), kept[1:]
		}
	}
	return all
}

// judgeAccount refuses what can't work by itself or beside the others.
func (a *App) judgeAccount(in directory.Account, was *directory.Account) (*directory.Account, error) {
	whole, err := directory.FitAccount(in)
	if err != nil {
		return nil, err
	}
	fault := func(field, message string) error {
		return &directory.Fault{Kind: "account", ID: whole.AppID, Field: field, Message: message}
	}
	if was != nil && was.Kind != whole.Kind {
		return nil, fault("kind", "the kind of an account can't be changed: WeChat gives another kind another app id")
	}
	if whole.Push != nil && len(whole.Push.Subscribers) > 0 {
		return nil, fault("push", "subscribers are entered in the Caddyfile alone")
	}
	if err := a.callbackFault(whole); err != nil {
		return nil, err
	}
	c, err := a.credentialsOf(whole, literal)
	if err != nil {
		return nil, err
	}
	plain := map[string]string{}
	for id, other := range a.directory().proofs {
		if id == whole.AppID {
			continue
		}
		if other.secret == c.secret && c.secret != "" {
			return nil, fault("secret", "another account has the same; each account has its own")
		}
		if other.push != nil && other.push.Mode == push.Plain {
			plain[other.push.Token] = id
		}
	}
	if c.push != nil {
		if err := onlyOne(plain, whole, c.push.Token); err != nil {
			return nil, err
		}
	}
	return whole, nil
}

// keepSubject changes the subject of an account of the facts, and nothing else, while others
// may change what they like.
func (a *App) keepSubject(ctx context.Context, appID, subject, by string) error {
	return a.judged(ctx, func(changes int64) error {
		kept, err := a.keptAccount(ctx, appID)
		if err != nil {
			return err
		}
		kept.Account.Subject, kept.At, kept.By = subject, a.now(), by
		return a.directoryStore().PutKeptAccount(ctx, kept, changes)
	})
}

// dropAccount takes an account of the facts away.
func (a *App) dropAccount(ctx context.Context, appID string, version int64) error {
	if _, err := a.keptAccount(ctx, appID); err != nil {
		return err
	}
	if err := a.directoryStore().DropKeptAccount(ctx, appID, version); err != nil {
		return err
	}
	return a.changed(ctx)
}

// changed lets a change to the accounts hold. It is written: what goes wrong here is made
// good by the next look at the facts.
func (a *App) changed(ctx context.Context) error {
	a.nudge()
	if err := a.relearn(ctx); err != nil {
		a.log.Warn("reading the accounts again; it is tried again within a second", zap.String("step", "route"), zap.Error(err))
	}
	return nil
}
