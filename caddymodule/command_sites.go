package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// sitesCommand is `caddy wsite sites`.
func sitesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sites", Aliases: []string{"site"},
		Short: "Lists, makes, changes and takes away sites",
		Long: `
Sites stand in the Caddyfile, where alone they are changed, or in the facts. Those of the
facts are made, changed and taken away here, on all gateways within a second, without a
reload. put changes what is named and leaves the rest; a list is written with
spaces, and paths as "/pay/notify public; /vip/* require unionid".

import takes a table: CSV, whose heading has ptid and the names of fields, or a JSON object
to a line, as export writes them. A column that the table doesn't have stays as it is, an
empty field is the default; a JSON line is the whole site. Each row is taken or refused by
itself, and a table can be imported again: what is in already stays unchanged.

    caddy wsite sites list --search shop
    caddy wsite sites show shop01
    caddy wsite sites put shop01 --accounts wx0123456789abcdef --upstream 10.0.0.7:8080
    caddy wsite sites drop shop01
    caddy wsite sites import sites.csv --dry-run
    caddy wsite sites export`,
	}
	call := operating(cmd)
	cmd.AddCommand(listSitesCommand(call), &cobra.Command{
		Use: "show <ptid>", Short: "Shows a site, and where it stands", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var out keptSiteOut
			if err := call("GET", sitePath(fl.Arg(0)), nil, &out); err != nil {
				return 1, err
			}
			showEntry(out.Site, out.Entry)
			return 0, nil
		}),
	}, putSiteCommand(call), &cobra.Command{
		Use: "drop <ptid>...", Short: "Takes sites of the facts away: their visitors get 404", Args: cobra.MinimumNArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			for _, ptid := range fl.Args() {
				var out keptSiteOut
				err := call("GET", sitePath(ptid), nil, &out)
				if err == nil {
					err = call("DELETE", sitePath(ptid), versionIn{int(out.Entry.Version)}, nil)
				}
				if err != nil {
					return 1, fmt.Errorf("site %s: %w", ptid, err)
				}
				fmt.Fprintf(stdout, "%s is taken away\n", ptid)
			}
			return 0, nil
		}),
	}, importSitesCommand(call), exportSitesCommand(call))
	return cmd
}

func sitePath(ptid string) string { return "directory/sites/" + url.PathEscape(ptid) }

// showEntry prints the fields of an account or a site, and who changed it last.
func showEntry(of any, e entryOut) {
	text, _ := json.Marshal(of)
	d := json.NewDecoder(strings.NewReader(string(text)))
	_, _ = d.Token() // the brace
	var rows [][]string
	for d.More() {
		name, _ := d.Token()
		var value any
		_ = d.Decode(&value)
		rows = append(rows, []string{fmt.Sprint(name), shownValue(value)})
	}
	where := "the Caddyfile"
	if e.In == inFacts {
		where = "the facts"
	}
	rows = append(rows, []string{"(stands in)", where})
	if e.Version > 0 {
		rows = append(rows, []string{"(changed)", moment(e.Changed) + " by " + orDash(e.By)})
	}
	table("FIELD\tVALUE", rows)
}

// shownValue is a value as put takes it, where it does.
func shownValue(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		var all []string
		between := " "
		for _, v := range value {
			if rule, ok := v.(map[string]any); ok && rule["policy"] != nil {
				v, between = fmt.Sprint(rule["path"], " ", rule["policy"]), "; "
			}
			all = append(all, shownValue(v))
		}
		return strings.Join(all, between)
	}
	text, _ := json.Marshal(value)
	return string(text)
}

func listSitesCommand(call v1Call) *cobra.Command {
	q, limit := map[string]*string{"realm": new(string), "appid": new(string), "search": new(string), "after": new(string)}, 0
	list := &cobra.Command{
		Use: "list", Short: "Lists the sites of Caddyfile and facts, by ptid", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
			page, err := sitesPage(call, q, limit)
			if err != nil {
				return 1, err
			}
			var rows [][]string
			for _, s := range page.Sites {
				rows = append(rows, []string{s.Site.PTID, s.Site.Realm, strings.Join(s.Site.Accounts, " "), orDash(strings.Join(s.Site.Hosts, " ")), orDash(s.Site.Upstream), s.Entry.In, moment(s.Entry.Changed), orDash(s.Entry.By)})
			}
			table("SITE\tREALM\tACCOUNTS\tHOSTS\tUPSTREAM\tIN\tCHANGED\tBY", rows)
			if page.After != "" {
				fmt.Fprintf(stdout, "more with --after %s\n", page.After)
			}
			return 0, nil
		}),
	}
	list.Flags().StringVar(q["realm"], "realm", "", "only those of this realm")
	list.Flags().StringVar(q["appid"], "account", "", "only those that are opened through this account")
	list.Flags().StringVar(q["search"], "search", "", "only those with this in the ptid, the audience or a host")
	list.Flags().StringVar(q["after"], "after", "", "only those behind this one")
	list.Flags().IntVar(&limit, "limit", 100, "how many at most")
	return list
}

