package caddymodule

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// auditCommand is `caddy wsite audit`.
func auditCommand() *cobra.Command {
	audit := &cobra.Command{
		Use:   "audit",
		Short: "Reads and checks the record of what was done to users",
		Long: `
Every change of a user or a link is on record, each record chained to the one before.

    caddy wsite audit verify --realm main
    caddy wsite audit list --realm main --user member-17 --limit 20

Keep the head that verify prints, somewhere else: given back with --head, it shows
that nothing was cut off at the end either.`,
	}
	verify := &cobra.Command{Use: "verify --realm <realm>", Short: "Checks that no record was changed, added or taken out", Args: cobra.NoArgs}
	list := &cobra.Command{Use: "list --realm <realm>", Short: "Prints records, one JSON object on each line", Args: cobra.NoArgs}
	for cmd, run := range map[*cobra.Command]func(context.Context, caddycmd.Flags, *offline) error{verify: verifyAudit, list: listAudit} {
		configFlags(cmd)
		cmd.Flags().String("realm", "", "the realm")
		cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := onAudit(ctx, fl, run); err != nil {
				return 1, err
			}
			return 0, nil
		})
	}
	verify.Flags().String("head", "", "a head that an earlier check has printed: it must be in the chain")
	list.Flags().String("user", "", "only records about this user, or an id that was retired into him")
	list.Flags().Int64("after", 0, "only records after this number")
	list.Flags().Int("limit", 0, "at most so many; default: all")
	audit.AddCommand(verify, list)
	return audit
}

func onAudit(ctx context.Context, fl caddycmd.Flags, run func(context.Context, caddycmd.Flags, *offline) error) (err error) {
	if fl.String("realm") == "" {
		return errors.New("say with --realm whose record")
	}
	o, err := openOffline(ctx, fl, fl.String("realm"), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	return run(ctx, fl, o)
}

func verifyAudit(ctx context.Context, fl caddycmd.Flags, o *offline) error {
	head, err := hex.DecodeString(fl.String("head"))
	if err != nil {
		return fmt.Errorf("--head: %w", err)
	}
	chain := &watchedAudit{Store: o.store, head: head}
	last := o.app.now()
	count, hash, err := identity.VerifyAudit(ctx, chain, fl.String("realm"), func(done int64) {
		if now := o.app.now(); now.Sub(last) >= time.Second {
			last = now
			fmt.Fprintf(os.Stderr, "%d records checked\n", done)
		}
	})
	if err != nil {
		return err
	}
	if len(head) > 0 && chain.at == 0 {
		return fmt.Errorf("verifying audit: %d records hold together, and %x is none of them: the end of the record was cut off", count, head)
	}
	fmt.Fprintf(stdout, "%d records hold together; head %x\n", count, hash)
	if chain.at > 0 {
		fmt.Fprintf(stdout, "the head given is record %d\n", chain.at)
	}
	return nil
}

// watchedAudit looks for a hash among the records that are read.
type watchedAudit struct {
	identity.Store
	head []byte
	at   int64
}

func (w *watchedAudit) Audit(ctx context.Context, realm, about string, after int64, limit int) ([]identity.AuditRow, error) {
	rows, err := w.Store.Audit(ctx, realm, about, after, limit)
	for _, row := range rows {
		if len(w.head) > 0 && bytes.Equal(row.Hash, w.head) {
			w.at = row.Seq
		}
	}
	return rows, err
}

func listAudit(ctx context.Context, fl caddycmd.Flags, o *offline) error {
	const page = 1000
	after, _ := fl.GetInt64("after")
	left := fl.Int("limit")
	if left <= 0 {
		left = math.MaxInt
	}
	out := json.NewEncoder(stdout)
	for left > 0 {
		ask := min(page, left)
		records, err := o.centre.Audit(ctx, fl.String("realm"), fl.String("user"), after, ask)
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := out.Encode(r); err != nil {
				return err
			}
			after = r.Seq
		}
		if len(records) < ask {
			return nil
		}
		left -= ask
	}
	return nil
}
