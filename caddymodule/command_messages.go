package caddymodule

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// messagesCommand is `caddy wsite messages`.
func messagesCommand() *cobra.Command {
	messages := &cobra.Command{
		Use:   "messages",
		Short: "Sends WeChat messages to users, and shows what became of them",
		Long: `
Messages are addressed to users; which account reaches them, the gateway knows.

bulk sends one message for each row of a CSV file. The first row names the columns: user
is who gets it, url where a tap leads, every other one a field of the template. A file
that was interrupted is sent again under the same --batch: nobody gets it twice.

    caddy wsite messages send --user m-4711 --template ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY --data thing4=Chocolate --data amount2=39.8元
    caddy wsite messages bulk winners.csv --batch winners-2026 --template ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY
    caddy wsite messages list --batch winners-2026 --state failed
    caddy wsite messages replay 01931f0e7c1bd3a9d7e1c2b3a4d5
    caddy wsite messages resume wx0123456789abcdef`,
	}
	call := operating(messages)
	messages.AddCommand(sendCommand(call), bulkCommand(call), listMessagesCommand(call), changeMessageCommand(call, "cancel", "Takes a message back that isn't sent yet"),
		changeMessageCommand(call, "replay", "Sends a message again that has failed"), &cobra.Command{
			Use: "resume <appid>", Short: "Has an account try at once what it couldn't send", Args: cobra.ExactArgs(1),
			RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
				if err := call("POST", "accounts/"+url.PathEscape(fl.Arg(0))+"/messages/resume", nil, nil); err != nil {
					return 1, err
				}
				return 0, nil
			}),
		})
	return messages
}

// messageFlags say what is sent, and through which accounts.
func messageFlags(c *cobra.Command, in *messageIn) *cobra.Command {
	c.Flags().StringVar(&in.Realm, "realm", "main", "the realm of the users")
	c.Flags().StringVar(&in.Site, "site", "", "the site whose accounts may send it; without one, all accounts of the realm")
	c.Flags().StringVar(&in.Template, "template", "", "the id of the template")
	c.Flags().StringVar(&in.URL, "url", "", "where a tap leads")
	return c
}

func sendCommand(call v1Call) *cobra.Command {
	var in messageIn
	var data []string
	send := messageFlags(&cobra.Command{
		Use: "send", Short: "Sends a message to one user and prints its id", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
			in.Data = map[string]string{}
			for _, d := range data {
				key, value, ok := strings.Cut(d, "=")
				if !ok {
					return 1, fmt.Errorf("--data is written field=value, not %q", d)
				}
				in.Data[key] = value
			}
			var out messageOut
			if err := call("POST", "messages", in, &out); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, out.ID)
			return 0, nil
		}),
	}, &in)
	send.Flags().StringVar(&in.User, "user", "", "who gets it")
	send.Flags().StringVar(&in.Text, "text", "", "a customer-service message of text, in place of a template")
	send.Flags().StringArrayVar(&data, "data", nil, "a field of the template: field=value; once for each")
	return send
}

func bulkCommand(call v1Call) *cobra.Command {
	var in messageIn
	var batch string
	bulk := messageFlags(&cobra.Command{
		Use: "bulk <file>", Short: "Sends one message for each row of a CSV file", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return sendBulk(call, fl.Arg(0), batch, in) }),
	}, &in)
	bulk.Flags().StringVar(&batch, "batch", "", "what the messages are called together; needed")
	return bulk
}

