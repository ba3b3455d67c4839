package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/caddy-wsite/caddy-wsite/transfer"
)

// exitRefused is the exit status of an import that left rows out for a reason.
const exitRefused = 2

// importCommand is `caddy wsite import`.
func importCommand() *cobra.Command {
	var names []string
	for _, p := range transfer.Profiles {
		names = append(names, p.Name)
	}
	cmd := &cobra.Command{
		Use:   "import --realm <realm> <file>",
		Short: "Takes over the users of another system",
		Args:  cobra.ExactArgs(1),
		Long: `
Reads a table of openids, unionids and users, and makes links of it as if each had
been proved: row by row, so that one that contradicts the facts stops no other. Such
rows go to a file of conflicts. It may run beside the gateway, and be repeated; one
that was interrupted goes on where it was. See docs/import.md.

    caddy wsite import --realm main --dry-run fans.csv
    caddy wsite import --realm main --profile joolun --account wx0123456789abcdef wx_user.csv
    caddy wsite import --realm main --map openid=OPEN_ID,user=MEMBER_NO fans.csv

It exits with 0 if all rows were imported, with 2 if some went to the conflicts, and
with 1 if it ended early.`,
	}
	configFlags(cmd)
	cmd.Flags().String("realm", "", "the realm that the users belong to")
	cmd.Flags().String("profile", names[0], "whose table it is: "+strings.Join(names, ", "))
	cmd.Flags().String("account", "", "the account of all rows, if they don't name theirs")
	cmd.Flags().String("format", "", "csv or jsonl; default: by the name of the file")
	cmd.Flags().String("encoding", string(transfer.Auto), "auto, utf-8 or gbk")
	cmd.Flags().String("map", "", "columns that differ from the profile's: openid=COLUMN,unionid=COLUMN,user=COLUMN,appid=COLUMN")
	cmd.Flags().Bool("dry-run", false, "try it on a copy of the facts")
	cmd.Flags().String("conflicts", "", "the file for rows that were not imported; default: beside the file")
	cmd.Flags().Bool("restart", false, "begin anew, not where the last import was interrupted")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		status, err := runImport(ctx, fl, os.Stdin)
		cmd.SilenceErrors = status == exitRefused // which is no error, and was told
		return status, err
	})
	return cmd
}

// runImport carries out the command.
func runImport(ctx context.Context, fl caddycmd.Flags, stdin io.Reader) (status int, err error) {
	job, err := importJob(fl)
	if err != nil {
		return 1, err
	}
	job.Stdin = stdin
	o, err := openOffline(ctx, fl, fl.String("realm"), job.DryRun)
	if err != nil {
		return 1, err
	}
	defer func() {
		if e := o.close(); e != nil && err == nil {
			status, err = 1, e
		}
	}()
	// Under another subject than the one on record, every unionid would be a stranger's.
	if err := o.app.checkSubjects(ctx, o.store); err != nil {
		return 1, err
	}
	job.Importer.Centre, job.Importer.Subjects = o.centre, o.subjects()
	if account := job.Options.Account; account != "" && job.Importer.Subjects[account] == "" {
		return 1, fmt.Errorf("the config has no account %q; it has %s", account, strings.Join(slices.Sorted(maps.Keys(job.Importer.Subjects)), ", "))
	}
	began := time.Now()
	tell := newTeller(os.Stderr)
	job.Progress = tell.progress
	sum, err := job.Run(ctx)
	tell.end()
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted; the same command goes on where it was")
		if job.Path == "-" || job.DryRun {
			err = errors.New("interrupted")
		}
	}
	if sum.Rows > 0 || err == nil {
		fmt.Fprint(stdout, told(sum, job, time.Since(began)))
	}
	switch {
	case err != nil:
		return 1, err
	case sum.Refused() > 0:
		return exitRefused, nil
	}
	return 0, nil
}

