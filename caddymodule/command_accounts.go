package caddymodule

import (
	"fmt"
	"net/url"
	"strconv"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// accountsCommand is `caddy wsite accounts`.
func accountsCommand() *cobra.Command {
	accounts := &cobra.Command{
		Use: "accounts", Aliases: []string{"account"},
		Short: "Shows how the accounts of a running gateway stand, and keeps those of the facts",
		Long: `
Shows of each account, or of one, its access token, what of WeChat's quotas was used today
and how its pushes are handed on.

clear-quota begins the quotas of the day anew, which WeChat allows ten times a month: first
find out what has used them up. explain asks WeChat what happened at one of the account's
calls, by the rid that stands in the error, for a week.

put makes an account in the facts, or changes what is named of it; those of the Caddyfile are
changed there. Secrets are read from files, or typed, or come by the standard input (-): an
argument would stand in the list of processes and in the shell's history.

    caddy wsite accounts list
    caddy wsite accounts show wx0123456789abcdef
    caddy wsite accounts put wx0123456789abcdef --subject acme --secret-file wx.secret
    caddy wsite accounts drop wx0123456789abcdef
    caddy wsite accounts clear-quota wx0123456789abcdef
    caddy wsite accounts explain wx0123456789abcdef 61725984-6126f6f9-040f19c4`,
	}
	call := operating(accounts)
	accounts.AddCommand(&cobra.Command{
		Use: "list", Short: "Lists the accounts and their access tokens", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return listAccounts(call) }),
	}, &cobra.Command{
		Use: "show <appid>", Short: "Shows tokens, quotas, pushes and waiting messages of an account", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return showAccount(call, fl.Arg(0)) }),
	}, &cobra.Command{
		Use: "clear-quota <appid>", Short: "Begins WeChat's quotas of the day anew, ten times a month at most", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			if err := call("POST", "accounts/"+url.PathEscape(fl.Arg(0))+"/clear-quota", nil, nil); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, "cleared; WeChat allows this ten times a month")
			return 0, nil
		}),
	}, &cobra.Command{
		Use: "explain <appid> <rid>", Short: "Asks WeChat what happened at a call", Args: cobra.ExactArgs(2),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var out callOut
			if err := call("GET", "accounts/"+url.PathEscape(fl.Arg(0))+"/calls/"+url.PathEscape(fl.Arg(1)), nil, &out); err != nil {
				return 1, err
			}
			fmt.Fprintf(stdout, "at        %s, %d ms\nfrom      %s\ncalled    %s\nsent      %s\nanswered  %s\n", moment(out.At), out.Took, out.ClientIP, out.URL, out.Request, out.Response)
			return 0, nil
		}),
	})
	accounts.AddCommand(putAccountCommand(call), dropAccountCommand(call))
	return accounts
}

func listAccounts(call v1Call) (int, error) {
	var list accountsOut
	if err := call("GET", "accounts", nil, &list); err != nil {
		return 1, err
	}
	var kept keptAccountsOut
	if err := call("GET", "directory/accounts", nil, &kept); err != nil {
		return 1, err
	}
	in := map[string]string{}
	for _, a := range kept.Accounts {
		in[a.Account.AppID] = a.Entry.In
	}
	var rows [][]string
	for _, appID := range list.Accounts {
		var a accountOut
		if err := call("GET", "accounts/"+appID, nil, &a); err != nil {
			return 1, err
		}
		until, alarm := "-", "-"
		for _, t := range a.Tokens {
			if t.Kind == "token" {
				until = moment(t.Until)
			}
			if t.Alarm != "" {
				alarm = t.Alarm
			}
		}
		var waiting, dead int64
		for _, l := range a.Pushes {
			waiting, dead = waiting+l.Waiting, dead+l.Dead
		}
		rows = append(rows, []string{a.AppID, string(a.Kind), orDash(in[appID]), until, alarm, strconv.FormatInt(a.Followers, 10), strconv.FormatInt(waiting, 10), strconv.FormatInt(dead, 10)})
	}
	table("ACCOUNT\tKIND\tIN\tTOKEN UNTIL\tALARM\tFOLLOWERS\tPUSHES\tDEAD", rows)
	return 0, nil
}

