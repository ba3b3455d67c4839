package caddymodule

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// qrCommand is `caddy wsite qr`.
func qrCommand() *cobra.Command {
	qr := &cobra.Command{
		Use:   "qr",
		Short: "Makes, lists, draws and revokes QR codes of accounts",
		Long: `
create makes a code and prints its id, and what the code says. It lives for 30 days, or for
--life, or for ever: of permanent codes an account has 100,000. image writes a PNG file.

    caddy wsite qr create wx0123456789abcdef --ref table-7 --life 30m
    caddy wsite qr list wx0123456789abcdef --ref table-7
    caddy wsite qr image wx0123456789abcdef 01931f0e7c1bd3a9d7e1c2b3a4d5 table-7.png
    caddy wsite qr revoke wx0123456789abcdef 01931f0e7c1bd3a9d7e1c2b3a4d5`,
	}
	call := operating(qr)
	var realm string
	qr.PersistentFlags().StringVar(&realm, "realm", "main", "the realm of the code")
	qr.AddCommand(createCodeCommand(call, &realm), listCodesCommand(call, &realm), &cobra.Command{
		Use: "image <appid> <id> <file>", Short: "Writes a code to a PNG file", Args: cobra.ExactArgs(3),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var png []byte
			if err := call("GET", codePath(fl.Arg(0), fl.Arg(1))+"/image?"+url.Values{"realm": {realm}}.Encode(), nil, &png); err != nil {
				return 1, err
			}
			if err := os.WriteFile(fl.Arg(2), png, 0o600); err != nil {
				return 1, err
			}
			return 0, nil
		}),
	}, &cobra.Command{
		Use: "revoke <appid> <id>", Short: "Has a code do nothing any more, for good", Args: cobra.ExactArgs(2),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			if err := call("DELETE", codePath(fl.Arg(0), fl.Arg(1)), realmQuery{realm}, nil); err != nil {
				return 1, err
			}
			return 0, nil
		}),
	})
	return qr
}

// codePath is where the API has a code.
func codePath(appID, id string) string {
	return "accounts/" + url.PathEscape(appID) + "/qr-codes/" + url.PathEscape(id)
}

func createCodeCommand(call v1Call, realm *string) *cobra.Command {
	var in qrIn
	var life time.Duration
	create := &cobra.Command{
		Use: "create <appid>", Short: "Makes a code and prints its id and what it says", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			if life%time.Second != 0 {
				return 1, fmt.Errorf("--life is whole seconds, not %s", life)
			}
			in.Realm, in.ExpiresIn = *realm, int(life/time.Second)
			var out qrOut
			if err := call("POST", "accounts/"+url.PathEscape(fl.Arg(0))+"/qr-codes", in, &out); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, out.ID, out.URL)
			return 0, nil
		}),
	}
	create.Flags().StringVar(&in.Ref, "ref", "", "your own word for whom or what it is about")
	create.Flags().StringVar(&in.Scene, "scene", "", "the scene itself, if it may be known; without it, one that can't be guessed")
	create.Flags().DurationVar(&life, "life", 0, "how long it lives: 1m to 720h")
	create.Flags().BoolVar(&in.Permanent, "permanent", false, "make one for ever")
	create.Flags().BoolVar(&in.Single, "single", false, "make one that is spent with the first scan")
	create.Flags().BoolVar(&in.Supersede, "supersede", false, "revoke the others for the same ref that this command has made")
	return create
}

func listCodesCommand(call v1Call, realm *string) *cobra.Command {
	var ref, before string
	list := &cobra.Command{
		Use: "list <appid>", Short: "Lists the codes of an account, the newest first", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			q := url.Values{"realm": {*realm}}
			if ref != "" {
				q.Set("ref", ref)
			}
			if before != "" {
				q.Set("before", before)
			}
			var page qrsOut
			if err := call("GET", "accounts/"+url.PathEscape(fl.Arg(0))+"/qr-codes?"+q.Encode(), nil, &page); err != nil {
				return 1, err
			}
			var rows [][]string
			for _, k := range page.Codes {
				rows = append(rows, []string{k.ID, orDash(k.Ref), moment(k.Made), moment(k.Expires), moment(k.Revoked), strconv.FormatInt(k.Scans, 10), moment(k.LastScan)})
			}
			table("ID\tREF\tMADE\tEXPIRES\tREVOKED\tSCANS\tLAST SCAN", rows)
			if page.Before != "" {
				fmt.Fprintf(stdout, "more with --before %s\n", page.Before)
			}
			return 0, nil
		}),
	}
	list.Flags().StringVar(&ref, "ref", "", "only those about this")
	list.Flags().StringVar(&before, "before", "", "only those made before the one with this id")
	return list
}
