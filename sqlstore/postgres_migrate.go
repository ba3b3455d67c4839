package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Tables are changed while nobody writes. An index of a large table takes minutes to make,
// in which those who write can't wait, as gateways of the version before do in a rolling
// update. So a migration that makes indexes of tables that exist does nothing else, and
// PostgreSQL makes them while everybody writes on (CREATE INDEX CONCURRENTLY). That can't
// be part of a transaction: what a broken try has left is taken away by the next one.

// building names the lock that is held while indexes are made, beside [turn].
const building = "513037399142"

// migratePostgres brings the tables up to date. In an empty database, which nobody uses,
// all is made at once.
func migratePostgres(ctx context.Context, conn *sql.Conn, db *sql.DB, log *slog.Logger) error {
	p, err := migrator(db, postgresDialect, log)
	if err != nil {
		return err
	}
	for {
		var next int64
		err := inTurn(ctx, conn, func() (err error) {
			if err := inspect(ctx, conn, postgresDialect); err != nil {
				return err
			}
			next, err = migrateTables(ctx, p, log)
			return err
		})
		if err != nil || next == 0 {
			return err
		}
		if err := migrateIndexes(ctx, conn, db, p, next, log); err != nil {
			return fmt.Errorf("migrating: %w", err)
		}
	}
}

// inTurn runs do while nobody writes. Whoever comes second waits here, then finds the tables
// made. Those who write already wait too, until the tables are as they should be.
func inTurn(ctx context.Context, conn *sql.Conn, do func() error) error {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock("+turn+")"); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock("+turn+")")
	return do()
}

// migrateTables migrates up to the next migration that makes indexes, and returns its
// version; 0 if there is none.
func migrateTables(ctx context.Context, p *goose.Provider, log *slog.Logger) (next int64, err error) {
	have, err := p.GetDBVersion(ctx)
	if err != nil || have == 0 {
		if err == nil {
			err = migrateAll(ctx, p, log)
		}
		return 0, err
	}
	all, err := p.Status(ctx)
	if err != nil {
		return 0, err
	}
	for _, m := range all {
		if m.State != goose.StatePending {
			continue
		}
		indexes, err := indexesOf(m.Source.Path)
		if err != nil || indexes != nil {
			return m.Source.Version, err
		}
		done, err := p.ApplyVersion(ctx, m.Source.Version, true)
		if err != nil {
			return 0, fmt.Errorf("migrating: %w", err)
		}
		migrated(ctx, log, m.Source.Version, done.Duration)
	}
	return 0, nil
}

// migrateIndexes makes the indexes of a migration, unless another process has.
func migrateIndexes(ctx context.Context, conn *sql.Conn, db *sql.DB, p *goose.Provider, version int64, log *slog.Logger) error {
	if err := awaitBuilding(ctx, conn, log); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock("+building+")")
	all, err := p.Status(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, m := range all {
		if m.Source.Version != version || m.State != goose.StatePending {
			continue
		}
		indexes, err := indexesOf(m.Source.Path)
		if err != nil {
			return err
		}
		for _, index := range indexes {
			log.InfoContext(ctx, "making an index of the facts; everybody writes on meanwhile", "schema", version, "index", index.name)
			if err := index.build(ctx, db); err != nil {
				return fmt.Errorf("making the index %s: %w", index.name, err)
			}
		}
		versions, err := database.NewStore(database.DialectPostgres, schemaTable)
		if err == nil {
			err = versions.Insert(ctx, db, database.InsertRequest{Version: version})
		}
		if err != nil {
			return err
		}
		migrated(ctx, log, version, time.Since(began))
	}
	return nil
}

// awaitBuilding waits until nobody else makes indexes. It asks again and again: who waited
// in a statement would be waited for by the one who makes them.
func awaitBuilding(ctx context.Context, conn *sql.Conn, log *slog.Logger) error {
	const pause = 200 * time.Millisecond
	for told := false; ; told = true {
		var ours bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock("+building+")").Scan(&ours); err != nil || ours {
			return err
		}
		if !told {
			log.InfoContext(ctx, "waiting for another gateway, which makes indexes of the facts")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// index is one that a migration makes.
type index struct{ name, unique, rest string }

var indexForm = regexp.MustCompile(`(?s)^CREATE (UNIQUE )?INDEX (\w+) (ON \w+ \(.*)$`)

// indexesOf are the indexes of a migration that makes nothing else, or nil.
func indexesOf(file string) ([]index, error) {
	text, err := fs.ReadFile(migrations, "migrations/"+file)
	if err != nil {
		return nil, err
	}
	var all []index
	for statement := range strings.SplitSeq(regexp.MustCompile(`--.*`).ReplaceAllString(string(text), ""), ";") {
		statement = strings.TrimSpace(statement)
		if statement == "" {
			continue
		}
		m := indexForm.FindStringSubmatch(statement)
		if m == nil {
			return nil, nil
		}
		all = append(all, index{m[2], m[1], m[3]})
	}
	return all, nil
}

// build makes an index while everybody writes, unless it is there and whole.
func (x index) build(ctx context.Context, db *sql.DB) error {
	var valid bool
	err := db.QueryRowContext(ctx, `SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relname = $1`, x.name).Scan(&valid)
	if err == nil && !valid {
		_, err = db.ExecContext(ctx, "DROP INDEX CONCURRENTLY "+x.name)
	}
	if err == nil && valid {
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err = db.ExecContext(ctx, "CREATE "+x.unique+"INDEX CONCURRENTLY "+x.name+" "+x.rest)
	return err
}
