package caddymodule

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func importSitesCommand(call v1Call) *cobra.Command {
	var dry bool
	var format string
	cmd := &cobra.Command{Use: "import <file>", Short: "Makes or changes the sites of a table; - is the standard input", Args: cobra.ExactArgs(1)}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would become of each row, and write nothing")
	cmd.Flags().StringVar(&format, "format", "", "csv or jsonl; default: by the name of the file")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		if format == "" {
			format = "csv"
			if slices.Contains([]string{".jsonl", ".ndjson", ".json"}, strings.ToLower(filepath.Ext(fl.Arg(0)))) {
				format = "jsonl"
			}
		}
		if format != "csv" && format != "jsonl" {
			return 1, fmt.Errorf("--format %s: use csv or jsonl", format)
		}
		in := io.NopCloser(os.Stdin)
		if fl.Arg(0) != "-" {
			file, err := os.Open(fl.Arg(0))
			if err != nil {
				return 1, err
			}
			in = file
		}
		defer in.Close()
		sum, err := importSites(call, in, format == "jsonl", dry)
		if err != nil && sum != (importedSites{}) {
			err = fmt.Errorf("%w; before that: %s. Import the table again: what is in already stays unchanged", err, sum)
		}
		if err != nil {
			return 1, err
		}
		if dry {
			fmt.Fprintln(stdout, "a dry run: nothing was written; this would become of it")
		}
		fmt.Fprintln(stdout, sum)
		if sum.refused > 0 {
			cmd.SilenceErrors = true // which is no error, and was told
			return exitRefused, nil
		}
		return 0, nil
	})
	return cmd
}

// importedSites counts what became of the rows of a table.
type importedSites struct{ created, updated, unchanged, refused int }

func (n importedSites) String() string {
	return fmt.Sprintf("%d created, %d updated, %d unchanged, %d refused", n.created, n.updated, n.unchanged, n.refused)
}

// importSites takes the rows of a table one by one, and tells of those that were refused, or
// in a dry run of those that would change something.
func importSites(call v1Call, in io.Reader, jsonl, dry bool) (sum importedSites, err error) {
	seen, down := map[string]int{}, false
	// What isn't the row's fault would be so for the next one.
	asked := func(method, path string, in, out any) error {
		err := call(method, path, in, out)
		var p *saidProblem
		down = err != nil && (!errors.As(err, &p) || p.Status >= 500)
		return err
	}
	for row, err := range siteRows(in, jsonl) {
		if err != nil {
			return sum, err
		}
		tell := func(says string) { fmt.Fprintf(stdout, "line %d: %s: %s\n", row.line, orDash(row.ptid), says) }
		if row.err == nil && row.ptid == "" {
			row.err = errors.New("the row has no ptid")
		}
		if first, twice := seen[row.ptid]; twice && row.err == nil {
			row.err = fmt.Errorf("the site stands in line %d already", first)
		}
		var b became
		var what string
		if row.err == nil {
			seen[row.ptid] = row.line
			b, what, row.err = takeSite(asked, row.ptid, row.onto, dry)
		}
		if row.err != nil {
			if down {
				return sum, fmt.Errorf("line %d: %w", row.line, row.err)
			}
			sum.refused++
			tell(row.err.Error())
			continue
		}
		switch b {
		case created:
			sum.created++
		case updated:
			sum.updated++
		default:
			sum.unchanged++
		}
		if dry && b != unchanged {
			tell(b.said(what, dry))
		}
	}
	return sum, nil
}
