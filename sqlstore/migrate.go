package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaTable is where goose records which migrations were run.
const schemaTable = "schema_version"

var (
	errNewer   = errors.New("was written by a newer version of this program")
	errForeign = errors.New("is the database of another program: name another one")
)

// latest is the version of the newest migration that this program knows.
func latest() (int64, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(names[len(names)-1])
}

// inspect refuses a database that isn't ours, or that only a newer version of this
// program understands. It changes nothing.
func inspect(ctx context.Context, conn *sql.Conn, d *dialect) error {
	var tables, ours int
	err := conn.QueryRowContext(ctx,
		`SELECT COUNT(*), COUNT(*) FILTER (WHERE name = $1) FROM `+d.tables, schemaTable).Scan(&tables, &ours)
	if err != nil || tables == 0 {
		return err
	}
	if ours == 0 {
		return errForeign
	}
	known, err := latest()
	if err != nil {
		return err
	}
	var have sql.NullInt64
	if err := conn.QueryRowContext(ctx, `SELECT MAX(version_id) FROM `+schemaTable).Scan(&have); err != nil {
		return err
	}
	if have.Int64 > known {
		return fmt.Errorf("%w (schema %d, this program knows %d): run that version, or restore the backup made before the update", errNewer, have.Int64, known)
	}
	return nil
}

// migrator knows all migrations.
func migrator(db *sql.DB, d *dialect, log *slog.Logger) (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(d.goose, db, folder, goose.WithTableName(schemaTable), goose.WithDisableGlobalRegistry(true), goose.WithSlog(log))
}

// migrate brings the tables of SQLite up to date, each migration in a transaction.
//
// Two processes may start at once on a new file of SQLite. The slower one then trips over
// tables that the faster one has just made; it looks again and goes on from there.
func migrate(ctx context.Context, db *sql.DB, d *dialect, log *slog.Logger) error {
	p, err := migrator(db, d, log)
	if err != nil {
		return err
	}
	const tries = 5
	for try := 1; ; try++ {
		err := migrateAll(ctx, p, log)
		if err == nil || try == tries || ctx.Err() != nil {
			return err
		}
	}
}

// migrateAll runs what is left, each migration in a transaction.
func migrateAll(ctx context.Context, p *goose.Provider, log *slog.Logger) error {
	done, err := p.Up(ctx)
	for _, m := range done {
		migrated(ctx, log, m.Source.Version, m.Duration)
	}
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	return nil
}

func migrated(ctx context.Context, log *slog.Logger, version int64, took time.Duration) {
	log.InfoContext(ctx, "migrated the facts", "schema", version, "took", took)
}
