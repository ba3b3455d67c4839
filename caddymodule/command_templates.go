package caddymodule

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// templatesCommand is `caddy wsite templates`.
func templatesCommand() *cobra.Command {
	templates := &cobra.Command{
		Use:   "templates",
		Short: "Shows which templates accounts have, and what their fields take",
		Long: `
The gateway asks WeChat once a day for the templates of an account; sync does it now.

    caddy wsite templates list wx0123456789abcdef
    caddy wsite templates sync wx0123456789abcdef
    caddy wsite templates show wx0123456789abcdef ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY`,
	}
	call := operating(templates)
	list := func(method, path string) func(caddycmd.Flags) (int, error) {
		return func(fl caddycmd.Flags) (int, error) {
			var out templatesOut
			if err := call(method, "accounts/"+url.PathEscape(fl.Arg(0))+path, nil, &out); err != nil {
				return 1, err
			}
			var rows [][]string
			for _, t := range out.Templates {
				rows = append(rows, []string{t.Template, t.Title, strconv.Itoa(len(t.Fields)), moment(t.Removed)})
			}
			table("TEMPLATE\tTITLE\tFIELDS\tREMOVED", rows)
			fmt.Fprintln(stdout, "as WeChat listed them at", moment(out.Synced))
			return 0, nil
		}
	}
	templates.AddCommand(&cobra.Command{
		Use: "list <appid>", Short: "Lists the templates of an account", Args: cobra.ExactArgs(1), RunE: caddycmd.WrapCommandFuncForCobra(list("GET", "/templates")),
	}, &cobra.Command{
		Use: "sync <appid>", Short: "Asks WeChat for them now", Args: cobra.ExactArgs(1), RunE: caddycmd.WrapCommandFuncForCobra(list("POST", "/templates/sync")),
	}, &cobra.Command{
		Use: "show <appid> <template>", Short: "Shows a template and what its fields take", Args: cobra.ExactArgs(2),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return showTemplate(call, fl.Arg(0), fl.Arg(1)) }),
	})
	return templates
}

func showTemplate(call v1Call, appID, id string) (int, error) {
	var out templatesOut
	if err := call("GET", "accounts/"+url.PathEscape(appID)+"/templates", nil, &out); err != nil {
		return 1, err
	}
	for _, t := range out.Templates {
		if t.Template != id {
			continue
		}
		fmt.Fprintf(stdout, "%s\n\n%s\n\n", t.Title, t.Content)
		var rows [][]string
		for _, f := range t.Fields {
			most, approved := "-", "any"
			if f.Max > 0 {
				most = strconv.Itoa(f.Max)
			}
			if f.Approved != nil {
				approved = strings.Join(f.Approved, ", ")
			}
			rows = append(rows, []string{f.Field, f.What, most, strconv.FormatBool(f.Required), approved})
		}
		table("FIELD\tWHAT\tCHARACTERS\tREQUIRED\tAPPROVED", rows)
		return 0, nil
	}
	return 1, fmt.Errorf("the account has no template %s; see: caddy wsite templates sync %s", id, appID)
}
