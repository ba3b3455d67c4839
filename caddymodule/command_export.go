package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/transfer"
)

// exportCommand is `caddy wsite export`.
func exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export --realm <realm>",
		Short: "Writes out which openid leads to which user",
		Args:  cobra.NoArgs,
		Long: `
Writes a table of appid, openid, unionid, user, kind and hint, which import reads. It
is personal data: the file is for its owner's eyes alone (mode 0600); delete it when it
has served.

    caddy wsite export --realm main -o main.csv
    caddy wsite export --realm main --format jsonl --all -o main.jsonl

Guests, and the ids that the gateway minted, come with --all. They are for reading:
no import takes them.`,
	}
	configFlags(cmd)
	cmd.Flags().String("realm", "", "the realm")
	cmd.Flags().String("format", "csv", "csv or jsonl")
	cmd.Flags().Bool("all", false, "guests too")
	cmd.Flags().StringP("output", "o", "", "the file; default: standard output")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := runExport(ctx, fl); err != nil {
			return 1, err
		}
		return 0, nil
	})
	return cmd
}

func runExport(ctx context.Context, fl caddycmd.Flags) (err error) {
	realm, format, file := fl.String("realm"), fl.String("format"), fl.String("output")
	if realm == "" {
		return errors.New("say with --realm whose users")
	}
	if format != "csv" && format != "jsonl" {
		return fmt.Errorf("--format %s: use csv or jsonl", format)
	}
	o, err := openOffline(ctx, fl, realm, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	e := transfer.Export{Store: o.store, Realm: realm, Subjects: o.subjects(), JSON: format == "jsonl", All: fl.Bool("all")}
	var count int64
	write := func(w io.Writer) (err error) {
		count, err = e.Write(ctx, w)
		return err
	}
	if file == "" {
		err = write(stdout)
	} else {
		err = transfer.Replace(file, write)
	}
	if err == nil {
		fmt.Fprintf(os.Stderr, "%d openids. This is personal data: delete the file when it has served.\n", count)
	}
	return err
}