func listMessagesCommand(call v1Call) *cobra.Command {
	var in messageIn
	var batch, state string
	list := &cobra.Command{
		Use: "list", Short: "Lists messages, the newest first", Args: cobra.NoArgs,
		RunE: caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
			q := url.Values{"realm": {in.Realm}}
			for name, value := range map[string]string{"state": state, "batch": batch, "user": in.User} {
				if value != "" {
					q.Set(name, value)
				}
			}
			var page messagesOut
			if err := call("GET", "messages?"+q.Encode(), nil, &page); err != nil {
				return 1, err
			}
			var rows [][]string
			for _, m := range page.Messages {
				rows = append(rows, []string{m.ID, m.User, orDash(m.AppID), string(m.State), orDash(string(m.Reason)), strconv.Itoa(m.Tries), moment(m.Made), orDash(m.Detail)})
			}
			table("ID\tUSER\tACCOUNT\tSTATE\tREASON\tTRIES\tMADE\tDETAIL", rows)
			return 0, nil
		}),
	}
	list.Flags().StringVar(&in.Realm, "realm", "main", "the realm of the users")
	list.Flags().StringVar(&state, "state", "", "queued, sent, delivered, blocked, failed, dropped or cancelled")
	list.Flags().StringVar(&batch, "batch", "", "only those of a batch")
	list.Flags().StringVar(&in.User, "user", "", "only those to a user")
	return list
}

func changeMessageCommand(call v1Call, verb, short string) *cobra.Command {
	var realm string
	c := &cobra.Command{
		Use: verb + " <id>", Short: short, Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var out messageOut
			if err := call("POST", "messages/"+url.PathEscape(fl.Arg(0))+"/"+verb, realmQuery{realm}, &out); err != nil {
				return 1, err
			}
			fmt.Fprintln(stdout, out.State)
			return 0, nil
		}),
	}
	c.Flags().StringVar(&realm, "realm", "main", "the realm of the user")
	return c
}

// bulkSize is how many messages go in one call.
const bulkSize = 50

// sendBulk sends what a file says. Each row is called by its number, so that a file sent
// twice sends nothing twice.
func sendBulk(call v1Call, name, batch string, like messageIn) (int, error) {
	if batch == "" {
		return 1, errors.New("give the messages a name with --batch: a file that is sent again under the same name sends nothing twice")
	}
	file, err := os.Open(name)
	if err != nil {
		return 1, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 1, err
	}
	bar := progressbar.NewOptions64(info.Size(), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowBytes(false), progressbar.OptionSetDescription("accepted"))
	rows := csv.NewReader(file)
	header, err := rows.Read()
	if err != nil {
		return 1, fmt.Errorf("%s: reading the names of the columns: %w", name, err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	sum := batchOut{}
	for more := true; more; {
		in := batchIn{Batch: batch, Message: like}
		for len(in.Rows) < bulkSize {
			row, err := rows.Read()
			if errors.Is(err, io.EOF) {
				more = false
				break
			}
			if err != nil {
				return 1, fmt.Errorf("%s: %w", name, err)
			}
			in.Rows = append(in.Rows, rowOf(rows, header, row))
		}
		if len(in.Rows) == 0 {
			break
		}
		var out batchOut
		if err := call("POST", "messages/batches", in, &out); err != nil {
			return 1, fmt.Errorf("%d rows were accepted; send the file again under the same --batch: %w", sum.Queued, err)
		}
		for _, r := range out.Refused {
			fmt.Fprintf(stdout, "%s:%d: %s (%s)\n", name, r.Line, r.Says, r.Code)
		}
		sum.Queued, sum.Repeated, sum.Refused = sum.Queued+out.Queued, sum.Repeated+out.Repeated, append(sum.Refused, out.Refused...)
		_ = bar.Set64(rows.InputOffset())
	}
	fmt.Fprintf(stdout, "%d accepted, %d accepted before, %d refused; see what becomes of them with: caddy wsite messages list --batch %s\n", sum.Queued, sum.Repeated, len(sum.Refused), batch)
	if len(sum.Refused) > 0 {
		return 1, nil
	}
	return 0, nil
}

// rowOf reads a row: the columns user and url are what they say, others are fields.
func rowOf(rows *csv.Reader, header, row []string) rowIn {
	in := rowIn{Data: map[string]string{}}
	in.Line, _ = rows.FieldPos(0)
	for i, column := range header {
		switch column {
		case "user":
			in.User = row[i]
		case "url":
			in.URL = row[i]
		default:
			in.Data[column] = row[i]
		}
	}
	return in
}
