package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// resubjectCommand is `caddy wsite resubject`.
func resubjectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resubject <appid> <subject>",
		Short: "Records that an account now belongs to another open platform",
		Args:  cobra.ExactArgs(2),
		Long: `
To be run when an account was bound to another open platform, or to one for the first
time: its unionids are others then. What is known of its visitors stays, and holds
until WeChat tells their new unionids.

    caddy wsite resubject wx0123456789abcdef acme

An account that belongs to no open platform any more is given its own app id as the
subject.`,
	}
	configFlags(cmd)
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		if err := runResubject(context.Background(), fl, fl.Arg(0), fl.Arg(1)); err != nil {
			return 1, err
		}
		return 0, nil
	})
	return cmd
}

func runResubject(ctx context.Context, fl caddycmd.Flags, appID, subject string) (err error) {
	o, err := openOffline(ctx, fl, "", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	account, kept, err := o.accountOf(ctx, appID)
	if err != nil {
		return err
	}
	// What a Caddyfile can't say mustn't be put on record either.
	wanted := *account
	if wanted.Subject = subject; subject == appID {
		wanted.Subject = ""
	}
	if _, err := directory.New([]*directory.Account{&wanted}, nil, nil); err != nil {
		return err
	}
	realms := o.app.realmsOf(appID)
	from, err := o.store.Subject(ctx, appID, account.SubjectOrSelf())
	if err != nil {
		return err
	}
	if from == subject && (kept.Version == 0 || kept.Account.SubjectOrSelf() == subject) {
		fmt.Fprintf(stdout, "account %s is on record with that subject already\n", appID)
		return nil
	}
	if from != subject {
		err := o.centre.Resubject(ctx, realms, appID, from, subject, identity.By{Actor: "command:resubject", Via: "command"})
		if err != nil {
			return err
		}
	}
	if kept.Version > 0 {
		if err := o.app.keepSubject(ctx, appID, wanted.Subject, "command:resubject"); err != nil {
			return fmt.Errorf("%w; run the command again, to have the account's entry say so, too", err)
		}
		fmt.Fprintf(stdout, "Account %s is on record with the subject %s now (was %s), in realms: %s. It stands in the\nfacts, where it has that subject, too, from now on.\n", appID, subject, from, strings.Join(realms, ", "))
		return nil
	}
	line := "take the account's `subject` out of"
	if wanted.Subject != "" {
		line = "write `subject " + subject + "` into the account in"
	}
	fmt.Fprintf(stdout, `Account %s is on record with the subject %s now (was %s), in realms: %s.

Next: %s the Caddyfile, and reload at once. Until then the
gateway that runs takes what WeChat tells for unionids of the former subject; one that
is started with the former is refused.
Visitors keep their users. As each one's new unionid becomes known, it leads to the
same user.
`, appID, subject, from, strings.Join(realms, ", "), line)
	return nil
}

// accountOf finds an account of the Caddyfile, or of the facts, even one that is left out
// because its subject isn't the one on record.
func (o *offline) accountOf(ctx context.Context, appID string) (*directory.Account, directory.KeptAccount, error) {
	kept, err := o.app.keptAccount(ctx, appID)
	switch {
	case errors.Is(err, errConfigured):
		return o.app.configured.Account(appID), directory.KeptAccount{}, nil
	case errors.Is(err, errGoneKept):
		return nil, kept, fmt.Errorf("the config has no account %q, nor have the facts", appID)
	case err != nil:
		return nil, kept, err
	}
	p, _, err := o.app.openProof(kept)
	whole := p.with(kept.Account)
	return &whole, kept, err
}
