package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "wsite",
		Short: "Gives the visitors of WeChat micro-sites a name",
		Long: `
Everything about caddy-wsite that isn't a Caddyfile.

Try it without a WeChat account, on this machine alone:

    caddy wsite demo`,
		CobraFunc: command,
	})
}

// command makes a command of Caddy's `caddy wsite`.
func command(wsite *cobra.Command) {
	wsite.AddCommand(subcommands()...)
	// Ids that WeChat chooses may begin with a dash.
	wsite.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w; an id that begins with - stands behind --", err)
	})
}

// subcommands are all of them.
func subcommands() []*cobra.Command {
	return []*cobra.Command{
		demoCommand(), simulateCommand(), keysCommand(), apiKeysCommand(), broadcastCommand(), importCommand(), exportCommand(), backupCommand(), auditCommand(), resubjectCommand(),
		accountsCommand(), sitesCommand(), checkCommand(), pushesCommand(), jobsCommand(), messagesCommand(), templatesCommand(), qrCommand(), merchantsCommand(), revokeCommand(), consoleUserCommand(),
	}
}

// keysCommand is `caddy wsite signing-keys`.
func keysCommand() *cobra.Command {
	keys := &cobra.Command{
		Use:   "signing-keys",
		Short: "Lists and revokes the keys that sign X-User",
		Long: `
Lists the keys with which a running gateway signs tokens, or revokes one of them.
Keys are made, published and retired by themselves; revoke one only if its private
half may have been seen. Tokens signed by it are replaced at once; upstreams that
cache the JWKS believe in it for as long as they do.

    caddy wsite signing-keys list
    caddy wsite signing-keys revoke JTl1lKkawm2r_4OuQRlYLK70GucfuNAuxxA91RcVVj8`,
	}
	call := runningGateway(keys)
	keys.AddCommand(&cobra.Command{
		Use: "list", Short: "Lists the keys, the one in force among them", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			answer, err := call(http.MethodGet, adminKeys, nil)
			if err != nil {
				return 1, err
			}
			return 0, printKeys(answer)
		}),
	}, &cobra.Command{
		Use: "revoke <kid>", Short: "Withdraws a key at once", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			if _, err := call(http.MethodPost, adminRevoke, map[string]string{"kid": fl.Arg(0)}); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, "revoked; upstreams believe in it for as long as they cache the JWKS")
			return 0, nil
		}),
	})
	return keys
}

// runningGateway gives a command the flags that say where the running gateway is, and
// returns what asks it.
func runningGateway(cmd *cobra.Command) func(method, path string, body any) ([]byte, error) {
	var address, config, adapter string
	cmd.PersistentFlags().StringVar(&address, "address", "", "the admin address of the running gateway")
	cmd.PersistentFlags().StringVarP(&config, "config", "c", "", "a config file to read the admin address from")
	cmd.PersistentFlags().StringVarP(&adapter, "adapter", "a", "", "the adapter of the config file")
	return func(method, path string, body any) ([]byte, error) {
		admin, err := caddycmd.DetermineAdminAPIAddress(address, nil, config, adapter)
		if err != nil {
			return nil, fmt.Errorf("finding the running gateway: %w", err)
		}
		return adminCall(admin, method, path, body)
	}
}

// adminCall asks the running gateway, and tells its errors in its own words.
func adminCall(admin, method, path string, body any) ([]byte, error) {
	var sent io.Reader
	header := http.Header{}
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(encoded)
		header.Set("Content-Type", "application/json")
	}
	resp, err := caddycmd.AdminAPIRequest(admin, method, path, header, sent)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func printKeys(answer []byte) error {
	var list []keyLine
	if err := json.Unmarshal(answer, &list); err != nil {
		return errors.New("the running gateway gave an answer that this version doesn't know")
	}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tALGORITHM\tSTATE\tSINCE\tUNTIL")
	for _, k := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.KeyID, k.Algorithm, k.State, k.Since.Format(time.DateTime), k.Until.Format(time.DateTime))
	}
	w.Flush()
	_, err := out.WriteTo(stdout)
	return err
}
