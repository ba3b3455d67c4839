package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Secrets returns the sealed secrets whose name begins with prefix, by name.
func (s *Store) Secrets(ctx context.Context, prefix string) ([]identity.Secret, error) {
	var secrets []identity.Secret
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT name, sealed, version FROM secret WHERE substr(name, 1, length($1)) = $1`, []any{prefix},
			func(rows *sql.Rows) error {
				var x identity.Secret
				err := rows.Scan(&x.Name, &x.Sealed, &x.Version)
				secrets = append(secrets, x)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading secrets: %w", err)
	}
	// Sorted here, because databases differ in what comes first.
	slices.SortFunc(secrets, func(a, b identity.Secret) int { return strings.Compare(a.Name, b.Name) })
	return secrets, nil
}

// PutSecret inserts a secret (Version 0) or replaces it at that version, and
// tells the caches.
func (s *Store) PutSecret(ctx context.Context, x identity.Secret) error {
	err := s.writer.write(ctx, func(c *session) error {
		var err error
		if x.Version == 0 {
			_, err = c.exec(`INSERT INTO secret (name, sealed, version) VALUES ($1, $2, 1)`, x.Name, x.Sealed)
		} else {
			err = swapped(c.exec(`UPDATE secret SET sealed = $2, version = version + 1 WHERE name = $1 AND version = $3`, x.Name, x.Sealed, x.Version))
		}
		if err != nil {
			return err
		}
		return putStale(c, identity.StaleSecret, "", []string{x.Name}, s.now())
	})
	if err != nil {
		return fmt.Errorf("writing secret: %w", err)
	}
	return nil
}
