package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

const apiKeyColumns = `id, realm, name, scopes, sites, hash, made_at, revoked_at, used_at`

// apiKeyRow holds the columns of a key that are no plain fields.
type apiKeyRow struct {
	scopes, sites       string
	made, revoked, used sql.NullInt64
}

func (r *apiKeyRow) dest(k *identity.APIKey) []any {
	return []any{&k.ID, &k.Realm, &k.Name, &r.scopes, &r.sites, &k.Hash, &r.made, &r.revoked, &r.used}
}

func (r *apiKeyRow) fill(k *identity.APIKey) {
	for _, s := range strings.Fields(r.scopes) {
		k.Scopes = append(k.Scopes, identity.Scope(s))
	}
	k.Sites = strings.Fields(r.sites)
	k.Made, k.Revoked, k.Used = timeOf(r.made), timeOf(r.revoked), timeOf(r.used)
}

// PutAPIKey inserts a key.
func (s *Store) PutAPIKey(ctx context.Context, k identity.APIKey) error {
	scopes := make([]string, len(k.Scopes))
	for i, scope := range k.Scopes {
		scopes[i] = string(scope)
	}
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`INSERT INTO api_key (id, realm, name, scopes, sites, hash, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			k.ID, k.Realm, k.Name, strings.Join(scopes, " "), strings.Join(k.Sites, " "), k.Hash, k.Made.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("writing key: %w", err)
	}
	return nil
}

// APIKey returns a key by its id, also a revoked one; zero if there is none.
func (s *Store) APIKey(ctx context.Context, id string) (identity.APIKey, error) {
	var k identity.APIKey
	err := s.readers.use(ctx, func(c *session) error {
		k = identity.APIKey{}
		var row apiKeyRow
		found, err := c.one(`SELECT `+apiKeyColumns+` FROM api_key WHERE id = $1`, []any{id}, row.dest(&k))
		if found {
			row.fill(&k)
		}
		return err
	})
	if err != nil {
		return identity.APIKey{}, fmt.Errorf("looking up key: %w", err)
	}
	return k, nil
}

// APIKeys lists all keys, the oldest first.
func (s *Store) APIKeys(ctx context.Context) ([]identity.APIKey, error) {
	var keys []identity.APIKey
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT `+apiKeyColumns+` FROM api_key ORDER BY made_at, id`, nil, func(rows *sql.Rows) error {
			var k identity.APIKey
			var row apiKeyRow
			err := rows.Scan(row.dest(&k)...)
			row.fill(&k)
			keys = append(keys, k)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	return keys, nil
}

// RevokeAPIKey revokes a key for good, and says whether there is one.
func (s *Store) RevokeAPIKey(ctx context.Context, id string, at time.Time) (bool, error) {
	var n int64
	err := s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`UPDATE api_key SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1`, id, at.UnixMicro())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("revoking key: %w", err)
	}
	return n > 0, nil
}

// UseAPIKey notes that a key was used.
func (s *Store) UseAPIKey(ctx context.Context, id string, at time.Time) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`UPDATE api_key SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)`, id, at.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("noting the use of a key: %w", err)
	}
	return nil
}
