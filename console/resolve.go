package console

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// What staff do about conflicts.

// resolveConflict resolves one by one of its means.
func (c *Console) resolveConflict(v *visit) error {
	return c.onConflict(v, "conflict_resolve", c.resolve)
}

// dismissConflict leaves one as it is.
func (c *Console) dismissConflict(v *visit) error {
	return c.onConflict(v, "conflict_dismiss", func(v *visit, row identity.ConflictRow) error { return c.dismiss(v, row, true) })
}

// reopenConflict puts one that was dismissed back among those that are open.
func (c *Console) reopenConflict(v *visit) error {
	return c.onConflict(v, "conflict_reopen", func(v *visit, row identity.ConflictRow) error { return c.dismiss(v, row, false) })
}

// onConflict does something about the one that the address names.
func (c *Console) onConflict(v *visit, done string, do func(v *visit, row identity.ConflictRow) error) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	seq, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil || seq < 1 || seq == 1<<63-1 {
		return notFound
	}
	rows, err := c.Users.Conflicts(v.ctx, realm.Name, seq+1, 1)
	if err != nil {
		return err
	}
	if len(rows) == 0 || rows[0].Seq != seq {
		return notFound
	}
	err = do(v, rows[0])
	c.unjudge(realm.Name)
	f := userFault(err)
	if own := (*fault)(nil); f == nil && errors.As(err, &own) {
		f = own
	}
	if f != nil {
		v.ended("refused", f.Text)
		return c.showConflicts(v, f.status, 0, f.Text)
	}
	if err != nil {
		return err
	}
	return v.to("/users/" + realm.Name + "/conflicts?done=" + done)
}

// dismiss dismisses one that is open, or takes that back.
func (c *Console) dismiss(v *visit, row identity.ConflictRow, dismissed bool) error {
	by, err := v.why()
	if err != nil {
		return err
	}
	s, err := c.meeting(v, row)
	if err != nil {
		return err
	}
	if open := s.Open || s.Left; !open || dismissed == s.Left {
		return ErrUserChanged
	}
	return c.Users.Dismiss(v.ctx, row, dismissed, cmp.Or(s.Named.ID, s.Holder.ID), by)
}

func (c *Console) resolve(v *visit, row identity.ConflictRow) error {
	by, err := v.why()
	if err != nil {
		return err
	}
	s, err := c.meeting(v, row)
	if err != nil {
		return err
	}
	how := v.r.PostFormValue("how")
	if !s.Open || !slices.Contains(s.Means, how) {
		return ErrUserChanged
	}
	by.Evidence += " (conflict " + strconv.FormatInt(row.Seq, 10) + ")"
	holder := Seen{row.Realm, s.Holder.ID, v.r.PostFormValue("holder")}
	named := Seen{row.Realm, s.Named.ID, v.r.PostFormValue("named")}
	switch how {
	case keepHolder:
		return c.Users.Merge(v.ctx, named, holder, by)
	case keepNamed:
		return c.Users.Merge(v.ctx, holder, named, by)
	case partHolder:
		return c.Users.Unbind(v.ctx, holder, s.part, by)
	case partNamed:
		return c.Users.Unbind(v.ctx, named, s.part, by)
	case moveNamed:
		return c.Users.Move(v.ctx, named, named.User, row.Openid, by)
	}
	return c.Users.Unblock(v.ctx, named, by)
}
