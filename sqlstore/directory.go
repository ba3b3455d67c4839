package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// KeptAccounts are all accounts that are kept here, by app id.
func (s *Store) KeptAccounts(ctx context.Context) ([]directory.KeptAccount, error) {
	var list []directory.KeptAccount
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT entry, sealed, version, at, by_whom FROM directory_account ORDER BY appid`, nil, func(rows *sql.Rows) error {
			var a directory.KeptAccount
			err := scanEntry(rows, &a.Account, &a.Entry, &a.Sealed)
			list = append(list, a)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	return list, nil
}

// scanEntry scans JSON, what else there is, and who wrote it when.
func scanEntry(rows *sql.Rows, into any, entry *directory.Entry, more ...any) error {
	var text string
	var at sql.NullInt64
	if err := rows.Scan(append(append([]any{&text}, more...), &entry.Version, &at, &entry.By)...); err != nil {
		return err
	}
	entry.At = timeOf(at)
	return json.Unmarshal([]byte(text), into)
}

// PutKeptAccount adds an account, or replaces it at its version.
func (s *Store) PutKeptAccount(ctx context.Context, a directory.KeptAccount) error {
	text, err := json.Marshal(a.Account)
	if err == nil {
		err = s.writer.write(ctx, func(c *session) error {
			var err error
			if a.Version == 0 {
				_, err = c.exec(`INSERT INTO directory_account (appid, entry, sealed, version, at, by_whom) VALUES ($1, $2, $3, 1, $4, $5)`,
					a.Account.AppID, string(text), a.Sealed, a.At.UnixMicro(), a.By)
			} else {
				err = swapped(c.exec(`UPDATE directory_account SET entry = $2, sealed = $3, version = version + 1, at = $4, by_whom = $5 WHERE appid = $1 AND version = $6`,
					a.Account.AppID, string(text), a.Sealed, a.At.UnixMicro(), a.By, a.Version))
			}
			if err != nil {
				return err
			}
			return putStale(c, identity.StaleAccount, "", []string{a.Account.AppID}, s.now())
		})
	}
	if err != nil {
		return fmt.Errorf("writing account %s: %w", a.Account.AppID, err)
	}
	return nil
}

// ResealKeptAccount puts the same secrets, sealed anew, in the place of was.
func (s *Store) ResealKeptAccount(ctx context.Context, appID string, was, sealed []byte) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`UPDATE directory_account SET sealed = $3 WHERE appid = $1 AND sealed = $2`, appID, was, sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("sealing account %s anew: %w", appID, err)
	}
	return nil
}

// DropKeptAccount takes an account away, if no site is opened through it.
func (s *Store) DropKeptAccount(ctx context.Context, appID string, version int64) error {
	err := s.writer.write(ctx, func(c *session) error {
		var one int
		used, err := c.one(`SELECT 1 FROM directory_opened WHERE appid = $1 LIMIT 1`, []any{appID}, []any{&one})
		if err != nil {
			return err
		}
		if used {
			return directory.ErrUsed
		}
		if err := swapped(c.exec(`DELETE FROM directory_account WHERE appid = $1 AND version = $2`, appID, version)); err != nil {
			return err
		}
		return putStale(c, identity.StaleAccount, "", []string{appID}, s.now())
	})
	if err != nil {
		return fmt.Errorf("taking account %s away: %w", appID, err)
	}
	return nil
}

// KeptSite finds a site.
func (s *Store) KeptSite(ctx context.Context, ptid string) (site directory.KeptSite, found bool, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		site, found = directory.KeptSite{}, false
		return c.each(`SELECT entry, version, at, by_whom FROM directory_site WHERE ptid = $1`, []any{ptid}, func(rows *sql.Rows) error {
			found = true
			return scanEntry(rows, &site.Site, &site.Entry)
		})
	})
	if err != nil {
		return directory.KeptSite{}, false, fmt.Errorf("reading a site: %w", err)
	}
	return site, found, nil
}

// KeptSites lists sites, by ptid.
func (s *Store) KeptSites(ctx context.Context, f directory.SiteFilter) ([]directory.KeptSite, error) {
	where, args := `place > $1`, []any{inOrder(f.After)}
	and := func(condition, arg string) {
		if arg != "" {
			args = append(args, arg)
			where += fmt.Sprintf(condition, len(args))
		}
	}
	and(` AND realm = $%d`, f.Realm)
	and(` AND ptid IN (SELECT o.ptid FROM directory_opened o WHERE o.appid = $%d)`, f.AppID)
	and(` AND replace(search, $%d, '') <> search`, strings.ToLower(f.Search))
	args = append(args, f.Limit)
	var list []directory.KeptSite
	err := s.view(ctx, func(c *session) error {
		list = nil
		return c.each(fmt.Sprintf(`SELECT entry, version, at, by_whom FROM directory_site WHERE %s ORDER BY place LIMIT $%d`, where, len(args)), args, func(rows *sql.Rows) error {
			var site directory.KeptSite
			err := scanEntry(rows, &site.Site, &site.Entry)
			list = append(list, site)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing sites: %w", err)
	}
	return list, nil
}

// KeptHost says whether a site has a host.
func (s *Store) KeptHost(ctx context.Context, host string) (found bool, err error) {
	err = s.readers.use(ctx, func(c *session) (err error) {
		var one int
		found, err = c.one(`SELECT 1 FROM directory_host WHERE host = $1 LIMIT 1`, []any{host}, []any{&one})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("looking up a host: %w", err)
	}
	return found, nil
}

// KeptUses tells through which accounts sites are opened, and how their tokens are signed.
func (s *Store) KeptUses(ctx context.Context) (uses []directory.Use, algorithms []string, err error) {
	err = s.view(ctx, func(c *session) error {
		uses, algorithms = nil, nil
		err := c.each(`SELECT appid, realm, count(*), min(ptid) FROM directory_opened GROUP BY appid, realm ORDER BY appid, realm`, nil, func(rows *sql.Rows) error {
			var u directory.Use
			err := rows.Scan(&u.AppID, &u.Realm, &u.Sites, &u.First)
			uses = append(uses, u)
			return err
		})
		if err != nil {
			return err
		}
		return c.each(`SELECT DISTINCT algorithm FROM directory_site WHERE algorithm > '' ORDER BY algorithm`, nil, func(rows *sql.Rows) error {
			var alg string
			err := rows.Scan(&alg)
			algorithms = append(algorithms, alg)
			return err
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading how accounts are used: %w", err)
	}
	return uses, algorithms, nil
}

// PutKeptSite adds a site, or replaces it at its version.
func (s *Store) PutKeptSite(ctx context.Context, site directory.KeptSite) error {
	err := s.writer.write(ctx, func(c *session) error {
		if err := putSite(c, site); err != nil {
			return err
		}
		return putStale(c, identity.StaleSite, "", []string{site.Site.PTID}, s.now())
	})
	if err != nil {
		return fmt.Errorf("writing site %s: %w", site.Site.PTID, err)
	}
	return nil
}

func putSite(c *session, kept directory.KeptSite) error {
	site := kept.Site
	text, err := json.Marshal(site)
	if err != nil {
		return err
	}
	var other string
	taken, err := c.one(`SELECT ptid FROM directory_site WHERE audience = $1 AND ptid <> $2`, []any{site.Audience, site.PTID}, []any{&other})
	if err != nil {
		return err
	}
	if taken {
		return directory.ErrAudience
	}
	search := strings.ToLower(strings.Join(append([]string{site.PTID, site.Audience}, site.Hosts...), " "))
	if kept.Version == 0 {
		_, err = c.exec(`INSERT INTO directory_site (ptid, place, realm, audience, algorithm, search, entry, version, at, by_whom) VALUES ($1, $9, $2, $3, $4, $5, $6, 1, $7, $8)`,
			site.PTID, site.Realm, site.Audience, site.Algorithm, search, string(text), kept.At.UnixMicro(), kept.By, inOrder(site.PTID))
	} else {
		err = swapped(c.exec(`UPDATE directory_site SET realm = $2, audience = $3, algorithm = $4, search = $5, entry = $6, version = version + 1, at = $7, by_whom = $8 WHERE ptid = $1 AND version = $9`,
			site.PTID, site.Realm, site.Audience, site.Algorithm, search, string(text), kept.At.UnixMicro(), kept.By, kept.Version))
	}
	if err == nil {
		err = clearSite(c, site.PTID)
	}
	for _, id := range site.Accounts {
		if err == nil {
			_, err = c.exec(`INSERT INTO directory_opened (appid, realm, ptid) VALUES ($1, $2, $3) ON CONFLICT (appid, realm, ptid) DO NOTHING`, id, site.Realm, site.PTID)
		}
	}
	for _, host := range site.Hosts {
		name, _, _ := strings.Cut(host, ":") // by which certificates are asked for
		for _, host := range []string{host, name} {
			if err != nil {
				break
			}
			_, err = c.exec(`INSERT INTO directory_host (host, ptid) VALUES ($1, $2) ON CONFLICT (host, ptid) DO NOTHING`, host, site.PTID)
		}
	}
	return err
}

// inOrder is a text by which databases order as bytes do, whatever their collation.
func inOrder(ptid string) string { return hex.EncodeToString([]byte(ptid)) }

// clearSite takes away through which accounts and on which hosts a site is.
func clearSite(c *session, ptid string) error {
	_, err := c.exec(`DELETE FROM directory_opened WHERE ptid = $1`, ptid)
	if err == nil {
		_, err = c.exec(`DELETE FROM directory_host WHERE ptid = $1`, ptid)
	}
	return err
}

// DropKeptSite takes a site away.
func (s *Store) DropKeptSite(ctx context.Context, ptid string, version int64) error {
	err := s.writer.write(ctx, func(c *session) error {
		err := swapped(c.exec(`DELETE FROM directory_site WHERE ptid = $1 AND version = $2`, ptid, version))
		if err == nil {
			err = clearSite(c, ptid)
		}
		if err != nil {
			return err
		}
		return putStale(c, identity.StaleSite, "", []string{ptid}, s.now())
	})
	if err != nil {
		return fmt.Errorf("taking site %s away: %w", ptid, err)
	}
	return nil
}
