package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// dialTimeout bounds the way to a server that can't be reached, unless the DSN
	// says otherwise (connect_timeout).
	dialTimeout = 5 * time.Second
	// silence is how long a server may leave a statement unanswered until its
	// connection is given up. It is longer than a write waits for its turn.
	silence = 15 * time.Second
)

// OpenPostgres opens the facts in the PostgreSQL database that dsn names, a URL such
// as postgres://user:password@host:5432/database, and brings its tables up to date.
// They lie in the first schema of the user's search path, which is usually public.
//
// It refuses, before it has changed anything, what it can't work with: each refusal
// says what is wrong and what to do. None contains the password.
func OpenPostgres(ctx context.Context, dsn string, opts Options) (*Store, error) {
	s, err := openPostgres(ctx, dsn, opts, busyTimeout, silence)
	if err != nil {
		return nil, fmt.Errorf("opening the facts: %w", err)
	}
	return s, nil
}

func openPostgres(ctx context.Context, dsn string, opts Options, busy, silence time.Duration) (*Store, error) {
	p, err := readDSN(dsn)
	if err != nil {
		return nil, err
	}
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	if p.schema, err = p.prepare(ctx, now, cmp.Or(opts.Log, slog.New(slog.DiscardHandler))); err != nil {
		return nil, p.refusal(err)
	}
	s := &Store{dialect: postgresDialect, write: p.connect(busy, silence, false), read: p.connect(busy, silence, true)}
	// More than SQLite has, since a reader mostly waits for the network.
	s.start(opts, min(max(8, 4*runtime.GOMAXPROCS(0)), 16))
	return s, nil
}

// postgres says how a database is reached.
type postgres struct {
	config *pgx.ConnConfig
	schema string // where the tables lie; "" leaves it to the search path
}

// readDSN reads the address of a database. Its errors don't say what is wrong with
// it: where a password isn't escaped, any part may be a part of the password.
func readDSN(dsn string) (*postgres, error) {
	const form = "write postgres://user:password@host:5432/database, and in the password % and two hexadecimal digits for whatever is neither a letter nor a digit"
	if strings.TrimSpace(dsn) == "" {
		return nil, errors.New("the address of the PostgreSQL database is empty: " + form)
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the address of the PostgreSQL database can't be read: " + form)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = dialTimeout
	}
	// What a standby says may be old, and what was the primary may become one.
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	return &postgres{config: config}, nil
}

// name is how errors call the database.
func (p *postgres) name() string {
	return "the PostgreSQL database " + cmp.Or(p.config.Database, p.config.User) + " at " + net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port)))
}

// connect describes how to reach the database; nothing is opened yet. With busy 0 a
// write waits for its turn for ever, and with silence 0 for every answer.
func (p *postgres) connect(busy, silence time.Duration, readOnly bool) *sql.DB {
	config := p.config.Copy()
	dial := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence, Interval: silence / 3, Count: 3}}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial.DialContext(ctx, network, address)
		if err != nil || silence == 0 {
			return conn, err
		}
		return &impatient{conn, silence}, nil
	}
	access := "off"
	if readOnly {
		access = "on"
	}
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		// Told by a statement, not by parameters of the connection, of which poolers
		// know but a few.
		_, err := conn.Exec(ctx, settings, p.schema, milliseconds(busy), milliseconds(silence), access)
		return err
	}))
}

// settings is what each connection is told once.
//
// The tables stay where they were found, also when somebody makes a schema that
// comes first in the search path. A process that stands still in its turn loses it.
// What is acknowledged is on the disk, whatever the server's default is. And since all
// that we ask finds a few rows by an index, the planner is told so, lest it goes through
// a table that was small when it last looked.
const settings = `SELECT
	set_config('search_path', CASE $1::text WHEN '' THEN current_setting('search_path') ELSE quote_ident($1) END, false),
	set_config('lock_timeout', $2, false),
	set_config('statement_timeout', '0', false),
	set_config('idle_in_transaction_session_timeout', $3, false),
	set_config('default_transaction_read_only', $4, false),
	set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
	set_config('plan_cache_mode', 'force_generic_plan', false),
	set_config('enable_seqscan', 'off', false),
	set_config('enable_hashjoin', 'off', false),
	set_config('enable_mergejoin', 'off', false),
	set_config('jit', 'off', false)`

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// impatient is a connection that is given up when a question stays unanswered, as
// when the server's machine or the network went away: the statements of a [session]
// have no deadline of their own.
type impatient struct {
	net.Conn
	silence time.Duration
}

func (c *impatient) Write(question []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(question)
}

// gone says whether a connection of PostgreSQL is known to be dead.
func gone(driverConn any) bool {
	c, ok := driverConn.(*stdlib.Conn)
	return ok && c.Conn().IsClosed()
}

// hangUp ends a connection of PostgreSQL without taking leave of its statements one
// by one, which would wait for an answer to each.
func hangUp(driverConn any) {
	if c, ok := driverConn.(*stdlib.Conn); ok {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Conn().Close(ctx) // it is given up either way
	}
}
