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

// KeptAudience finds the site with an audience.
func (s *Store) KeptAudience(ctx context.Context, audience string) (ptid string, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		_, err := c.one(`SELECT ptid FROM directory_site WHERE audience = $1`, []any{audience}, []any{&ptid})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("looking up an audience: %w", err)
	}
	return ptid, nil
}

// PutKeptSite adds a site, or replaces it at its version.
func (s *Store) PutKeptSite(ctx context.Context, site directory.KeptSite, judged int64) error {
	err := s.writer.write(ctx, func(c *session) error {
		if err := unmoved(c, judged); err != nil {
			return err
		}
		version, err := noteEntry(c, identity.StaleSite, site.Site.PTID, s.now())
		if err != nil {
			return err
		}
		return putSite(c, site, version)
	})
	if err != nil {
		return fmt.Errorf("writing site %s: %w", site.Site.PTID, err)
	}
	return nil
}

// putSite writes a site as its next version.
func putSite(c *session, kept directory.KeptSite, version int64) error {
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
		_, err = c.exec(`INSERT INTO directory_site (ptid, place, realm, audience, algorithm, search, entry, version, at, by_whom) VALUES ($1, $9, $2, $3, $4, $5, $6, $10, $7, $8)`,
			site.PTID, site.Realm, site.Audience, site.Algorithm, search, string(text), kept.At.UnixMicro(), kept.By, inOrder(site.PTID), version)
	} else {
		err = swapped(c.exec(`UPDATE directory_site SET realm = $2, audience = $3, algorithm = $4, search = $5, entry = $6, version = $10, at = $7, by_whom = $8 WHERE ptid = $1 AND version = $9`,
			site.PTID, site.Realm, site.Audience, site.Algorithm, search, string(text), kept.At.UnixMicro(), kept.By, kept.Version, version))
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
