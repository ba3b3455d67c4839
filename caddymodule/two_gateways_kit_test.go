package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

const twoGateways = "docs/two-gateways/"

// withSecrets makes the files that hold secrets by the README's own commands, in a folder.
func withSecrets(t *testing.T, folder string) {
	t.Helper()
	for _, name := range []string{"env.example", "redis-users.acl"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(doc(t, twoGateways+name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, commands, _ := strings.Cut(doc(t, twoGateways+"README.md"), "## Secrets")
	_, commands, _ = strings.Cut(commands, "```sh\n")
	commands, _, _ = strings.Cut(commands, "```")
	sh := exec.CommandContext(t.Context(), "sh", "-e", "-c", commands)
	sh.Dir = folder
	if out, err := sh.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("making the secrets: %v: %s", err, out)
	}
}

// settingsOf are those of an environment file, or of a unit's lines that set them.
func settingsOf(text, before string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if name, ours := strings.CutPrefix(name, before); ok && ours && before == "" {
			found[name] = value
		} else if ours && ok && name == "" {
			name, value, _ = strings.Cut(value, "=")
			found[name] = value
		}
	}
	return found
}

// run is a process of the example.
type run struct {
	env  []string
	port int
	log  string // a file
	cmd  *exec.Cmd
	end  chan struct{}
}

// example is the whole of it, on this machine.
type example struct {
	t        *testing.T
	folder   string
	binary   string
	gateways []*run
	balancer *run
	g        *gateway // as a visitor sees it
}

func startExample(t *testing.T) *example {
	t.Helper()
	e := &example{t: t, folder: t.TempDir()}
	e.binary = filepath.Join(e.folder, "caddy-wsite")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", e.binary, "./caddy").CombinedOutput(); err != nil {
		t.Fatalf("building Caddy: %v: %s", err, out)
	}
	withSecrets(t, e.folder)
	redis, up, sim := redistest.Single(t, "--aclfile", filepath.Join(e.folder, "users.acl")), startUpstream(t), simulated(t)
	e.balancer = &run{port: reservePort(t)}
	e.g = &gateway{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", e.balancer.port), sim: sim, upstream: up, app: &App{jar: newJar(false)}}

	env, err := os.ReadFile(filepath.Join(e.folder, "env"))
	if err != nil {
		t.Fatal(err)
	}
	shared := settingsOf(string(env), "")
	if dsn := shared["WSITE_DSN"]; strings.Contains(dsn, "PASSWORD") {
		t.Errorf("the README's commands leave %s", dsn)
	}
	for name, here := range map[string]string{ // what is ours of it
		"WSITE_ORIGIN": e.g.url, "WSITE_DSN": pgtest.DSN(t), "WSITE_REDIS": "redis://" + redis.Addr, "WSITE_BALANCERS": "127.0.0.1/32",
		"WX_APPID": appA, "WX_SECRET": "secret-of-a-0123456789abcdef", "SHOP_UPSTREAM": up.Listener.Addr().String(),
	} {
		if shared[name] == "" {
			t.Fatalf("env.example has no %s", name)
		}
		shared[name] = here
	}
	var addresses []string
	for i := range 2 {
		r := &run{port: reservePort(t)}
		internal := fmt.Sprint(reservePort(t))
		for name, value := range settingsOf(doc(t, twoGateways+"wsite@.service"), "Environment") {
			value = strings.NewReplacer("/run/wsite-%i", e.folder+"/run"+fmt.Sprint(i), "/var/lib/wsite-%i", e.folder+"/lib"+fmt.Sprint(i), "1%i", internal, "%i", fmt.Sprint(r.port)).Replace(value)
			r.env = append(r.env, name+"="+value)
		}
		if err := os.Mkdir(fmt.Sprintf("%s/run%d", e.folder, i), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, value := range shared {
			r.env = append(r.env, name+"="+value)
		}
		e.gateways = append(e.gateways, r)
		addresses = append(addresses, fmt.Sprintf("127.0.0.1:%d", r.port))
		e.start(r, "Caddyfile")
	}
	e.balancer.env = []string{
		"WSITE_ORIGIN=" + e.g.url, "WSITE_GATEWAYS=" + strings.Join(addresses, " "), "CADDY_ADMIN=unix/" + e.folder + "/lb.sock",
		"XDG_DATA_HOME=" + e.folder + "/lb", "XDG_CONFIG_HOME=" + e.folder + "/lb",
	}
	e.start(e.balancer, "lb.Caddyfile")
	return e
}

func (e *example) write(file, text string) {
	e.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// start starts a process with a Caddyfile of the example. WeChat is the simulator: nothing
// else of the config is another.
func (e *example) start(r *run, name string) {
	e.t.Helper()
	adapt := exec.CommandContext(e.t.Context(), e.binary, "adapt", "--config", "../"+twoGateways+name, "--adapter", "caddyfile")
	adapt.Env = r.env
	body, err := adapt.Output()
	if err != nil {
		e.t.Fatalf("adapting %s: %v", name, err)
	}
	var config map[string]any
	if err := json.Unmarshal(body, &config); err != nil {
		e.t.Fatal(err)
	}
	if app, ok := config["apps"].(map[string]any)["wsite"].(map[string]any); ok {
		app["wechat"] = map[string]any{"open": e.g.sim.URL, "api_hosts": []string{e.g.sim.URL}}
	}
	if body, err = json.Marshal(config); err != nil {
		e.t.Fatal(err)
	}
	file := filepath.Join(e.folder, fmt.Sprintf("%d.json", r.port))
	r.log = file + ".log"
	e.write(file, string(body))
	out, err := os.Create(r.log)
	if err != nil {
		e.t.Fatal(err)
	}
	defer out.Close()
	r.cmd = exec.Command(e.binary, "run", "--config", file)
	r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = r.env, out, out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	r.end = make(chan struct{})
	go func() {
		_ = r.cmd.Wait() // a signal is what it says
		close(r.end)
	}()
	e.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.end
		if text, err := os.ReadFile(r.log); err == nil && e.t.Failed() {
			e.t.Logf("%s said:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
}

// variable of a process.
func (r *run) variable(name string) string {
	for _, pair := range r.env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// get asks a process by its port; zero if it isn't there.
func (e *example) get(port, path string) (status int, body string) {
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, "http://127.0.0.1:"+port+path, http.NoBody)
	if err != nil {
		e.t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(text)
}

// phoneAt is a phone whose requests come to one gateway, or by way of the balancer.
func (e *example) phoneAt(r *run, person string) *phone {
	p := e.g.phone(person)
	from, to := fmt.Sprintf("127.0.0.1:%d", e.balancer.port), fmt.Sprintf("127.0.0.1:%d", r.port)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == from {
			addr = to
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	p.client.Transport = transport
	e.t.Cleanup(transport.CloseIdleConnections)
	return p
}

// user is whom the shop saw.
func (e *example) user(page seenPage) identity.Token {
	e.t.Helper()
	var s seen
	if page.Status != http.StatusOK || json.Unmarshal([]byte(page.Body), &s) != nil {
		e.t.Fatalf("answered %d %.300s", page.Status, page.Body)
	}
	_, keys := e.get(fmt.Sprint(e.balancer.port), "/wsite/-/jwks.json")
	user, err := identity.Verify([]byte(keys), s.Header.Get(headerUser), identity.Expect{Issuer: e.g.url + "/wsite/-", Audience: "shop", Now: time.Now()})
	if err != nil {
		e.t.Fatalf("verifying: %v", err)
	}
	return user
}
