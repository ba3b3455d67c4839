package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// MigrateOpenid carries over what is known of an openid when its account was moved to
// another one and WeChat told the new openid (wechat-api.md, changeopenid). Within a
// subject the new openid gets the old one's unionid. Otherwise the user whom the old
// one leads to takes part in the first link of the new one, or at once if there is a
// link already.
func (c *Centre) MigrateOpenid(ctx context.Context, realm string, from, to Openid, subject string, by By) error {
	for _, o := range []Openid{from, to} {
		if !idLike(o.AppID) {
			return fmt.Errorf("migrate_openid: %w", &Fault{Field: "appid", Value: o.AppID})
		}
		if !idLike(o.OpenID) {
			return fmt.Errorf("migrate_openid: %w", &Fault{Field: "openid", Value: o.OpenID})
		}
	}
	key, err := c.GuestKey(realm)
	if err != nil {
		return fmt.Errorf("migrate_openid: %w", err)
	}
	claim := Claim{Realm: realm, Openid: to, Unionid: Unionid{Subject: subject}, Bind: true, Via: "migrate_openid", Actor: by.Actor, Evidence: by.Evidence, Trace: by.Trace}
	if subject == to.AppID {
		claim.UnionID = to.OpenID
	}
	linked := false
	err = c.commit(ctx, func(now time.Time) (Change, error) {
		old, err := c.Store.Load(ctx, Query{Realm: realm, Openid: from})
		switch {
		case err != nil:
			return Change{}, err
		case old.Openid.Version == 0:
			return Change{}, &Conflict{Code: CodeOpenidUnknown}
		case old.Openid.Subject == subject && old.Openid.UnionID != "" && subject != to.AppID:
			claim.UnionID = old.Openid.UnionID
			return Change{}, nil
		}
		guest := old.Openid.Guest
		user := cmp.Or(old.UnionUser.ID, old.Openid.Hint, guest)
		if user == "" {
			return Change{}, &Conflict{Code: CodeOpenidUnknown}
		}
		change, err := c.hint(ctx, key, claim, user, "migrate_openid", now)
		if err != nil || change.Empty() {
			return change, err
		}
		if linked = change.Openids[0].Subject == subject; old.UnionUser.ID != "" || user != guest {
			return change, nil
		}
		// A guest moves along for good: from the old openid he must not come back.
		if old.Guest.Version == 0 {
			change.Users = append(change.Users, User{ID: guest, Kind: Virtual, Born: old.Openid.Issued, Home: from})
		}
		o := old.Openid
		o.Gen, o.Guest, o.Issued = o.Gen+1, "", time.Time{}
		change.Openids = append(change.Openids, o)
		change.Stale = append(change.Stale, guest)
		return change, nil
	})
	if err == nil && (claim.UnionID != "" || linked) {
		_, err = c.Resolve(ctx, claim)
	}
	if err != nil {
		return fmt.Errorf("migrate_openid: %w", err)
	}
	return nil
}

// hint writes down which user an openid led to elsewhere.
func (c *Centre) hint(ctx context.Context, key []byte, claim Claim, user, op string, now time.Time) (Change, error) {
	q := c.query(key, claim, now)
	q.User = user
	known, err := c.Store.Load(ctx, q)
	if err != nil {
		return Change{}, err
	}
	o := known.Openid
	switch {
	case known.GivenGone:
		return Change{}, &Conflict{Code: CodeUserErased, User: user}
	case o.Hint == user || known.UnionUser.ID != "" && known.UnionUser.ID == known.GivenRoot.ID:
		return Change{}, nil
	case o.Hint != "":
		return Change{}, &Conflict{Code: CodeHintTaken, User: user, Holder: o.Hint}
	case claim.UserKind == Real && (minted(user) || known.Given.Kind == Virtual):
		return Change{}, &Conflict{Code: CodeUserVirtual, User: user}
	case o.UnionID != "" && o.Subject == claim.Subject && (claim.UserKind == Real || known.UnionUser.Kind == Real && known.GivenRoot.Kind == Real):
		return Change{}, &Conflict{Code: CodeUnionIDTaken, User: user, Holder: known.UnionUser.ID}
	}
	o.Hint = user
	change := Change{Realm: claim.Realm, At: now, Openids: []OpenidRow{o}, Seen: []User{{ID: user}}}
	if known.Given.Version > 0 {
		change.Seen[0] = known.Given // erased meanwhile, he must not come back
	}
	if o.Guest != "" {
		change.Stale = append(change.Stale, o.Guest) // who is there now may be told otherwise
	}
	detail := AuditDetail{User: user, Via: claim.Via, Evidence: claim.Evidence, AppID: claim.AppID, OpenID: claim.OpenID, Trace: claim.Trace}
	detail.Before.addOpenid(known.Openid)
	return change, c.record(&change, claim.Actor, op, detail)
}

