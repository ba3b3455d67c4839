package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// broadcastCommand is `caddy wsite broadcast`.
func broadcastCommand() *cobra.Command {
	broadcast := &cobra.Command{
		Use:   "broadcast",
		Short: "Shows what lines of business have heard, and tells them again",
		Long: `
Shows how far each line of business of a running gateway is, which events it hasn't
taken for days (dead letters), and sends such events again.

    caddy wsite broadcast list
    caddy wsite broadcast dead main orders
    caddy wsite broadcast replay main orders
    caddy wsite broadcast replay main orders v7k2d.first v7k2d.final`,
	}
	ask := runningGateway(broadcast)
	call := func(method, path string, body, answer any) error {
		text, err := ask(method, path, body)
		if err != nil {
			return err
		}
		if json.Unmarshal(text, answer) != nil {
			return errors.New("the running gateway gave an answer that this version doesn't know")
		}
		return nil
	}
	broadcast.AddCommand(&cobra.Command{
		Use: "list", Short: "Lists the lines of business and how they stand", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var list []lineStatus
			if err := call(http.MethodGet, adminLines, nil, &list); err != nil {
				return 1, err
			}
			return 0, printLines(list)
		}),
	}, &cobra.Command{
		Use: "dead <realm> <line>", Short: "Lists dead letters, the oldest thousand", Args: cobra.ExactArgs(2),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var list []deadLetter
			which := url.Values{"realm": {fl.Arg(0)}, "line": {fl.Arg(1)}}
			if err := call(http.MethodGet, adminDead+"?"+which.Encode(), nil, &list); err != nil {
				return 1, err
			}
			return 0, printDead(list)
		}),
	}, &cobra.Command{
		Use: "replay <realm> <line> [event…]", Short: "Sends dead letters and parked events again: those named, or all", Args: cobra.MinimumNArgs(2),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var answer struct{ Replayed int }
			body := map[string]any{"realm": fl.Arg(0), "line": fl.Arg(1), "events": fl.Args()[2:]}
			if err := call(http.MethodPost, adminReplay, body, &answer); err != nil {
				return 1, err
			}
			fmt.Fprintf(stdout, "%d to be sent again\n", answer.Replayed)
			return 0, nil
		}),
	})
	return broadcast
}

func printLines(list []lineStatus) error {
	return printTable("REALM\tLINE\tCURSOR\tBEHIND\tOLDEST\tPARKED\tDEAD\tERROR", func(row func(...any)) {
		for _, l := range list {
			oldest, note := "-", l.Error
			if l.Oldest != nil {
				oldest = l.Oldest.Format(time.DateTime)
			}
			if !l.Served {
				note = "not configured"
			}
			row(l.Realm, l.Line, l.Cursor, l.Behind, oldest, l.Parked, l.Dead, note)
		}
	})
}

func printDead(list []deadLetter) error {
	return printTable("EVENT\tTYPE\tAT\tTRIES\tERROR", func(row func(...any)) {
		for _, d := range list {
			row(d.ID, d.Type, d.At.Format(time.DateTime), d.Tries, d.Error)
		}
	})
}

// printTable prints what rows gives in columns.
func printTable(head string, rows func(row func(cells ...any))) error {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	rows(func(cells ...any) {
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	})
	w.Flush()
	_, err := out.WriteTo(stdout)
	return err
}
