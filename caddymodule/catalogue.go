package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// catalogue is which accounts, realms and hosts exist, as Caddyfile and facts told it at one
// moment, and the sites of the Caddyfile. It never changes: where the facts say something
// new, another one takes its place. The sites of the facts may be many, and are looked up
// one by one.
type catalogue struct {
	*directory.Directory
	proofs map[string]credentials     // by app id
	hosts  map[string]string          // besides the origin's, each by itself
	uses   map[string][]directory.Use // of accounts by the sites of the facts
	kept   map[string]directory.Entry // the accounts of the facts
	// changes is how often the accounts of the facts had been changed.
	changes int64
	// algorithms are those that the sites of the facts ask for.
	algorithms []string
}

// directory is what exists now.
func (a *App) directory() *catalogue { return a.catalogue.Load() }

// keptSecret stands in a [directory.Account] for what is sealed in the facts.
const keptSecret = "(kept)"

// proof is what proves an account of the facts, as it is sealed there.
type proof struct {
	Secret  string   `json:"secret,omitempty"`
	Token   string   `json:"push_token,omitempty"`
	AESKeys []string `json:"push_aes_keys,omitempty"`
}

// literal is how the values of the facts are read: who may write them mustn't read the
// environment of the gateway through placeholders.
func literal(text, _ string) (string, error) { return text, nil }

// with is an account with its proof in the places where the Caddyfile has it.
func (p proof) with(account directory.Account) directory.Account {
	account.Secret = p.Secret
	if account.Push != nil {
		whole := *account.Push
		whole.Token, whole.AESKeys = p.Token, p.AESKeys
		account.Push = &whole
	}
	return account
}

// bare is an account without what proves it. What was there shows.
func bare(account directory.Account) directory.Account {
	stand := func(text string) string {
		if text == "" {
			return ""
		}
		return keptSecret
	}
	account.Secret = stand(account.Secret)
	if account.Push != nil {
		whole := *account.Push
		whole.Token, whole.AESKeys = stand(whole.Token), slices.Clone(whole.AESKeys)
		for i, key := range whole.AESKeys {
			whole.AESKeys[i] = stand(key)
		}
		account.Push = &whole
	}
	return account
}

func (a *App) directoryStore() directory.Store { return a.store.Store }

// learn reads from the facts which accounts there are besides those of the Caddyfile, and
// how they are used.
func (a *App) learn(ctx context.Context) error {
	a.learning.Lock()
	defer a.learning.Unlock()
	accounts, changes, err := a.directoryStore().KeptAccounts(ctx)
	if err != nil {
		return err
	}
	next := &catalogue{changes: changes, proofs: maps.Clone(a.configured.proofs), hosts: maps.Clone(a.configured.hosts), kept: map[string]directory.Entry{}}
	var found []directory.Account
	for _, kept := range accounts {
		if a.configured.Account(kept.Account.AppID) != nil {
			a.log.Warn("the account stands in the Caddyfile and in the facts; the Caddyfile's is used", zap.String("step", "route"), zap.String("account", kept.Account.AppID))
			continue
		}
		// An error of the facts says nothing of the account, which mustn't vanish by it.
		recorded, err := a.store.Subject(ctx, kept.Account.AppID, kept.Account.SubjectOrSelf())
		if err != nil {
			return err
		}
		account, err := a.openAccount(kept, recorded, next)
		if err != nil {
			a.log.Error("an account of the facts can't be used", zap.String("step", "route"), zap.String("account", kept.Account.AppID), zap.Error(err))
			continue
		}
		next.kept[account.AppID] = kept.Entry
		found = append(found, account)
	}
	var faults []error
	next.Directory, faults = a.configured.With(found)
	for _, fault := range faults {
		a.log.Error("an account of the facts can't be used", zap.String("step", "route"), zap.Error(fault))
	}
	for _, account := range found {
		if h := account.CallbackHost; h != "" && h != a.host {
			next.hosts[h] = h
		}
	}
	if err := a.readUses(ctx, next); err != nil {
		return err
	}
	a.catalogue.Store(next)
	a.sites.forgetAll() // what sites there are goes by the accounts
	return nil
}

