package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// PutMerchants writes merchants whose version is the next one.
func (s *Store) PutMerchants(ctx context.Context, list []merchant.Put) ([]merchant.Merchant, error) {
	var had []merchant.Merchant
	err := s.writer.write(ctx, func(c *session) error {
		had = make([]merchant.Merchant, len(list))
		for i, p := range list {
			n, err := putMerchant(c, p.Merchant)
			if err != nil {
				return err
			}
			if n == 1 {
				err = putMerchantEvent(c, p.Realm, p.Event)
			} else {
				had[i], _, err = oneMerchant(c, p.Realm, p.ID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("writing merchants: %w", err)
	}
	return had, nil
}

func putMerchant(c *session, m merchant.Merchant) (int64, error) {
	args := []any{
		m.Realm, m.ID, m.Name, m.Login, m.Contact, m.Phone, string(m.Status), m.Persons, m.User, strings.Join(m.Sites, " "),
		moment(m.Registered), moment(m.LastLogin), m.Version, m.Search(),
	}
	if m.Version == 1 {
		return c.exec(`INSERT INTO merchant (realm, id, name, login, contact, phone, status, persons, userid, sites, registered, last_login, version, search, made_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (realm, id) DO NOTHING`, append(args, m.Made.UnixMicro())...)
	}
	return c.exec(`UPDATE merchant SET name = $3, login = $4, contact = $5, phone = $6, status = $7, persons = $8, userid = $9, sites = $10,
			registered = $11, last_login = $12, version = $13, search = $14
		WHERE realm = $1 AND id = $2 AND version = $13 - 1 AND (userid = $9 OR bound = 0)`, args...)
}

// putMerchantEvent writes an entry of the history.
func putMerchantEvent(c *session, realm string, e merchant.Event) error {
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return err
	}
	seq, err := count(c, "merchant/"+realm, 1)
	if err != nil {
		return err
	}
	_, err = c.exec(`INSERT INTO merchant_event (realm, seq, merchant, at, actor, what, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		realm, seq, e.Merchant, e.At.UnixMicro(), e.Actor, e.What, string(detail))
	return err
}

// MerchantLoggedIn keeps the newest login of a merchant.
func (s *Store) MerchantLoggedIn(ctx context.Context, realm, id string, at time.Time) (bool, error) {
	var n int64
	err := s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`UPDATE merchant SET last_login = CASE WHEN last_login > $3 THEN last_login ELSE $3 END WHERE realm = $1 AND id = $2`, realm, id, at.UnixMicro())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("noting a login: %w", err)
	}
	return n == 1, nil
}

const merchantColumns = `m.realm, m.id, m.name, m.login, m.contact, m.phone, m.status, m.persons, m.userid, m.sites, m.registered, m.last_login, m.made_at, m.version`

// merchantRow is where a row of a merchant is scanned into.
type merchantRow struct {
	merchant.Merchant
	sites             string
	registered, login sql.NullInt64
	made              int64
}

func (r *merchantRow) dest() []any {
	m := &r.Merchant
	return []any{
		&m.Realm, &m.ID, &m.Name, &m.Login, &m.Contact, &m.Phone, &m.Status, &m.Persons, &m.User, &r.sites,
		&r.registered, &r.login, &r.made, &m.Version,
	}
}

func (r *merchantRow) merchant() merchant.Merchant {
	m := r.Merchant
	m.Sites, m.Made = strings.Fields(r.sites), time.UnixMicro(r.made).UTC()
	m.Registered, m.LastLogin = timeOf(r.registered), timeOf(r.login)
	return m
}

func oneMerchant(c *session, realm, id string) (merchant.Merchant, bool, error) {
	var r merchantRow
	found, err := c.one(`SELECT `+merchantColumns+` FROM merchant m WHERE m.realm = $1 AND m.id = $2`, []any{realm, id}, r.dest())
	if err != nil || !found {
		return merchant.Merchant{}, false, err
	}
	return r.merchant(), true, nil
}

// Merchant finds a merchant, with who is bound to him.
func (s *Store) Merchant(ctx context.Context, realm, id string) (l merchant.Listed, found bool, err error) {
	err = s.view(ctx, func(c *session) (err error) {
		l = merchant.Listed{}
		if l.Merchant, found, err = oneMerchant(c, realm, id); err != nil || !found {
			return err
		}
		l.Bindings, err = bindingsOf(c, realm, id)
		return err
	})
	if err != nil {
		return merchant.Listed{}, false, fmt.Errorf("reading a merchant: %w", err)
	}
	return l, found, nil
}

const bindingColumns = `b.merchant, b.appid, b.slot, b.openid, b.userid, b.code, b.bound_at, f.following FROM merchant_binding b
	LEFT JOIN follower f ON f.appid = b.appid AND f.openid = b.openid`

// bindingsOf are who is bound to a merchant.
func bindingsOf(c *session, realm, id string) (list []merchant.Binding, err error) {
	err = eachBinding(c, `SELECT `+bindingColumns+` WHERE b.realm = $1 AND b.merchant = $2 ORDER BY b.appid, b.slot`, []any{realm, id}, func(b merchant.Binding) {
		list = append(list, b)
	})
	return list, err
}

func eachBinding(c *session, query string, args []any, take func(merchant.Binding)) error {
	return c.each(query, args, func(rows *sql.Rows) error {
		var b merchant.Binding
		var at int64
		var following sql.NullInt64
		err := rows.Scan(&b.Merchant, &b.AppID, &b.Slot, &b.OpenID, &b.User, &b.Code, &at, &following)
		b.Bound, b.Known, b.Following = time.UnixMicro(at).UTC(), following.Valid, following.Int64 == 1
		take(b)
		return err
	})
}

// BindingsOfUser are the merchants to whom a user is bound, in no order.
func (s *Store) BindingsOfUser(ctx context.Context, realm, user string) (list []merchant.Binding, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		list = nil
		return eachBinding(c, `SELECT `+bindingColumns+` WHERE b.realm = $1 AND b.userid = $2 AND b.userid <> ''`, []any{realm, user}, func(b merchant.Binding) {
			list = append(list, b)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("looking up bindings: %w", err)
	}
	return list, nil
}

// MerchantEvents lists the history of a merchant, the newest first.
func (s *Store) MerchantEvents(ctx context.Context, realm, id string, before int64, limit int) ([]merchant.Event, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	var list []merchant.Event
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT seq, merchant, at, actor, what, detail FROM merchant_event WHERE realm = $1 AND merchant = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4`,
			[]any{realm, id, before, limit}, func(rows *sql.Rows) error {
				var e merchant.Event
				var at int64
				var detail string
				if err := rows.Scan(&e.Seq, &e.Merchant, &at, &e.Actor, &e.What, &detail); err != nil {
					return err
				}
				e.At = time.UnixMicro(at).UTC()
				list = append(list, e)
				return json.Unmarshal([]byte(detail), &list[len(list)-1].Detail)
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the history of a merchant: %w", err)
	}
	return list, nil
}
