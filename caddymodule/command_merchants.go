package caddymodule

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// merchantsCommand is `caddy wsite merchants`.
func merchantsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "merchants",
		Short: "Lists merchants, binds them, and sends them notices",
		Long: `
code makes a code that binds who scans it to a merchant, and prints its id and what it
says; that is told this once. notify sends a notice to some, or to all who are bound. See
docs/merchants.md.

    caddy wsite merchants list --shown unbound
    caddy wsite merchants add M1 --name 王家面馆
    caddy wsite merchants import merchants.csv
    caddy wsite merchants code M1 wx0123456789abcdef --life 30m --png M1.png
    caddy wsite merchants unbind M1
    caddy wsite merchants notify wx0123456789abcdef TEMPLATE M1 --data thing4=Tea`,
	}
	call := operating(cmd)
	var realm string
	cmd.PersistentFlags().StringVar(&realm, "realm", "main", "the realm of the merchants")
	cmd.AddCommand(listMerchantsCommand(call, &realm), addMerchantCommand(call, &realm), importMerchantsCommand(call, &realm),
		merchantCodeCommand(call, &realm), unbindMerchantCommand(call, &realm), notifyCommand(call, &realm))
	return cmd
}

// merchantsPath is where the API has what is told of merchants.
func merchantsPath(realm, root string, parts ...string) string {
	path := "realms/" + url.PathEscape(realm) + "/" + root
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

func listMerchantsCommand(call v1Call, realm *string) *cobra.Command {
	q := map[string]*string{"shown": new(string), "status": new(string), "search": new(string), "after": new(string)}
	list := &cobra.Command{
		Use: "list", Short: "Lists them, those first whom nobody is bound to", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
			asked := url.Values{}
			for name, value := range q {
				if *value != "" {
					asked.Set(name, *value)
				}
			}
			var page merchantsOut
			if err := call("GET", merchantsPath(*realm, "merchants")+"?"+asked.Encode(), nil, &page); err != nil {
				return 1, err
			}
			var rows [][]string
			for _, m := range page.Merchants {
				rows = append(rows, []string{m.ID, m.Name, string(m.Status), strconv.Itoa(len(m.Bindings)) + "/" + strconv.Itoa(m.Persons), followers(m.Bindings), moment(m.LastLogin)})
			}
			table("ID\tNAME\tSTATUS\tBOUND\tFOLLOWS\tLAST LOGIN", rows)
			if page.After != "" {
				fmt.Fprintf(stdout, "more with --after %s\n", page.After)
			}
			return 0, nil
		}),
	}
	list.Flags().StringVar(q["shown"], "shown", "", "only those: unbound, bound or unfollowed")
	list.Flags().StringVar(q["status"], "status", "", "only those: normal or disabled")
	list.Flags().StringVar(q["search"], "search", "", "only those with this in the name, login, phone, contact or id")
	list.Flags().StringVar(q["after"], "after", "", "only those behind this place")
	return list
}

// followers says of each who is bound whether he follows.
func followers(list []bindingOut) string {
	var said []string
	for _, b := range list {
		following := b.Following
		if following == "" {
			following = "unknown"
		}
		said = append(said, following)
	}
	return orDash(strings.Join(said, ","))
}

func addMerchantCommand(call v1Call, realm *string) *cobra.Command {
	var in merchantIn
	add := &cobra.Command{
		Use: "add <id>", Short: "Puts one on the list", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			in.ID = fl.Arg(0)
			if err := call("POST", merchantsPath(*realm, "merchants"), in, nil); err != nil {
				return 1, err
			}
			return 0, nil
		}),
	}
	add.Flags().StringVar(&in.Name, "name", "", "his name; required")
	add.Flags().StringVar(&in.Login, "login", "", "how he logs in at the platform")
	add.Flags().StringVar(&in.Contact, "contact", "", "whom to ask for")
	add.Flags().StringVar(&in.Phone, "phone", "", "his phone")
	add.Flags().StringVar(&in.User, "user", "", "his own id in the realm")
	add.Flags().StringSliceVar(&in.Sites, "sites", nil, "the sites that he owns")
	add.Flags().IntVar(&in.Persons, "persons", 1, "how many may be bound to him at each account")
	return add
}

