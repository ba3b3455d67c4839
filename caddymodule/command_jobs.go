package caddymodule

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/job"
)

// jobsCommand is `caddy wsite jobs`.
func jobsCommand() *cobra.Command {
	jobs := &cobra.Command{
		Use:   "jobs",
		Short: "Starts, watches and ends what takes hours",
		Long: `
Jobs run in the background of a running gateway, on one node at a time, within WeChat's
daily quota, and go on after a restart where they were.

backfill asks WeChat for the unionids of openids on record without one. followers takes
stock of who follows an account, and completes their unionids. migrate carries openids
over after an account has moved to another one: it has to run within 15 days. After
resubject, resubject-backfill asks for the unionids of the new open platform.

    caddy wsite jobs start backfill wx0123456789abcdef
    caddy wsite jobs start migrate wx0123456789abcdef --from wx0123456789abcde0
    caddy wsite jobs list wx0123456789abcdef
    caddy wsite jobs watch 01931f0e-7c1b-7d3a-9d7e-1c2b3a4d5e6f`,
	}
	call := operating(jobs)
	jobs.AddCommand(startJobCommand(call), &cobra.Command{
		Use: "list <appid>", Short: "Lists the jobs of an account, the youngest first", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var list jobsOut
			if err := call("GET", "accounts/"+url.PathEscape(fl.Arg(0))+"/jobs", nil, &list); err != nil {
				return 1, err
			}
			var rows [][]string
			for _, j := range list.Jobs {
				rows = append(rows, []string{
					j.ID, j.Kind, string(j.State), strconv.FormatInt(j.Done, 10), strconv.FormatInt(j.Total, 10), strconv.FormatInt(j.Filled, 10),
					strconv.FormatInt(j.Problems, 10), moment(j.Started), orDash(j.Node), orDash(j.Why),
				})
			}
			table("ID\tKIND\tSTATE\tDONE\tTOTAL\tFILLED\tPROBLEMS\tSTARTED\tNODE\tWHY", rows)
			return 0, nil
		}),
	}, &cobra.Command{
		Use: "watch <id>", Short: "Shows the progress of a job until it ends", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return watchJob(call, fl.Arg(0)) }),
	}, &cobra.Command{
		Use: "problems <id>", Short: "Lists the rows that a job could not do", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return printProblems(call, fl.Arg(0)) }),
	})
	for _, c := range []struct{ use, short, method, path string }{
		{"cancel <id>", "Ends a job; what it has done stays done", "DELETE", ""},
		{"resume <id>", "Lets a job go on that failed or was cancelled", "POST", "/resume"},
	} {
		jobs.AddCommand(&cobra.Command{
			Use: c.use, Short: c.short, Args: cobra.ExactArgs(1),
			RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
				if err := call(c.method, "jobs/"+url.PathEscape(fl.Arg(0))+c.path, nil, nil); err != nil {
					return 1, err
				}
				return 0, nil
			}),
		})
	}
	return jobs
}

func startJobCommand(call v1Call) *cobra.Command {
	var from string
	start := &cobra.Command{
		Use: "start <kind> <appid>", Short: "Starts a job and prints its id", Args: cobra.ExactArgs(2),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var j jobOut
			if err := call("POST", "accounts/"+url.PathEscape(fl.Arg(1))+"/jobs", jobIn{Kind: fl.Arg(0), From: from}, &j); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, j.ID)
			return 0, nil
		}),
	}
	start.Flags().StringVar(&from, "from", "", "for migrate: the app id that the account had before")
	return start
}

// watchEvery is how often a job that is watched is asked for.
const watchEvery = time.Second

func watchJob(call v1Call, id string) (int, error) {
	var bar *progressbar.ProgressBar
	for {
		var j jobOut
		if err := call("GET", "jobs/"+url.PathEscape(id), nil, &j); err != nil {
			return 1, err
		}
		if bar == nil && j.Total > 0 {
			bar = progressbar.NewOptions64(max(j.Total, 1), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowIts(), progressbar.OptionShowCount(), progressbar.OptionSetDescription(j.Kind))
		}
		if bar != nil {
			bar.ChangeMax64(max(j.Total, j.Done, 1))
			_ = bar.Set64(j.Done)
		}
		if j.State.Ended() {
			fmt.Fprintf(stdout, "\n%s: %d of %d done, %d filled in, %d problems\n", j.State, j.Done, j.Total, j.Filled, j.Problems)
			if j.State == job.Failed {
				return 1, fmt.Errorf("%s (%s)", j.Error, j.Why)
			}
			return 0, nil
		}
		time.Sleep(watchEvery)
	}
}

func printProblems(call v1Call, id string) (int, error) {
	var rows [][]string
	for after := int64(0); ; {
		var page problemsOut
		if err := call("GET", fmt.Sprintf("jobs/%s/problems?limit=%d&after=%d", url.PathEscape(id), maxPage, after), nil, &page); err != nil {
			return 1, err
		}
		for _, p := range page.Problems {
			rows = append(rows, []string{strconv.FormatInt(p.Seq, 10), p.Row, p.Code, p.Message})
			after = p.Seq
		}
		if len(page.Problems) < maxPage {
			break
		}
	}
	table("NO.\tROW\tCODE\tMESSAGE", rows)
	return 0, nil
}
