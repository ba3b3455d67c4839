package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// apiKeysCommand is `caddy wsite api-keys`.
func apiKeysCommand() *cobra.Command {
	var gate struct{ address, config, adapter string }
	keys := &cobra.Command{
		Use:   "api-keys",
		Short: "Makes, lists and revokes keys of the HTTP API",
		Long: `
Makes, lists or revokes the keys with which lines of business and operators use the HTTP
API of a running gateway. A key is shown once, when it is made; what is kept of it can't
be turned back. A revoked key is worth nothing from that moment, on every node.

Scopes: read (who is it?), bind (a visitor's login, by his own token), feed (events and
conflicts), operate (changes by ids alone, with evidence), audit, message (send messages),
qr (make QR codes), token (read access tokens), wechat (call WeChat through the gateway).

    caddy wsite api-keys create --realm main --name orders --scopes read,bind --sites shop01
    caddy wsite api-keys create --realm '*' --name operators --scopes operate,audit
    caddy wsite api-keys list
    caddy wsite api-keys revoke 5f0c1d2e3b4a5968`,
	}
	keys.PersistentFlags().StringVar(&gate.address, "address", "", "the admin address of the running gateway")
	keys.PersistentFlags().StringVarP(&gate.config, "config", "c", "", "a config file to read the admin address from")
	keys.PersistentFlags().StringVarP(&gate.adapter, "adapter", "a", "", "the adapter of the config file")
	call := func(method, path string, body any) ([]byte, error) {
		admin, err := caddycmd.DetermineAdminAPIAddress(gate.address, nil, gate.config, gate.adapter)
		if err != nil {
			return nil, fmt.Errorf("finding the running gateway: %w", err)
		}
		return adminCall(admin, method, path, body)
	}
	keys.AddCommand(createAPIKeyCommand(call), &cobra.Command{
		Use: "list", Short: "Lists the keys, revoked ones too", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
			answer, err := call(http.MethodGet, adminAPIKeys, nil)
			if err != nil {
				return 1, err
			}
			return 0, printAPIKeys(answer)
		}),
	}, &cobra.Command{
		Use: "revoke <id>", Short: "Makes a key worthless at once", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			if _, err := call(http.MethodPost, adminAPIKeysRevoke, map[string]string{"id": fl.Arg(0)}); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, "revoked")
			return 0, nil
		}),
	})
	return keys
}

func createAPIKeyCommand(call func(method, path string, body any) ([]byte, error)) *cobra.Command {
	var realm, name string
	var scopes, sites []string
	create := &cobra.Command{
		Use: "create", Short: "Makes a key and shows it, once", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
			answer, err := call(http.MethodPost, adminAPIKeysCreate, map[string]any{"realm": realm, "name": name, "scopes": scopes, "sites": sites})
			if err != nil {
				return 1, err
			}
			var made struct{ ID, Key string }
			if err := json.Unmarshal(answer, &made); err != nil || made.Key == "" {
				return 1, errors.New("the running gateway gave an answer that this version doesn't know")
			}
			fmt.Fprintln(stdout, made.Key)
			return 0, nil
		}),
	}
	create.Flags().StringVar(&realm, "realm", "main", "the realm that the key is for; '*' for operators: all of them")
	create.Flags().StringVar(&name, "name", "", "what it is called in lists")
	create.Flags().StringSliceVar(&scopes, "scopes", nil, "what it may do: read, bind, feed, operate, audit, message, qr, token, wechat, merchant")
	create.Flags().StringSliceVar(&sites, "sites", nil, "the sites that it is for; without any, all of the realm")
	return create
}

func printAPIKeys(answer []byte) error {
	var list []apiKeyLine
	if err := json.Unmarshal(answer, &list); err != nil {
		return errors.New("the running gateway gave an answer that this version doesn't know")
	}
	day := func(t time.Time, none string) string {
		if t.IsZero() {
			return none
		}
		return t.Format(time.DateTime)
	}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tREALM\tNAME\tSCOPES\tSITES\tMADE\tUSED\tREVOKED")
	for _, k := range list {
		scopes := make([]string, len(k.Scopes))
		for i, s := range k.Scopes {
			scopes[i] = string(s)
		}
		sites := strings.Join(k.Sites, ",")
		if sites == "" {
			sites = "all"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Realm, k.Name, strings.Join(scopes, ","), sites, day(k.Made, "-"), day(k.Used, "never"), day(k.Revoked, "-"))
	}
	w.Flush()
	_, err := out.WriteTo(stdout)
	return err
}
