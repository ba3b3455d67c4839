package caddymodule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

func keptAccountPath(appID string) string { return "directory/accounts/" + url.PathEscape(appID) }

// accountFlags are what is named of an account; secrets by the files that they stand in.
type accountFlags struct {
	texts                  map[string]*string
	passThrough            []string
	mode                   string
	secret, token, aesKeys string
	stdin                  *os.File
	changed                func(flag string) bool
}

func putAccountCommand(call v1Call) *cobra.Command {
	f := accountFlags{texts: map[string]*string{}, stdin: os.Stdin}
	put := &cobra.Command{Use: "put <appid>", Short: "Makes an account in the facts, or changes what is named of it", Args: cobra.ExactArgs(1)}
	flags := put.Flags()
	for name, help := range map[string]string{
		"name": "what people know it by in WeChat", "kind": "service, subscription, mini, app or web; default: service", "subject": "the open-platform account that it is bound to", "verify": "the code of WeChat's domain check",
		"callback-host": "the host to which WeChat sends visitors back", "mini-login-page": "the page of a mini program that signs its visitor in",
		"access-token": "stable, legacy or off", "share-token": "whether sites may read its access token: on or off",
	} {
		f.texts[name] = flags.String(name, "", help)
	}
	flags.StringSliceVar(&f.passThrough, "pass-through", nil, "paths of WeChat's API that keys may call")
	flags.StringVar(&f.mode, "push-mode", "", "how WeChat pushes: safe, compatible, plain, or off")
	flags.StringVar(&f.secret, "secret-file", "", "the file of its app secret, or - for the standard input")
	flags.StringVar(&f.token, "push-token-file", "", "the file of the token of its pushes, or -")
	flags.StringVar(&f.aesKeys, "push-aes-keys-file", "", "the file of one or two EncodingAESKeys, the one in force first, or -")
	f.changed = flags.Changed
	put.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		var was keptAccountOut
		err := call("GET", keptAccountPath(fl.Arg(0)), nil, &was)
		isNew := saidCode(err, apiNoAccount)
		switch {
		case isNew:
			was.Account.AppID = fl.Arg(0)
		case err != nil:
			return 1, err
		case was.Entry.In != inFacts:
			return 1, errors.New("it stands in the Caddyfile: change it there, and reload (" + string(apiConfigured) + ")")
		}
		if err := f.onto(&was.Account, isNew); err != nil {
			return 1, err
		}
		if err := call("PUT", keptAccountPath(fl.Arg(0)), accountIn{Account: was.Account, Version: was.Entry.Version}, nil); err != nil {
			return 1, err
		}
		if isNew {
			fmt.Fprintf(stdout, "%s: created; `caddy wsite check %s` tries it\n", fl.Arg(0), fl.Arg(0))
		} else {
			fmt.Fprintf(stdout, "%s: updated\n", fl.Arg(0))
		}
		return 0, nil
	})
	return put
}

// onto changes of an account what is named.
func (f *accountFlags) onto(a *directory.Account, isNew bool) (err error) {
	for name, field := range map[string]*string{
		"name": &a.Name, "kind": (*string)(&a.Kind), "subject": &a.Subject, "verify": &a.Verify, "callback-host": &a.CallbackHost,
		"mini-login-page": &a.MiniLoginPage, "access-token": &a.AccessToken, "share-token": &a.ShareToken,
	} {
		if f.changed(name) {
			*field = *f.texts[name]
		}
	}
	if f.changed("pass-through") {
		a.PassThrough = f.passThrough
	}
	if dashes(f.secret, f.token, f.aesKeys) > 1 {
		return errors.New("one secret alone comes by the standard input: put the others into files")
	}
	if f.secret == "" && isNew && a.NeedsSecret() {
		if !term.IsTerminal(int(f.stdin.Fd())) {
			return errors.New("say with --secret-file where its app secret stands; - is the standard input")
		}
		f.secret = "-" // it is asked for
	}
	if f.secret != "" {
		if a.Secret, err = f.read(f.secret, "app secret of "+a.AppID); err != nil {
			return err
		}
	}
	return f.ontoPush(a)
}

func (f *accountFlags) ontoPush(a *directory.Account) error {
	if f.mode == "off" {
		a.Push = nil
		if f.token+f.aesKeys != "" {
			return errors.New("--push-mode off takes no token and no keys")
		}
		return nil
	}
	if f.mode+f.token+f.aesKeys == "" {
		return nil
	}
	push := directory.Push{}
	if a.Push != nil {
		push = *a.Push
	}
	if f.mode != "" {
		push.Mode = f.mode
	}
	if f.token != "" {
		token, err := f.read(f.token, "push token of "+a.AppID)
		if err != nil {
			return err
		}
		push.Token = token
	}
	if f.aesKeys != "" {
		keys, err := f.read(f.aesKeys, "EncodingAESKey of "+a.AppID)
		if err != nil {
			return err
		}
		push.AESKeys = strings.Fields(keys)
	}
	a.Push = &push
	return nil
}

func dashes(files ...string) (n int) {
	for _, file := range files {
		if file == "-" {
			n++
		}
	}
	return n
}

// read reads a secret from a file, or from the standard input, where it is asked for without
// an echo if somebody sits there.
func (f *accountFlags) read(file, what string) (string, error) {
	const most = 4096
	var text []byte
	var err error
	switch {
	case file != "-":
		text, err = os.ReadFile(file)
	case term.IsTerminal(int(f.stdin.Fd())):
		fmt.Fprint(os.Stderr, what+": ")
		text, err = term.ReadPassword(int(f.stdin.Fd()))
		fmt.Fprintln(os.Stderr)
	default:
		text, err = io.ReadAll(io.LimitReader(f.stdin, most+1))
	}
	if err != nil {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	switch {
	case len(text) == 0:
		return "", fmt.Errorf("reading the %s: nothing is there", what)
	case len(text) > most:
		return "", fmt.Errorf("reading the %s: that is no secret, it has more than %d bytes", what, most)
	}
	return string(text), nil
}

func dropAccountCommand(call v1Call) *cobra.Command {
	return &cobra.Command{
		Use: "drop <appid>", Short: "Takes an account of the facts away that no site is opened through", Args: cobra.ExactArgs(1),
		RunE: caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			var out keptAccountOut
			err := call("GET", keptAccountPath(fl.Arg(0)), nil, &out)
			if err == nil {
				err = call("DELETE", keptAccountPath(fl.Arg(0)), versionIn{int(out.Entry.Version)}, nil)
			}
			if err != nil {
				return 1, err
			}
			fmt.Fprintf(stdout, "%s is taken away\n", fl.Arg(0))
			return 0, nil
		}),
	}
}