// Resubject records that an account now belongs to another open-platform account.
// What is known of its openids stays and holds until WeChat tells their new
// unionids; the first of each then carries the same user over. realms are those in
// which the account is used. [ErrConflict] means that the account is on record with
// another subject than from.
func (c *Centre) Resubject(ctx context.Context, realms []string, appID, from, to string, by By) error {
	recorded, err := c.Store.Subject(ctx, appID, from)
	if err == nil && recorded != from {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("resubject: %w", err)
	}
	// Recorded first: if everything ends in between, it is repeated, and recorded again.
	for _, realm := range realms {
		err := c.commit(ctx, func(now time.Time) (Change, error) {
			change := Change{Realm: realm, At: now}
			detail := by.detail("")
			detail.AppID, detail.Subject, detail.Cause = appID, to, "was "+from
			return change, c.record(&change, by.Actor, "resubject", detail)
		})
		if err != nil {
			return fmt.Errorf("resubject: %w", err)
		}
	}
	if err := c.Store.Resubject(ctx, appID, from, to); err != nil {
		return fmt.Errorf("resubject: %w", err)
	}
	return nil
}

// Import is a row of an old table: what it says of an openid.
type Import struct {
	Realm string
	Openid
	Unionid        // its UnionID may be empty
	User    string // may be empty
	Actor   string
}

// Imported says what became of a row.
type Imported string

const (
	ImportedLink Imported = "linked"  // the openid, its unionid and the user belong together now
	ImportedFact Imported = "unionid" // the unionid of the openid is known now, no user is
	ImportedHint Imported = "hint"    // the user is remembered until the unionid is known
	ImportedSame Imported = "same"    // all of it was known before
)

// Import takes a row of an old table for true. It never mints an id: a row without a
// unionid is a hint, one without a user a fact without one. A [Conflict] or a [Fault]
// is about this row alone, and nothing of the row was written.
func (c *Centre) Import(ctx context.Context, row Import) (Imported, error) {
	claim := Claim{
		Realm: row.Realm, Openid: row.Openid, Unionid: row.Unionid, User: row.User, UserKind: Real,
		Bind: true, Via: "import", Actor: row.Actor,
	}
	if err := claim.Check(); err != nil {
		return "", err
	}
	key, err := c.GuestKey(row.Realm)
	if err != nil {
		return "", fmt.Errorf("importing: %w", err)
	}
	outcome := ImportedSame
	var refused error
	err = c.commit(ctx, func(now time.Time) (change Change, err error) {
		outcome, refused = ImportedSame, nil
		known, err := c.Store.Load(ctx, c.query(key, claim, now))
		if err != nil {
			return Change{}, err
		}
		if change, outcome, err = c.imported(ctx, key, claim, known, now); err != nil {
			conflict := (*Conflict)(nil)
			if !errors.As(err, &conflict) {
				return Change{}, err
			}
			if conflict.Code == CodeUnionIDMismatch {
				conflict.Holder = known.Openid.UnionID // the operator gets to see both sides
			}
			refused = err
			if change = refusal(known, claim, err, now); change.Empty() {
				return change, nil
			}
			return change, c.recordClaim(&change, known, claim, Answer{})
		}
		if change.Empty() {
			outcome = ImportedSame
		}
		return change, nil
	})
	if err != nil {
		return "", fmt.Errorf("importing: %w", err)
	}
	return outcome, refused
}

// imported is what a row changes.
func (c *Centre) imported(ctx context.Context, key []byte, claim Claim, known Known, now time.Time) (Change, Imported, error) {
	o := known.Openid
	linked := o.UnionID != "" && o.Subject == claim.Subject
	switch {
	case claim.UnionID == "" && claim.User == "":
		return Change{}, "", &Conflict{Code: CodeNothing}
	case claim.UnionID == "" && !linked:
		change, err := c.hint(ctx, key, claim, claim.User, "import", now)
		return change, ImportedHint, err
	case claim.User == "" && claim.UnionID == "":
		return Change{}, ImportedSame, nil
	case claim.User == "" && known.Union.Version == 0 && o.Guest == "" && o.Hint == "" && o.UnionID == "":
		// To link it would take a user, and none is named. The first visit mints one.
		o.Openid, o.Unionid = claim.Openid, claim.Unionid
		change := Change{Realm: claim.Realm, At: now, Openids: []OpenidRow{o}}
		return change, ImportedFact, c.recordClaim(&change, known, claim, Answer{})
	case claim.User == "" && known.Union.Version == 0 && o.Unionid == claim.Unionid:
		return Change{}, ImportedSame, nil
	}
	policy := c.policies(claim.Realm)
	policy.Silent = false
	change, answer, err := decide(known, claim, policy, realmMinter(key), now)
	if err != nil || change.Empty() {
		return Change{}, ImportedLink, err
	}
	return change, ImportedLink, c.recordClaim(&change, known, claim, answer)
}