func importMerchantsCommand(call v1Call, realm *string) *cobra.Command {
	return &cobra.Command{
		Use: "import <file>", Short: "Puts those of a table on the list, or changes them", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			file, err := os.Open(fl.Arg(0))
			if err != nil {
				return 1, err
			}
			defer file.Close()
			var sum importOut
			for part, err := range merchant.Parts(file, 16<<10) { // of the 64 KiB that a body may have as JSON
				var out importOut
				if err == nil {
					err = call("POST", merchantsPath(*realm, "merchant-imports"), importIn{part.CSV}, &out)
				}
				if err != nil && sum.Created+sum.Updated+sum.Unchanged+sum.Refused == 0 {
					return 1, err
				}
				if err != nil {
					return 1, fmt.Errorf("%w; before that: %s. Import the table again: what is in already stays unchanged", err, sum.counts())
				}
				sum.Created, sum.Updated, sum.Unchanged, sum.Refused = sum.Created+out.Created, sum.Updated+out.Updated, sum.Unchanged+out.Unchanged, sum.Refused+out.Refused
				for _, row := range out.Rows {
					fmt.Fprintf(stdout, "line %d: %s: %s (%s)\n", row.Line+part.Skipped, orDash(row.ID), row.Says, row.Code)
				}
			}
			fmt.Fprintln(stdout, sum.counts())
			if sum.Refused > 0 {
				return exitRefused, nil
			}
			return 0, nil
		}),
	}
}

func (o importOut) counts() string {
	return fmt.Sprintf("%d created, %d updated, %d unchanged, %d refused", o.Created, o.Updated, o.Unchanged, o.Refused)
}

func merchantCodeCommand(call v1Call, realm *string) *cobra.Command {
	var life time.Duration
	var file string
	cmd := &cobra.Command{
		Use: "code <id> <appid>", Short: "Makes a code that binds who scans it", Args: cobra.ExactArgs(2),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			if life%time.Second != 0 {
				return 1, fmt.Errorf("--life is whole seconds, not %s", life)
			}
			var out merchantCodeOut
			in := merchantCodeIn{AppID: fl.Arg(1), ExpiresIn: int(life / time.Second)}
			if err := call("POST", merchantsPath(*realm, "merchants", fl.Arg(0), "codes"), in, &out); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, out.ID, out.URL)
			if file == "" {
				return 0, nil
			}
			_, text, _ := strings.Cut(out.Image, ",")
			png, err := base64.StdEncoding.DecodeString(text)
			if err == nil {
				err = os.WriteFile(file, png, 0o600)
			}
			if err != nil {
				return 1, err
			}
			return 0, nil
		}),
	}
	cmd.Flags().DurationVar(&life, "life", 0, "how long it lives: 1m to 720h, which is the default")
	cmd.Flags().StringVar(&file, "png", "", "a file to draw it into")
	return cmd
}

func unbindMerchantCommand(call v1Call, realm *string) *cobra.Command {
	var appID string
	var slot int
	cmd := &cobra.Command{
		Use: "unbind <id>", Short: "Parts one from a person who is bound to him", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var m merchantOut
			if err := call("GET", merchantsPath(*realm, "merchants", fl.Arg(0)), nil, &m); err != nil {
				return 1, err
			}
			var found []bindingOut
			for _, b := range m.Bindings {
				if (appID == "" || b.AppID == appID) && (slot < 0 || b.Slot == slot) {
					found = append(found, b)
				}
			}
			if len(found) != 1 {
				for _, b := range m.Bindings {
					fmt.Fprintf(stdout, "--account %s --slot %d  %s\n", b.AppID, b.Slot, b.Person)
				}
				return 1, errors.New("say which of those who are bound, by --account and --slot")
			}
			in := unboundIn{AppID: found[0].AppID, Slot: found[0].Slot, Code: found[0].Code}
			if err := call("POST", merchantsPath(*realm, "merchants", fl.Arg(0), "unbind"), in, nil); err != nil {
				return 1, err
			}
			return 0, nil
		}),
	}
	cmd.Flags().StringVar(&appID, "account", "", "at which account, if he is bound at several")
	cmd.Flags().IntVar(&slot, "slot", -1, "which person, if there are several")
	return cmd
}

func notifyCommand(call v1Call, realm *string) *cobra.Command {
	var in noticeIn
	var due string
	cmd := &cobra.Command{
		Use: "notify <appid> <template> [<id>…]", Short: "Sends a notice to merchants, and prints its id and how many get it", Args: cobra.MinimumNArgs(2),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			in.AppID, in.Template, in.Merchants = fl.Arg(0), fl.Arg(1), fl.Args()[2:]
			if due != "" {
				var err error
				if in.NotBefore, err = time.Parse(time.RFC3339, due); err != nil {
					return 1, fmt.Errorf("--not-before is a time such as 2026-05-01T08:00:00+08:00: %w", err)
				}
			}
			var out noticeOut
			if err := call("POST", merchantsPath(*realm, "merchant-notices"), in, &out); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, out.ID, out.Persons)
			return 0, nil
		}),
	}
	cmd.Flags().StringToStringVar(&in.Data, "data", nil, "a field and what stands in it: thing4=Tea")
	cmd.Flags().StringVar(&in.URL, "url", "", "where a tap leads")
	cmd.Flags().BoolVar(&in.All, "all", false, "send it to all who are bound")
	cmd.Flags().StringVar(&due, "not-before", "", "when it shall go")
	cmd.Flags().StringVar(&in.ClientID, "client-id", "", "your own name for it: the same one again sends nothing new")
	return cmd
}
