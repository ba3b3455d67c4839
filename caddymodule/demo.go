package caddymodule

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// stdout is where commands write; os.Stdout, but for tests.
var stdout io.Writer = os.Stdout

//go:embed demo/Caddyfile
var demoCaddyfile string

// demoCommand is `caddy wsite demo`.
func demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Shows everything on this machine, without WeChat",
		Args:  cobra.NoArgs,
		Long: `
Starts a simulated WeChat, the gateway and three small sites behind it, all on
loopback, and prints what to open. Ctrl-C stops it and leaves nothing behind, unless
--data names a folder to keep the facts in.

    caddy wsite demo
    caddy wsite demo --port 8443 --data ./demo-data`,
	}
	cmd.Flags().Int("port", 8080, "the port of the gateway; the simulator takes the next one")
	cmd.Flags().String("data", "", "a folder to keep the facts in")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		d := &demo{port: fl.Int("port"), data: fl.String("data"), out: stdout}
		if err := d.run(ctx); err != nil {
			return 1, err
		}
		return 0, nil
	})
	return cmd
}

// demo is a whole world on loopback.
type demo struct {
	port  int
	data  string
	out   io.Writer
	ready func() // called once everything runs, in tests

	origin, simulator string
	console           string // its address, and the code with which its first visitor chooses a password
	invitation        string
	sim               *wechatsim.Sim
	key, desk         string // keys of the API: the shop's, and of the staff who deal with merchants
	template, code    string // that the shop sends, and shows
	closers           []func()
}

func (d *demo) run(ctx context.Context) (err error) {
	defer func() {
		for i := len(d.closers) - 1; i >= 0; i-- {
			d.closers[i]()
		}
	}()
	if d.port < 1 || d.port > 65534 {
		return fmt.Errorf("port %d: choose one from 1 to 65534; the simulator takes the next one", d.port)
	}
	if err := d.folder(); err != nil {
		return err
	}
	// WeChat's half has another host name than ours, so that a browser keeps its
	// cookies apart: they know no ports.
	d.origin = fmt.Sprintf("http://127.0.0.1:%d", d.port)
	d.simulator = fmt.Sprintf("http://localhost:%d", d.port+1)
	d.console = fmt.Sprintf("http://console.localhost:%d", d.port)
	if err := free(d.port); err != nil {
		return err
	}
	d.sim = d.world()
	d.closers = append(d.closers, d.sim.Close)
	if err := d.serve(d.port+1, d.sim.World()); err != nil {
		return err
	}
	addresses := map[string]string{}
	for _, site := range demoSites {
		at, err := d.serveAnywhere(site.handler(d))
		if err != nil {
			return err
		}
		addresses["UPSTREAM_"+site.PTID] = at
	}
	if err := d.gateway(addresses); err != nil {
		return err
	}
	if err := d.connect(); err != nil {
		return err
	}
	d.tell()
	if d.ready != nil {
		d.ready()
	}
	<-ctx.Done()
	fmt.Fprintln(d.out)
	return nil
}

// folder makes the place for the facts.
func (d *demo) folder() error {
	if d.data != "" {
		return os.MkdirAll(d.data, 0o700)
	}
	dir, err := os.MkdirTemp("", "wsite-demo-*")
	if err != nil {
		return fmt.Errorf("making a folder for the demo: %w", err)
	}
	d.data = dir
	d.closers = append(d.closers, func() { _ = os.RemoveAll(dir) })
	return nil
}

// world is the simulated WeChat, with links to the sites on its phone.
func (d *demo) world() *wechatsim.Sim {
	options := wechatsim.DefaultOptions()
	options.AnyBrowser = true
	for i := range options.Accounts {
		options.Accounts[i].Sandbox = true
		options.Accounts[i].Domains = []string{strings.TrimPrefix(d.origin, "http://")}
	}
	for _, s := range demoSites {
		options.Links = append(options.Links, wechatsim.Link{Title: s.Name, URL: d.origin + s.Path, Text: s.Text})
	}
	return wechatsim.New(options)
}

// gateway starts Caddy itself, in this process.
func (d *demo) gateway(addresses map[string]string) error {
	data, err := filepath.Abs(d.data)
	if err != nil {
		return err
	}
	pairs := []string{"{ORIGIN}", d.origin, "{SIMULATOR}", d.simulator, "{CONSOLE}", d.console, "{DATA}", data}
	for name, at := range addresses {
		pairs = append(pairs, "{"+name+"}", at)
	}
	body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(strings.NewReplacer(pairs...).Replace(demoCaddyfile)), map[string]any{"filename": "demo/Caddyfile"})
	if err != nil {
		return fmt.Errorf("reading the demo's Caddyfile: %w", err)
	}
	if err := caddy.Load(body, true); err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	d.closers = append(d.closers, func() { _ = caddy.Stop() })
	return nil
}

// free says in one line that a port is taken.
func free(port int) error {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d is taken by another program; stop that, or choose another with --port", port)
	}
	if err != nil {
		return fmt.Errorf("trying port %d: %w", port, err)
	}
	return l.Close()
}

func (d *demo) serve(port int, h http.Handler) error {
	if err := free(port); err != nil {
		return err
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("listening on port %d: %w", port, err)
	}
	d.serveOn(l, h)
	return nil
}

func (d *demo) serveAnywhere(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("starting a site: %w", err)
	}
	d.serveOn(l, h)
	return l.Addr().String(), nil
}

func (d *demo) serveOn(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	d.closers = append(d.closers, func() { _ = server.Close() })
}

// tell prints what to open and what to try.
func (d *demo) tell() {
	fmt.Fprintf(d.out, `
caddy-wsite demo: everything here is simulated and stays on this machine.

  Begin here     %s/phone/
                 pick a person, open a site, see who the site thinks you are;
                 scan the shop's code, follow, and have it send you a notice

`, d.simulator)
	for _, s := range demoSites {
		fmt.Fprintf(d.out, "  %-14s %s\n                 %s\n", s.Name, d.origin+s.Path, s.Text)
	}
	fmt.Fprintf(d.out, `
  With curl      curl -s -o /dev/null -c jar -d person=ming %[1]s/phone/person
                 curl -sL -b jar -c jar -H 'Accept: text/html' '%[2]s?text'
                 curl -s -d paid=1 -H 'X-User: forged' '%[3]s'
                 curl -s %[4]s/wsite/-/jwks.json

`, d.simulator, d.origin+demoSites[0].Path, d.origin+demoSites[0].Path+"pay/notify", d.origin)
	d.tellConsole()
	d.tellMerchants()
	fmt.Fprintf(d.out, "\n  Ctrl-C stops it%s.\n", d.leaves())
}

func (d *demo) leaves() string {
	if strings.HasPrefix(filepath.Base(d.data), "wsite-demo-") {
		return " and leaves nothing behind"
	}
	return "; the facts stay in " + d.data
}
