package caddymodule

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// simulateCommand is `caddy wsite simulate`.
func simulateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Plays WeChat on this machine, to test software against",
		Args:  cobra.NoArgs,
		Long: `
Plays open.weixin.qq.com, api.weixin.qq.com and mp.weixin.qq.com, strictly, with a
phone page to be a person on and faults to be had by name. Logins, tokens, followers,
pushes, QR codes, templates, messages and mini programs are all there. It listens on
loopback only. See docs/simulator.md.

    caddy wsite simulate
    caddy wsite simulate --listen 127.0.0.1:9080 --control 127.0.0.1:9081 --seed 7
    caddy wsite simulate --push wx1a2b3c4d5e6f7081=http://127.0.0.1:8080/wechat --push-mode safe

Faults:
` + wechatsim.FaultHelp(),
	}
	cmd.Flags().String("listen", "127.0.0.1:9080", "where WeChat and the phone page listen")
	cmd.Flags().String("control", "127.0.0.1:9081", "where the control API listens")
	cmd.Flags().Uint("seed", 1, "what chance is drawn from")
	cmd.Flags().StringSlice("domains", []string{"127.0.0.1:8080", "localhost:8080"}, "callback hosts of all accounts")
	cmd.Flags().Bool("any-browser", false, "take every browser for WeChat's")
	cmd.Flags().StringSlice("push", nil, "where the messages and events of an account go, as appid=url")
	cmd.Flags().String("push-token", "wechatsim", "the token of these")
	cmd.Flags().String("push-key", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "the EncodingAESKey of these")
	cmd.Flags().String("push-mode", wechatsim.PushPlain, "the mode of these: plain, compatible or safe")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		options := wechatsim.DefaultOptions()
		seed, _ := fl.GetUint("seed")
		options.Seed, options.AnyBrowser = uint64(seed), fl.Bool("any-browser")
		domains, _ := fl.GetStringSlice("domains")
		for i := range options.Accounts {
			options.Accounts[i].Sandbox, options.Accounts[i].Domains = true, domains
		}
		pushes, _ := fl.GetStringSlice("push")
		for _, push := range pushes {
			appid, url, _ := strings.Cut(push, "=")
			options.Pushes = append(options.Pushes, wechatsim.PushTarget{
				AppID: appid, URL: url, Token: fl.String("push-token"), AESKey: fl.String("push-key"), Mode: fl.String("push-mode"),
			})
		}
		if err := simulate(ctx, options, fl.String("listen"), fl.String("control")); err != nil {
			return 1, err
		}
		return 0, nil
	})
	return cmd
}

// simulate runs a simulator until ctx is done.
func simulate(ctx context.Context, options wechatsim.Options, listen, control string) error {
	if err := options.Check(); err != nil {
		return fmt.Errorf("starting the simulator: %w", err)
	}
	sim := wechatsim.New(options)
	for address, handler := range map[string]http.Handler{listen: sim.World(), control: sim.Control()} {
		host, _, err := net.SplitHostPort(address)
		if err != nil || !isLoopback(host) {
			return fmt.Errorf("starting the simulator: %q is not on loopback, where alone it may be reached", address)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("starting the simulator: %w; choose another address with --listen or --control", err)
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		defer server.Close()
		go func() { _ = server.Serve(l) }()
	}
	fmt.Fprintf(stdout, "This is a simulation, not WeChat.\n\n  WeChat    http://%[1]s\n  phone     http://%[1]s/phone/\n  control   http://%[2]s/\n\nAccounts, with their secrets:\n", listen, control)
	for _, a := range options.Accounts {
		fmt.Fprintf(stdout, "  %s  %-12s %s  %s\n", a.AppID, a.Kind, a.Secret, strings.TrimSpace(a.Name))
	}
	for _, p := range options.Pushes {
		fmt.Fprintf(stdout, "Pushes of %s go to %s: token %s, EncodingAESKey %s, mode %s\n", p.AppID, p.URL, p.Token, p.AESKey, p.Mode)
	}
	<-ctx.Done()
	return nil
}
