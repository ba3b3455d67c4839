package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/sqlstore"
)

// backupCommand is `caddy wsite backup`.
func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup <file>",
		Short: "Copies the facts in SQLite while the gateway runs",
		Args:  cobra.ExactArgs(1),
		Long: `
Copies the SQLite database of a config, as it is at one moment, into a new file (mode
0600). The gateway may run; nobody waits. The file is written whole or not at all.

    caddy wsite backup /backup/wsite.db

The master key isn't in it: keep that elsewhere. Facts in PostgreSQL are backed up with
pg_dump, or with the server's own means.`,
	}
	configFlags(cmd)
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := runBackup(ctx, fl); err != nil {
			return 1, err
		}
		return 0, nil
	})
	return cmd
}

func runBackup(ctx context.Context, fl caddycmd.Flags) error {
	a, err := readApp(fl)
	if err != nil {
		return err
	}
	if a.Facts.Postgres != "" {
		return errors.New("the facts lie in PostgreSQL: back them up with `pg_dump`, or with the server's own means")
	}
	from, err := filepath.Abs(a.Facts.SQLite)
	if err != nil {
		return err
	}
	to := fl.Arg(0)
	if err := sqlstore.CopySQLite(ctx, from, to); err != nil {
		return err
	}
	info, err := os.Stat(to)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: %.1f MB, the facts of this moment. The master key isn't in it", to, float64(info.Size())/1e6)
	if _, err := os.Stat(keyFile(from)); err == nil {
		fmt.Fprintf(stdout, ": back up %s too, elsewhere", keyFile(from))
	}
	fmt.Fprintln(stdout, ".")
	return nil
}
