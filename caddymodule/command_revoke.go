package caddymodule

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// revokeCommand is `caddy wsite revoke`.
func revokeCommand() *cobra.Command {
	revoke := &cobra.Command{
		Use:   "revoke",
		Short: "Ends sessions, on all nodes within a second",
		Long: `
Ends what began before a moment: a user's sessions, those used at a site, in a realm, or all.
Whoever opens a page in WeChat is signed in anew, and proves again who he is; to keep
somebody out, block him. The moment is now, or --before: a time, or how long ago.

    caddy wsite revoke user main member-17 --reason stolen-phone
    caddy wsite revoke site shop --before 2h --reason ticket-7
    caddy wsite revoke realm main --before 2026-05-01T12:00:00+08:00 --reason ticket-8
    caddy wsite revoke all --reason ticket-9

One session is named by its id, or by the X-User that a site got with it, up to ten minutes
after the end of that:

    caddy wsite revoke session 00112233445566778899aabbccddeeff --reason ticket-10
    caddy wsite revoke list`,
	}
	call := operating(revoke)
	revoke.PersistentFlags().String("reason", "", "why; it stands in the audit")
	for use, c := range map[string]struct {
		short string
		args  int
		in    func(args []string) revokeIn
	}{
		"session <id>":      {"Ends one session", 1, func(args []string) revokeIn { return namedSession(args[0]) }},
		"user <realm> <id>": {"Ends all sessions of a user", 2, func(args []string) revokeIn { return revokeIn{Realm: args[0], User: args[1]} }},
		"site <ptid>":       {"Ends all sessions at a site", 1, func(args []string) revokeIn { return revokeIn{Site: args[0]} }},
		"realm <name>":      {"Ends all sessions in a realm", 1, func(args []string) revokeIn { return revokeIn{Realm: args[0]} }},
		"all":               {"Ends all sessions", 0, func([]string) revokeIn { return revokeIn{All: true} }},
	} {
		cmd := &cobra.Command{Use: use, Short: c.short, Args: cobra.ExactArgs(c.args)}
		if !strings.HasPrefix(use, "session") {
			cmd.Flags().String("before", "", "what began before this time, or so long ago; default: now")
		}
		cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			return endSessions(call, fl, c.in(fl.Args()))
		})
		revoke.AddCommand(cmd)
	}
	revoke.AddCommand(&cobra.Command{
		Use: "list", Short: "Lists what was ended", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return listEnded(call) }),
	})
	return revoke
}

// namedSession names a session by its id, or by the token of a visitor.
func namedSession(name string) revokeIn {
	if ptid := unverifiedSite(name); ptid != "" {
		return revokeIn{Token: name}
	}
	return revokeIn{Session: name}
}

func endSessions(call v1Call, fl caddycmd.Flags, in revokeIn) (int, error) {
	in.Reason = fl.String("reason")
	if strings.TrimSpace(in.Reason) == "" {
		return 1, errors.New("say with --reason why")
	}
	if fl.Lookup("before") != nil {
		var err error
		if in.Before, err = momentBefore(fl.String("before"), time.Now()); err != nil {
			return 1, err
		}
	}
	var out revocationOut
	if err := call("POST", "revocations", in, &out); err != nil {
		return 1, err
	}
	if out.Kind == identity.CutoffSession {
		fmt.Fprintf(stdout, "%s is over, on every node within a second\n", endedOf(out))
		return 0, nil
	}
	fmt.Fprintf(stdout, "%s that began before %s are over, on every node within a second\n", endedOf(out), out.Before.Local().Format(time.RFC3339))
	return 0, nil
}

// endedOf says which sessions were ended.
func endedOf(out revocationOut) string {
	switch out.Kind {
	case identity.CutoffSession:
		return "the session " + out.Session
	case identity.CutoffUser:
		return fmt.Sprintf("the sessions of the user %s in the realm %s", out.User, out.Realm)
	case identity.CutoffSite:
		return "the sessions at the site " + out.Site
	case identity.CutoffRealm:
		return "the sessions in the realm " + out.Realm
	}
	return "all sessions"
}

// momentBefore reads a time, or how long ago it was; zero if there is none.
func momentBefore(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("--before %q is neither a time such as 2026-05-01T12:00:00+08:00 nor how long ago, such as 90m", text)
	}
	return now.Add(-ago), nil
}

func listEnded(call v1Call) (int, error) {
	var rows [][]string
	for after := ""; ; {
		var page revocationsOut
		if err := call("GET", "revocations?"+url.Values{"limit": {strconv.Itoa(maxPage)}, "after": {after}}.Encode(), nil, &page); err != nil {
			return 1, err
		}
		for _, r := range page.Revocations {
			rows = append(rows, []string{endedOf(r), moment(r.Before), moment(r.At), r.Actor, strconv.Quote(r.Reason)})
		}
		if after = page.Next; len(page.Revocations) < maxPage {
			break
		}
	}
	table("ENDED\tBEFORE\tDECIDED\tBY\tREASON", rows)
	return 0, nil
}
