package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// picked is the condition of a filter, but for its place.
//
// What a search and a status ask for stands in the index of the list, so that even a search
// that finds nothing among 100,000 merchants reads that index alone.
func picked(f merchant.Filter) (where string, args []any) {
	where, args = `m.realm = $1`, []any{f.Realm}
	and := func(condition string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(` AND `+condition, len(args))
	}
	if f.Status != "" {
		and(`m.status = $%d`, string(f.Status))
	}
	if f.Search != "" {
		// Both engines do this faster than LIKE, and nothing has to be escaped.
		and(`replace(m.search, $%d, '') <> m.search`, strings.ToLower(f.Search))
	}
	if f.Shown == merchant.ShowUnfollowed {
		where += ` AND m.id IN (SELECT b.merchant FROM merchant_binding b CROSS JOIN follower f
			WHERE b.realm = $1 AND b.merchant > '' AND f.appid = b.appid AND f.openid = b.openid AND f.following = 0)`
	}
	return where, args
}

// Merchants lists a page.
func (s *Store) Merchants(ctx context.Context, f merchant.Filter) (page []merchant.Listed, more bool, err error) {
	where, args := picked(f)
	than, order := `>`, ``
	if f.Backward {
		than, order = `<`, ` DESC`
	}
	n := len(args)
	switch from := f.From; {
	case f.Shown == merchant.ShowAll && f.Backward && from == (merchant.Place{}):
		args = append(args, 2, "")
	case f.Shown == merchant.ShowAll:
		args = append(args, bit(from.Bound), from.ID)
	case f.Backward && from == (merchant.Place{}):
		args = append(args, bit(f.Shown != merchant.ShowUnbound), "\U0010ffff")
	default:
		args = append(args, bit(f.Shown != merchant.ShowUnbound), from.ID)
	}
	if f.Shown == merchant.ShowAll {
		where += fmt.Sprintf(` AND (m.bound, m.id) %s ($%d, $%d)`, than, n+1, n+2)
	} else {
		where += fmt.Sprintf(` AND m.bound = $%d AND m.id %s $%d`, n+1, than, n+2)
	}
	args = append(args, f.Limit+1)
	// By the bare column the engines would go through the list once more.
	query := fmt.Sprintf(`SELECT `+merchantColumns+` FROM merchant m WHERE m.realm = $1 AND m.id IN
		(SELECT m.id FROM merchant m WHERE `+where+` ORDER BY m.bound%s, m.id%s LIMIT $%d) ORDER BY m.bound + 0%s, m.id%s`, order, order, n+3, order, order)
	err = s.view(ctx, func(c *session) error {
		page = nil
		err := c.each(query, args, func(rows *sql.Rows) error {
			var r merchantRow
			err := rows.Scan(r.dest()...)
			page = append(page, merchant.Listed{Merchant: r.merchant()})
			return err
		})
		if more = len(page) > f.Limit; more {
			page = page[:f.Limit]
		}
		if err != nil {
			return err
		}
		return addBindings(c, f.Realm, page)
	})
	if err != nil {
		return nil, false, fmt.Errorf("listing merchants: %w", err)
	}
	if f.Backward {
		slices.Reverse(page)
	}
	return page, more, nil
}

// addBindings adds who is bound, many merchants at a time.
func addBindings(c *session, realm string, page []merchant.Listed) error {
	const many = 50
	at := map[string]*merchant.Listed{}
	for list := range slices.Chunk(page, many) {
		args := []any{realm}
		for i := range list {
			at[list[i].ID] = &list[i]
			args = append(args, list[i].ID)
		}
		for len(args) <= many { // one statement for all lengths
			args = append(args, "")
		}
		if err := eachBinding(c, boundToMany, args, func(b merchant.Binding) {
			l := at[b.Merchant]
			l.Bindings = append(l.Bindings, b)
		}); err != nil {
			return err
		}
	}
	return nil
}

// boundToMany finds who is bound to any of 50 merchants.
var boundToMany = func() string {
	var places []string
	for i := range 50 {
		places = append(places, fmt.Sprintf("$%d", i+2))
	}
	return `SELECT ` + bindingColumns + ` WHERE b.realm = $1 AND b.merchant IN (` + strings.Join(places, ", ") + `) ORDER BY b.merchant, b.appid, b.slot`
}()

// CountMerchants counts what a filter picks.
func (s *Store) CountMerchants(ctx context.Context, f merchant.Filter) (n int64, err error) {
	where, args := picked(f)
	part := func(bound int) string {
		return fmt.Sprintf(`(SELECT COUNT(*) FROM merchant m WHERE `+where+` AND m.bound = %d)`, bound)
	}
	query := `SELECT ` + part(1)
	switch f.Shown {
	case merchant.ShowAll:
		query += ` + ` + part(0)
	case merchant.ShowUnbound:
		query = `SELECT ` + part(0)
	}
	err = s.readers.use(ctx, func(c *session) error {
		n = 0
		_, err := c.one(query, args, []any{&n})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting merchants: %w", err)
	}
	return n, nil
}
