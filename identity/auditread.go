package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Audit returns at most limit records of a realm with Seq > after, in order; with a
// user, only those about him or an id that was retired into him. What is personal of
// somebody who was erased is nil in the records about him, and left out of those about
// others.
func (c *Centre) Audit(ctx context.Context, realm, user string, after int64, limit int) ([]AuditRecord, error) {
	key, err := c.GuestKey(realm)
	if err != nil {
		return nil, fmt.Errorf("reading audit: %w", err)
	}
	rows, err := c.auditRows(ctx, key, realm, user, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading audit: %w", err)
	}
	return c.opened(ctx, key, realm, rows)
}

// opened makes rows readable.
func (c *Centre) opened(ctx context.Context, key []byte, realm string, rows []AuditRow) (records []AuditRecord, err error) {
	gone := forgetful{store: c.Store, key: key, realm: realm, known: map[string]bool{}}
	records = make([]AuditRecord, 0, len(rows))
	for _, row := range rows {
		r := AuditRecord{Seq: row.Seq, At: row.At, Actor: row.Actor, Op: row.Op, Hash: fmt.Sprintf("%x", row.Hash)}
		if r.Detail, err = openAudit(key, realm, row); err != nil {
			return nil, fmt.Errorf("reading audit: record %d: %w", row.Seq, err)
		}
		if r.Detail != nil {
			if err := gone.leaveOut(ctx, r.Detail); err != nil {
				return nil, fmt.Errorf("reading audit: %w", err)
			}
		}
		records = append(records, r)
	}
	return records, nil
}

// AuditBack returns records from the newest back, as Audit does, and the number before
// which it goes on; zero at the end. q.About is a user here, not a digest: he, or an id
// that was retired into him.
func (c *Centre) AuditBack(ctx context.Context, q AuditQuery) (records []AuditRecord, next int64, err error) {
	key, err := c.GuestKey(q.Realm)
	if err != nil {
		return nil, 0, fmt.Errorf("reading audit: %w", err)
	}
	ids := []string{""}
	if q.About != "" {
		if ids, err = c.withRetired(ctx, key, q.Realm, q.About); err != nil {
			return nil, 0, fmt.Errorf("reading audit: %w", err)
		}
	}
	var rows []AuditRow
	for _, id := range ids {
		if q.About = id; id != "" {
			q.About = mark(key, MarkUser, id)
		}
		some, more, err := c.Store.AuditBack(ctx, q)
		if err != nil {
			return nil, 0, fmt.Errorf("reading audit: %w", err)
		}
		rows, next = append(rows, some...), max(next, more)
	}
	slices.SortFunc(rows, func(a, b AuditRow) int { return cmp.Compare(b.Seq, a.Seq) })
	if q.Limit > 0 && len(rows) > q.Limit {
		rows, next = rows[:q.Limit], rows[q.Limit-1].Seq
	}
	records, err = c.opened(ctx, key, q.Realm, rows)
	return records, next, err
}

// auditRows finds the records about a user and whoever was retired into him.
func (c *Centre) auditRows(ctx context.Context, key []byte, realm, user string, after int64, limit int) ([]AuditRow, error) {
	if user == "" {
		return c.Store.Audit(ctx, realm, "", after, limit)
	}
	ids, err := c.withRetired(ctx, key, realm, user)
	if err != nil {
		return nil, err
	}
	var rows []AuditRow
	for _, id := range ids {
		some, err := c.Store.Audit(ctx, realm, mark(key, MarkUser, id), after, limit)
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b AuditRow) int { return cmp.Compare(a.Seq, b.Seq) })
	return rows[:min(len(rows), max(limit, 0))], nil
}

// withRetired is a user with whoever was retired into him.
func (c *Centre) withRetired(ctx context.Context, key []byte, realm, user string) ([]string, error) {
	facts, err := c.Store.User(ctx, realm, user, mark(key, MarkUser, user))
	if err != nil {
		return nil, err
	}
	ids := []string{user}
	for range facts.Retired { // each round goes one step further down the chains
		for _, u := range facts.Retired {
			if slices.Contains(ids, u.Parent) && !slices.Contains(ids, u.ID) {
				ids = append(ids, u.ID)
			}
		}
	}
	return ids, nil
}

// openAudit unseals a record; nil if its key was destroyed. What was sealed before the
// user was erased stays shut for his later records too: they have another salt.
func openAudit(key []byte, realm string, row AuditRow) (*AuditDetail, error) {
	if row.Salt == nil {
		return nil, nil
	}
	aead := auditBox(key, row.Salt)
	n := aead.NonceSize()
	if len(row.Sealed) < n {
		return nil, ErrSealed
	}
	plain, err := aead.Open(nil, row.Sealed[:n], row.Sealed[n:], auditContext(realm, row.Seq))
	if err != nil {
		return nil, nil
	}
	detail := new(AuditDetail)
	return detail, json.Unmarshal(plain, detail)
}

// forgetful leaves the ids of those who were erased out of records about others.
type forgetful struct {
	store Store
	key   []byte
	realm string
	known map[string]bool // digests that were looked up
}

// forgotten stands in the place of an id that was erased.
const forgotten = "(erased)"

func (f forgetful) leaveOut(ctx context.Context, d *AuditDetail) error {
	if err := f.one(ctx, MarkOpenid, &d.OpenID, d.AppID, d.OpenID); err != nil {
		return err
	}
	if err := f.one(ctx, MarkUnionid, &d.UnionID, d.Subject, d.UnionID); err != nil {
		return err
	}
	users := []*string{&d.User}
	for _, s := range []*auditState{&d.Before, &d.After} {
		users = append(users, &s.Login)
		for i := range s.Users {
			users = append(users, &s.Users[i].ID, &s.Users[i].Parent)
		}
		for i := range s.Unions {
			n := &s.Unions[i]
			users = append(users, &n.User)
			if err := f.one(ctx, MarkUnionid, &n.UnionID, n.Subject, n.UnionID); err != nil {
				return err
			}
		}
		for i := range s.Openids {
			o := &s.Openids[i]
			users = append(users, &o.Guest, &o.Hint)
			if err := f.one(ctx, MarkOpenid, &o.OpenID, o.AppID, o.OpenID); err != nil {
				return err
			}
			// Of which subject it is was not written down. An openid goes with its unionid.
			if o.OpenID == forgotten && o.UnionID != "" {
				o.UnionID = forgotten
			}
		}
	}
	for _, id := range users {
		if err := f.one(ctx, MarkUser, id, *id); err != nil {
			return err
		}
	}
	return nil
}

// one leaves an id out if what the parts name was erased.
func (f forgetful) one(ctx context.Context, kind MarkKind, id *string, parts ...string) error {
	if *id == "" {
		return nil
	}
	digest := mark(f.key, kind, parts...)
	gone, known := f.known[digest]
	if !known {
		// No user has the empty id, so that this is about the digest alone.
		facts, err := f.store.User(ctx, f.realm, "", digest)
		if err != nil {
			return err
		}
		gone = facts.Gone
		f.known[digest] = gone
	}
	if gone {
		*id = forgotten
	}
	return nil
}
