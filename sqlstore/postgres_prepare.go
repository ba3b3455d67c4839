package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// prepare checks the server and the database, makes them ours, and says in which
// schema the tables lie.
func (p *postgres) prepare(ctx context.Context, now func() time.Time, log *slog.Logger) (string, error) {
	db := p.connect(0, 0, false)
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	var of postgresServer
	var schema sql.NullString
	err = conn.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('fsync'), pg_encoding_to_char(encoding),
			current_schema(), COALESCE(has_schema_privilege(current_schema(), 'CREATE'), true)
		FROM pg_database WHERE datname = current_database()`).Scan(&of.number, &of.version, &of.fsync, &of.encoding, &schema, &of.mayCreate)
	if err != nil {
		return "", err
	}
	if err := of.fit(); err != nil {
		return "", err
	}
	if !schema.Valid {
		return "", errors.New("has no schema to put tables into: create one that is in the user's search_path")
	}
	if err := compareClocks(ctx, conn, now, log); err != nil {
		return "", err
	}
	return schema.String, migratePostgres(ctx, conn, db, log)
}

// maxSkew is how far the server's clock may be from ours before we say so.
const maxSkew = 2 * time.Second

// compareClocks tells when this node's clock isn't the server's, with which those of the other
// nodes are compared as well.
func compareClocks(ctx context.Context, conn *sql.Conn, now func() time.Time, log *slog.Logger) error {
	var theirs time.Time
	before := now()
	if err := conn.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
		return err
	}
	after := now()
	if ahead := theirs.Sub(before.Add(after.Sub(before) / 2)); ahead.Abs() > maxSkew {
		log.WarnContext(ctx, "the clocks of PostgreSQL and of this node disagree", "ahead", ahead.Round(time.Millisecond))
	}
	return nil
}

// postgresServer is what a server and a database of it say about themselves.
type postgresServer struct {
	number          int    // 150004 is version 15.4
	version         string // as people know it
	fsync, encoding string
	mayCreate       bool // tables, in the schema that we would use
}

// errDenied is refined in refusal, as is the server's own answer of that sense.
var errDenied = errors.New("permission denied for its schema")

// fit refuses what can't keep the facts. With full_page_writes off a file system may
// still keep its word, since some write their pages whole; without fsync none does.
func (s postgresServer) fit() error {
	const oldest = 14
	switch {
	case s.number < oldest*10_000:
		return fmt.Errorf("is of version %s, which is too old: update the server to %d or newer", s.version, oldest)
	case s.fsync != "on":
		return errors.New("would lose what it has acknowledged when the power fails: set fsync = on in postgresql.conf and reload the server")
	case !s.mayCreate:
		return errDenied
	case s.encoding != "UTF8":
		return fmt.Errorf("has the encoding %s: create one with ENCODING 'UTF8' (and TEMPLATE template0)", s.encoding)
	}
	return nil
}

// refusal says in one sentence what is wrong with the database and what to do.
func (p *postgres) refusal(err error) error {
	err = undetailed(err)
	code := ""
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		code = e.Code
	}
	user := p.config.User
	network, lookup := (*net.OpError)(nil), (*net.DNSError)(nil)
	switch {
	case code == "28P01" || code == "28000":
		return fmt.Errorf("%s refuses the user %s: check user and password, and pg_hba.conf of the server (%w)", p.name(), user, err)
	case code == "3D000":
		return fmt.Errorf("%s doesn't exist: create it, with the user %s as its owner (%w)", p.name(), user, err)
	case code == "42501" || errors.Is(err, errDenied):
		return fmt.Errorf("%s doesn't let the user %s make and use its tables: make him the owner of the database (%w)", p.name(), user, err)
	case code == "53300":
		return fmt.Errorf("%s has no connection left: raise max_connections of the server (%w)", p.name(), err)
	case errors.Is(err, pgconn.ErrStandbyConnection):
		return fmt.Errorf("%s is a standby, which can't be written: give the address of the primary", p.name())
	case errors.As(err, &lookup):
		return fmt.Errorf("%s can't be found: check the host (%w)", p.name(), lookup)
	case errors.As(err, &network):
		return fmt.Errorf("%s can't be reached: check host and port, and that the server runs (%w)", p.name(), network)
	case code != "":
		return fmt.Errorf("%s can't be used: %w", p.name(), err)
	}
	return fmt.Errorf("%s %w", p.name(), err)
}

// undetailed leaves of what PostgreSQL says what doesn't contain values: Detail and
// its like quote the row that was refused.
func undetailed(err error) error {
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		return &pgconn.PgError{Severity: e.Severity, Code: e.Code, Message: e.Message, SchemaName: e.SchemaName, TableName: e.TableName, ConstraintName: e.ConstraintName}
	}
	return err
}
