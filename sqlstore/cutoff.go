package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// putCutoff writes a cutoff if it goes further than the one that is there. Logins that
// hold in one session only go with the realm: a node that hasn't heard of it yet would
// carry them on to a fresh session.
func putCutoff(c *session, cut identity.Cutoff, now time.Time) error {
	var before int64
	found, err := c.one(`SELECT before_at FROM cutoff WHERE kind = $1 AND realm = $2 AND name = $3`,
		[]any{string(cut.Kind), cut.Realm, cut.Name}, []any{&before})
	if err != nil || found && before >= cut.Before.UnixMicro() {
		return err
	}
	seq, err := count(c, "cutoff", 1)
	if err != nil {
		return err
	}
	_, err = c.exec(`INSERT INTO cutoff (kind, realm, name, seq, before_at, at, until_at, actor, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (kind, realm, name) DO UPDATE SET seq = excluded.seq, before_at = excluded.before_at, at = excluded.at,
			until_at = excluded.until_at, actor = excluded.actor, reason = excluded.reason`,
		string(cut.Kind), cut.Realm, cut.Name, seq, cut.Before.UnixMicro(), cut.At.UnixMicro(), cut.Until.UnixMicro(), cut.Actor, cut.Reason)
	if err != nil {
		return err
	}
	switch cut.Kind {
	case identity.CutoffRealm:
		_, err = c.exec(`DELETE FROM login WHERE realm = $1 AND used < $2`, cut.Realm, cut.Before.UnixMicro())
	case identity.CutoffAll:
		_, err = c.exec(`DELETE FROM login WHERE used < $1`, cut.Before.UnixMicro())
	case identity.CutoffUser, identity.CutoffSession:
		return nil // what ends them has entries of its own
	}
	if err != nil {
		return err
	}
	return putStale(c, identity.StaleCutoff, cut.Realm, []string{string(cut.Kind)}, now)
}

const cutoffColumns = `kind, realm, name, seq, before_at, at, until_at, actor, reason`

// Cutoff returns the cutoff in force for something; zero if there is none.
func (s *Store) Cutoff(ctx context.Context, kind identity.CutoffKind, realm, name string) (identity.Cutoff, error) {
	list, err := s.cutoffs(ctx, `SELECT `+cutoffColumns+` FROM cutoff WHERE kind = $1 AND realm = $2 AND name = $3`, string(kind), realm, name)
	if err != nil || len(list) == 0 {
		return identity.Cutoff{}, err
	}
	return list[0], nil
}

// Cutoffs returns at most limit cutoffs with Seq > after, in order: those of a realm, or
// of all if it is empty.
func (s *Store) Cutoffs(ctx context.Context, realm string, after int64, limit int) ([]identity.Cutoff, error) {
	limit = max(limit, 0)
	if realm == "" {
		return s.cutoffs(ctx, `SELECT `+cutoffColumns+` FROM cutoff WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
	}
	return s.cutoffs(ctx, `SELECT `+cutoffColumns+` FROM cutoff WHERE realm = $1 AND seq > $2 ORDER BY seq LIMIT $3`, realm, after, limit)
}

// Kept returns the cutoffs that every node keeps in memory.
func (s *Store) Kept(ctx context.Context) ([]identity.Cutoff, error) {
	return s.cutoffs(ctx, `SELECT `+cutoffColumns+` FROM cutoff WHERE kind IN ('guest', 'site', 'realm', 'all')`)
}

func (s *Store) cutoffs(ctx context.Context, query string, args ...any) ([]identity.Cutoff, error) {
	var list []identity.Cutoff
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(query, args, func(rows *sql.Rows) error {
			var cut identity.Cutoff
			var before, at, until sql.NullInt64
			err := rows.Scan(&cut.Kind, &cut.Realm, &cut.Name, &cut.Seq, &before, &at, &until, &cut.Actor, &cut.Reason)
			cut.Before, cut.At, cut.Until = timeOf(before), timeOf(at), timeOf(until)
			list = append(list, cut)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading cutoffs: %w", err)
	}
	return list, nil
}