func sitesPage(call v1Call, q map[string]*string, limit int) (page sitesOut, err error) {
	asked := url.Values{"limit": {strconv.Itoa(limit)}}
	for name, value := range q {
		if *value != "" {
			asked.Set(name, *value)
		}
	}
	err = call("GET", "directory/sites?"+asked.Encode(), nil, &page)
	return page, err
}

func exportSitesCommand(call v1Call) *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Writes the sites of the facts, a JSON object to a line, as import reads them", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
			out := json.NewEncoder(stdout)
			for after := ""; ; {
				page, err := sitesPage(call, map[string]*string{"after": &after}, maxPage)
				if err != nil {
					return 1, err
				}
				for _, s := range page.Sites {
					if s.Entry.In != inFacts {
						continue
					}
					if err := out.Encode(s.Site); err != nil {
						return 1, err
					}
				}
				if after = page.After; after == "" {
					return 0, nil
				}
			}
		}),
	}
}

func putSiteCommand(call v1Call) *cobra.Command {
	var dry bool
	texts := make([]string, len(siteColumns))
	put := &cobra.Command{Use: "put <ptid>", Short: "Makes a site in the facts, or changes what is named of it", Args: cobra.ExactArgs(1)}
	for i, c := range siteColumns {
		put.Flags().StringVar(&texts[i], flagOf(c.name), "", c.help)
	}
	put.Flags().BoolVar(&dry, "dry-run", false, "say what would become of it, and write nothing")
	put.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		onto := func(s directory.Site) (directory.Site, error) {
			for i, c := range siteColumns {
				if !put.Flags().Changed(flagOf(c.name)) {
					continue
				}
				if err := c.set(&s, texts[i]); err != nil {
					return s, err
				}
			}
			return s, nil
		}
		became, what, err := takeSite(call, fl.Arg(0), onto, dry)
		if err != nil {
			return 1, err
		}
		fmt.Fprintf(stdout, "%s: %s\n", fl.Arg(0), became.said(what, dry))
		return 0, nil
	})
	return put
}

// flagOf is the flag of a field.
func flagOf(field string) string { return strings.ReplaceAll(field, "_", "-") }

// became is what came of a site that was to be written.
type became int

const (
	created became = iota
	updated
	unchanged
)

func (b became) said(what string, dry bool) string {
	would := ""
	if dry {
		would = "would be "
	}
	switch b {
	case created:
		return would + "created"
	case updated:
		return would + "updated: " + what
	}
	return "unchanged"
}

// takeSite makes or changes a site, if it isn't so already, and says which fields changed.
func takeSite(call v1Call, ptid string, onto func(directory.Site) (directory.Site, error), dry bool) (b became, what string, err error) {
	var was keptSiteOut
	err = call("GET", sitePath(ptid), nil, &was)
	isNew := saidCode(err, apiNoSite)
	switch {
	case isNew:
		was.Site.PTID, err = ptid, nil
	case err == nil && was.Entry.In != inFacts:
		err = errors.New("it stands in the Caddyfile: change it there, and reload (" + string(apiConfigured) + ")")
	}
	if err != nil {
		return 0, "", err
	}
	site, err := onto(was.Site)
	if err != nil {
		return 0, "", err
	}
	site = site.Filled()
	what = strings.Join(changedFields(was.Site, site), ", ")
	if !isNew && what == "" {
		return unchanged, "", nil
	}
	if err := call("PUT", sitePath(ptid), siteIn{Site: site, Version: was.Entry.Version, DryRun: dry}, nil); err != nil {
		return 0, "", err
	}
	if isNew {
		return created, "", nil
	}
	return updated, what, nil
}

// changedFields are the fields in which two sites differ.
func changedFields(was, is directory.Site) (names []string) {
	fields := func(s directory.Site) (all map[string]json.RawMessage) {
		text, _ := json.Marshal(s)
		_ = json.Unmarshal(text, &all)
		return all
	}
	before, after := fields(was), fields(is)
	for _, c := range siteColumns {
		if string(before[c.name]) != string(after[c.name]) {
			names = append(names, c.name)
		}
	}
	return names
}
