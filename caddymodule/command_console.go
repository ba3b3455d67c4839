package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// consoleUserCommand is `caddy wsite console-user`.
func consoleUserCommand() *cobra.Command {
	users := &cobra.Command{
		Use:   "console-user",
		Short: "Adds, resets and lists who works with the console",
		Long: `
Adds somebody to the staff of the console of a running gateway, or takes his password and his
second factor. Both print a path of the console, good for one use within 24 hours, where he
chooses a password.

Roles: viewer (looks), operator (works with merchants, checks accounts), administrator (keeps
the staff as well).

    caddy wsite console-user add ming --role administrator
    caddy wsite console-user reset ming
    caddy wsite console-user list`,
	}
	call := runningGateway(users)
	var role string
	add := &cobra.Command{
		Use: "add <name>", Short: "Adds somebody, and prints where he chooses his password", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			return printInvitation(call(http.MethodPost, adminStaffAdd, map[string]string{"name": fl.Arg(0), "role": role}))
		}),
	}
	add.Flags().StringVar(&role, "role", "viewer", "viewer, operator or administrator")
	users.AddCommand(add, &cobra.Command{
		Use: "reset <name>", Short: "Takes somebody's password, second factor and sessions, and prints where he chooses another", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			return printInvitation(call(http.MethodPost, adminStaffReset, map[string]string{"name": fl.Arg(0)}))
		}),
	}, &cobra.Command{
		Use: "list", Short: "Lists the staff", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
			answer, err := call(http.MethodGet, adminStaff, nil)
			if err != nil {
				return 1, err
			}
			return 0, printStaff(answer)
		}),
	})
	return users
}

func printInvitation(answer []byte, err error) (int, error) {
	if err != nil {
		return 1, err
	}
	var made struct{ Code string }
	if err := json.Unmarshal(answer, &made); err != nil || made.Code == "" {
		return 1, errors.New("the running gateway gave an answer that this version doesn't know")
	}
	fmt.Fprintln(stdout, "/setup#"+made.Code)
	return 0, nil
}

func printStaff(answer []byte) error {
	var list []staffLine
	if err := json.Unmarshal(answer, &list); err != nil {
		return errors.New("the running gateway gave an answer that this version doesn't know")
	}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tSTATE\tADDED")
	for _, s := range list {
		state := "normal"
		switch {
		case !s.Disabled.IsZero():
			state = "disabled"
		case !s.Password:
			state = "invited"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.Role, state, s.Made.Format(time.DateTime))
	}
	w.Flush()
	_, err := out.WriteTo(stdout)
	return err
}