// readUses reads how the accounts are used by the sites of the facts.
func (a *App) readUses(ctx context.Context, into *catalogue) error {
	uses, algorithms, err := a.directoryStore().KeptUses(ctx)
	if err != nil {
		return err
	}
	into.algorithms, into.uses = algorithms, map[string][]directory.Use{}
	for _, u := range uses {
		into.uses[u.AppID] = append(into.uses[u.AppID], u)
	}
	return nil
}

// learnUses learns how accounts are used after sites have changed.
func (a *App) learnUses(ctx context.Context) error {
	a.learning.Lock()
	defer a.learning.Unlock()
	next := *a.directory()
	if err := a.readUses(ctx, &next); err != nil {
		return err
	}
	a.catalogue.Store(&next)
	return nil
}

// relearn learns while the gateway serves.
func (a *App) relearn(ctx context.Context) error {
	was := a.directory().kept
	err := a.learn(ctx)
	for appID, entry := range a.directory().kept {
		if was[appID].Version != entry.Version && a.keeper != nil { // a command has none
			a.keeper.Renewed(appID)
		}
	}
	return err
}

// openDirectory reads for the first time what the facts say exists.
func (a *App) openDirectory(ctx context.Context, store pooledStore, sealer *identity.Sealer) error {
	a.store, a.proofs = store, sealer.Box("accounts")
	return a.learn(ctx)
}

// openAccount opens what proves an account of the facts, unless its unionids would all be
// others than those on record.
func (a *App) openAccount(kept directory.KeptAccount, recorded string, into *catalogue) (directory.Account, error) {
	if subject := kept.Account.SubjectOrSelf(); recorded != subject {
		return directory.Account{}, fmt.Errorf("it is on record with the subject %q, not %q: enter that one, or run `caddy wsite resubject`", recorded, subject)
	}
	p, _, err := a.openProof(kept)
	if err != nil {
		return directory.Account{}, err
	}
	whole, err := directory.FitAccount(p.with(kept.Account))
	if err != nil {
		return directory.Account{}, err
	}
	into.proofs[whole.AppID], err = a.credentialsOf(whole, literal)
	if err != nil {
		return directory.Account{}, err
	}
	return bare(*whole), nil
}

// resealAccounts seals what proves accounts again under the master key in force. Of two
// gateways in the middle of a rotation each has another one in force, and both open both:
// that is why nobody is told, and why it is done at a start and once an hour alone.
func (a *App) resealAccounts(ctx context.Context) error {
	accounts, _, err := a.directoryStore().KeptAccounts(ctx)
	if err != nil {
		return err
	}
	for _, kept := range accounts {
		p, stale, err := a.openProof(kept)
		if err != nil || !stale {
			continue // who can't be opened is told of when accounts are read
		}
		if err := a.directoryStore().ResealKeptAccount(ctx, kept.Account.AppID, kept.Sealed, a.sealProof(kept.Account.AppID, p)); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) openProof(kept directory.KeptAccount) (p proof, stale bool, err error) {
	plain, stale, err := a.proofs.Open(kept.Sealed, kept.Account.AppID)
	if err == nil {
		err = json.Unmarshal(plain, &p)
	}
	if err != nil {
		return proof{}, false, fmt.Errorf("opening what proves account %s: %w", kept.Account.AppID, err)
	}
	return p, stale, nil
}

func (a *App) sealProof(appID string, p proof) []byte {
	plain, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts can be written
	}
	return a.proofs.Seal(plain, appID)
}

// realmsOf are the realms in which an account is used.
func (a *App) realmsOf(appID string) []string {
	var realms []string
	for _, site := range a.directory().SitesOf(appID) {
		realms = append(realms, site.Realm)
	}
	for _, use := range a.directory().uses[appID] {
		realms = append(realms, use.Realm)
	}
	slices.Sort(realms)
	return slices.Compact(realms)
}

// sitesOf names a site that is opened through an account, and says whether there are others.
func (a *App) sitesOf(appID string) (one string, more bool) {
	uses := a.directory().uses[appID]
	sites := a.directory().SitesOf(appID)
	if len(sites) > 0 {
		return sites[0].PTID, len(sites)+len(uses) > 1
	}
	if len(uses) == 0 {
		return "", false
	}
	return uses[0].First, uses[0].More || len(uses) > 1
}