// importJob makes a job of the flags.
func importJob(fl caddycmd.Flags) (*transfer.Job, error) {
	realm, path, format := fl.String("realm"), fl.Arg(0), fl.String("format")
	if realm == "" {
		return nil, errors.New("say with --realm which users they are")
	}
	profile, err := transfer.ProfileNamed(fl.String("profile"))
	if err != nil {
		return nil, err
	}
	if profile, err = profile.Map(fl.String("map")); err != nil {
		return nil, err
	}
	if format == "" {
		format = "csv"
		if slices.Contains([]string{".jsonl", ".ndjson", ".json"}, strings.ToLower(filepath.Ext(path))) {
			format = "jsonl"
		}
	}
	if format != "csv" && format != "jsonl" {
		return nil, fmt.Errorf("--format %s: use csv or jsonl", format)
	}
	encoding := transfer.Encoding(strings.ToLower(fl.String("encoding")))
	if !slices.Contains([]transfer.Encoding{transfer.Auto, transfer.UTF8, transfer.GBK}, encoding) {
		return nil, fmt.Errorf("--encoding %s: use auto, utf-8 or gbk", encoding)
	}
	beside := path
	if path == "-" {
		beside = "wsite-import"
	}
	conflicts, dry := beside+".conflicts.jsonl", fl.Bool("dry-run")
	if dry { // which must not clear the list of a run that counted
		conflicts = beside + ".dry-run.jsonl"
	}
	return &transfer.Job{
		Path:      path,
		Options:   transfer.Options{Profile: profile, Account: fl.String("account"), JSON: format == "jsonl", Encoding: encoding},
		Setting:   fmt.Sprintf("--realm %s --profile %s --account %q --format %s --encoding %s --map %q", realm, profile.Name, fl.String("account"), format, encoding, fl.String("map")),
		Importer:  &transfer.Importer{Realm: realm, Actor: "command:import"},
		Conflicts: cmp.Or(fl.String("conflicts"), conflicts),
		Restart:   fl.Bool("restart"),
		DryRun:    dry,
		Now:       time.Now,
	}, nil
}

// told is the summary for people.
func told(sum transfer.Summary, job *transfer.Job, took time.Duration) string {
	var b strings.Builder
	if job.DryRun {
		b.WriteString("a dry run: nothing was written; this would become of it\n")
	}
	fmt.Fprintf(&b, "%d rows in %s\n", sum.Rows, took.Round(100*time.Millisecond))
	for _, o := range []struct{ outcome, means string }{
		{"linked", "openid, unionid and user belong together now"},
		{"unionid", "the unionid is known now, no user is named"},
		{"hint", "the user is remembered until the unionid is known"},
		{"same", "known before"},
		{transfer.OutcomeLeftOut, "left out: deleted there, or an id that a gateway minted"},
	} {
		if n := sum.Outcomes[o.outcome]; n > 0 {
			fmt.Fprintf(&b, "%10d  %-9s %s\n", n, o.outcome, o.means)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(sum.Problems)) {
		fmt.Fprintf(&b, "%10d  not imported: %s\n", sum.Problems[code], code)
	}
	if sum.Refused() > 0 {
		fmt.Fprintf(&b, "the rows that were not imported are in %s, with reasons\n", job.Conflicts)
	}
	if len(sum.Subscribe) > 0 {
		var values []string
		for _, value := range slices.Sorted(maps.Keys(sum.Subscribe)) {
			values = append(values, fmt.Sprintf("%q × %d", value, sum.Subscribe[value]))
		}
		p := job.Options.Profile
		fmt.Fprintf(&b, "%s: %s; %s. Nothing is made of it: WeChat tells who follows.\n", p.Subscribe, strings.Join(values, ", "), p.Meaning)
	}
	return b.String()
}

// teller tells how far an import is: on a terminal with a bar, else with a line now
// and then.
type teller struct {
	out   io.Writer
	tty   bool
	bar   *progressbar.ProgressBar
	began time.Time
	last  time.Time
}

func newTeller(out *os.File) *teller {
	now := time.Now()
	return &teller{out: out, tty: term.IsTerminal(int(out.Fd())), began: now, last: now}
}

func (t *teller) progress(p transfer.Progress) {
	every := 5 * time.Second
	if t.tty {
		every = 100 * time.Millisecond
	}
	now := time.Now()
	if now.Sub(t.last) < every {
		return
	}
	t.last = now
	done := p.Rows - p.Resumed
	rows := fmt.Sprintf("%d rows, %.0f/s", p.Rows, float64(done)/now.Sub(t.began).Seconds())
	if p.Refused() > 0 {
		rows += fmt.Sprintf(", %d conflicts", p.Refused())
	}
	if !t.tty {
		if p.Size > 0 {
			rows += fmt.Sprintf(", %d%% of the file", 100*p.Read/p.Size)
		}
		fmt.Fprintln(t.out, rows)
		return
	}
	if t.bar == nil {
		size := p.Size
		if size == 0 {
			size = -1
		}
		t.bar = progressbar.NewOptions64(size, progressbar.OptionSetWriter(t.out), progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	}
	t.bar.Describe(rows)
	_ = t.bar.Set64(p.Read)
}

func (t *teller) end() {
	if t.bar != nil {
		_ = t.bar.Finish()
	}
}