func showAccount(call v1Call, appID string) (int, error) {
	var a accountOut
	if err := call("GET", "accounts/"+url.PathEscape(appID), nil, &a); err != nil {
		return 1, err
	}
	var kept keptAccountOut
	if err := call("GET", keptAccountPath(appID), nil, &kept); err != nil {
		return 1, err
	}
	showEntry(kept.Account, kept.Entry)
	fmt.Fprintln(stdout)
	var rows [][]string
	for _, t := range a.Tokens {
		rows = append(rows, []string{t.Kind, moment(t.Until), moment(t.Refreshed), strconv.FormatInt(t.Refreshes, 10), orDash(t.Error), orDash(t.Advice)})
	}
	table("TOKEN\tUNTIL\tREFRESHED\tTIMES\tERROR\tADVICE", rows)
	rows = nil
	for _, u := range a.Usage {
		rows = append(rows, []string{u.API, strconv.FormatInt(u.Today, 10), strconv.FormatInt(u.Failed, 10), strconv.Itoa(u.LastCode), moment(u.SpentUntil)})
	}
	fmt.Fprintln(stdout)
	table("API\tTODAY\tFAILED\tLAST CODE\tSPENT UNTIL", rows)
	rows = nil
	for _, l := range a.Pushes {
		target := l.Target
		if target == "" {
			target = "(gateway)"
		}
		rows = append(rows, []string{target, strconv.FormatInt(l.Waiting, 10), strconv.FormatInt(l.Dead, 10), moment(l.Oldest), strconv.Itoa(l.Tries), orDash(l.Error)})
	}
	fmt.Fprintln(stdout)
	table("PUSHES TO\tWAITING\tDEAD\tOLDEST\tTRIES\tERROR", rows)
	if len(a.Paused) == 0 {
		return 0, nil
	}
	rows = nil
	for _, p := range a.Paused {
		rows = append(rows, []string{string(p.Kind), moment(p.Until), string(p.Reason), orDash(p.Detail)})
	}
	fmt.Fprintln(stdout)
	table("MESSAGES\tWAIT UNTIL\tREASON\tDETAIL", rows)
	return 0, nil
}

// checkCommand is `caddy wsite check`.
func checkCommand() *cobra.Command {
	var zh bool
	cmd := &cobra.Command{
		Use:   "check [appid]",
		Short: "Tries whether accounts work, and says what to click if not",
		Long: `
Has a running gateway try what it does with an account, or with all of them: fetch a
token, from an address on the IP whitelist; send visitors to WeChat and get them back; be
reached by WeChat's pushes. Each failure is explained with what to do in WeChat's console.
It changes nothing and costs a few calls of the day's quotas.

    caddy wsite check
    caddy wsite check wx0123456789abcdef --zh`,
		Args: cobra.MaximumNArgs(1),
	}
	call := operating(cmd)
	cmd.Flags().BoolVar(&zh, "zh", false, "answer in Chinese")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		list := accountsOut{Accounts: fl.Args()}
		if fl.NArg() == 0 {
			if err := call("GET", "accounts", nil, &list); err != nil {
				return 1, err
			}
		}
		status := 0
		for _, appID := range list.Accounts {
			var out checkOut
			if err := call("POST", "accounts/"+url.PathEscape(appID)+"/check", nil, &out); err != nil {
				return 1, err
			}
			if !out.OK {
				status = 1
			}
			printFindings(appID, out, zh)
		}
		return status, nil
	})
	return cmd
}

func printFindings(appID string, out checkOut, zh bool) {
	fmt.Fprintln(stdout, appID)
	for _, f := range out.Findings {
		mark := "ok  "
		switch {
		case !f.OK:
			mark = "FAIL"
		case f.Warn:
			mark = "warn"
		}
		said, do := f.Said.EN, f.Do.EN
		if zh {
			said, do = f.Said.ZH, f.Do.ZH
		}
		fmt.Fprintf(stdout, "  %s  %-15s  %s\n", mark, f.What, said)
		if do != "" {
			fmt.Fprintf(stdout, "        %s\n", do)
		}
	}
}

// pushesCommand is `caddy wsite pushes`.
func pushesCommand() *cobra.Command {
	pushes := &cobra.Command{
		Use:   "pushes",
		Short: "Shows and replays WeChat's pushes that could not be handed on",
		Long: `
A push that a target has not taken for a day is a dead letter: it waits here until it is
replayed, or for two weeks. Without --target it is about what the gateway does itself.

    caddy wsite pushes dead wx0123456789abcdef --target crm
    caddy wsite pushes replay wx0123456789abcdef --target crm`,
	}
	call := operating(pushes)
	var target string
	pushes.PersistentFlags().StringVar(&target, "target", "", "the subscriber")
	pushes.AddCommand(&cobra.Command{
		Use: "dead <appid>", Short: "Lists the dead letters of a target", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var page pushesOut
			q := url.Values{"limit": {strconv.Itoa(maxPage)}}
			if target != "" {
				q.Set("target", target)
			}
			if err := call("GET", "accounts/"+url.PathEscape(fl.Arg(0))+"/pushes?"+q.Encode(), nil, &page); err != nil {
				return 1, err
			}
			var rows [][]string
			for _, p := range page.Pushes {
				rows = append(rows, []string{p.Key, p.Kind, moment(p.Came), strconv.Itoa(p.Tries), p.Error})
			}
			table("KEY\tKIND\tCAME\tTRIES\tERROR", rows)
			return 0, nil
		}),
	}, &cobra.Command{
		Use: "replay <appid> [key...]", Short: "Hands dead letters on again, all or some of a target", Args: cobra.MinimumNArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var out replayOut
			if err := call("POST", "accounts/"+url.PathEscape(fl.Arg(0))+"/pushes/replay", replayIn{target, fl.Args()[1:]}, &out); err != nil {
				return 1, err
			}
			fmt.Fprintf(stdout, "%d to be handed on again\n", out.Replayed)
			return 0, nil
		}),
	})
	return pushes
}
