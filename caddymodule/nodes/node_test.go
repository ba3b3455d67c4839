package nodes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process may take to start or to stop, on a machine that has
// other things to do.
const patience = 2 * time.Minute

// node is a gateway: a process of Caddy, which ends with the test, however that ends.
type node struct {
	name           string
	address, admin string // host:port
	origin         string // the host of the origin, which all nodes serve
	config         string // the path of its Caddyfile
	home           string
	transport      *http.Transport

	mu    sync.Mutex // guards what follows
	log   bytes.Buffer
	cmd   *exec.Cmd
	ended chan struct{} // nil while it is down
}

// Write keeps what the process says.
func (n *node) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.Write(p)
}

// newNode makes a node that is not started yet.
func newNode(t testing.TB, name, config string) *node {
	t.Helper()
	n := &node{name: name, home: t.TempDir(), address: freeAddress(t), admin: freeAddress(t)}
	n.config = filepath.Join(n.home, "Caddyfile")
	n.write(t, config)
	dial := &net.Dialer{Timeout: 5 * time.Second}
	n.transport = &http.Transport{MaxIdleConnsPerHost: 256, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial.DialContext(ctx, network, n.address)
	}}
	t.Cleanup(func() {
		n.kill()
		n.transport.CloseIdleConnections()
		if t.Failed() {
			t.Logf("the end of what %s said:\n%s", name, tail(n.log.String(), 12000))
		}
	})
	return n
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// write gives the node a Caddyfile, for its next start or reload.
func (n *node) write(t testing.TB, config string) {
	t.Helper()
	if err := os.WriteFile(n.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddress is one that nobody listens at.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// caddy is a command of the binary, in the surroundings of this node.
func (n *node) caddy(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(n.address)
	_, admin, _ := net.SplitHostPort(n.admin)
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "PORT="+port, "ADMIN="+admin, "NODE="+n.name, "HOME="+n.home, "XDG_DATA_HOME="+n.home, "XDG_CONFIG_HOME="+n.home, "GOMEMLIMIT=400MiB")
	cmd.SysProcAttr = mortal()
	return cmd
}

// start starts the process and waits until it is ready.
func (n *node) start(t testing.TB) {
	t.Helper()
	cmd := n.caddy(t, "run", "--config", n.config, "--adapter", "caddyfile")
	cmd.Stdout, cmd.Stderr = n, n
	ended := make(chan struct{})
	n.mu.Lock()
	err := cmd.Start()
	n.cmd, n.ended = cmd, ended
	n.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // a signal is what it says
		close(ended)
	}()
	await(t, n.name+" to be ready", func() error {
		select {
		case <-ended:
			return nil
		default:
			return n.ready(t.Context())
		}
	})
	select {
	case <-ended:
		n.kill()
		t.Fatalf("%s has ended", n.name)
	default:
	}
}

// ready asks the node whether visitors may be sent to it.
func (n *node) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.address+"/wsite/-/ready", nil)
	if err != nil {
		return err
	}
	resp, err := n.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("it isn't ready: " + strconv.Itoa(resp.StatusCode))
	}
	return nil
}

// kill kills the process with kill -9.
func (n *node) kill() { n.end(syscall.SIGKILL) }

// stop has it end as a supervisor does.
func (n *node) stop() { n.end(syscall.SIGTERM) }

func (n *node) end(signal syscall.Signal) {
	n.mu.Lock()
	cmd, ended := n.cmd, n.ended
	n.ended = nil
	n.mu.Unlock()
	if ended == nil {
		return
	}
	_ = cmd.Process.Signal(signal)
	<-ended
}

// pause freezes the process: it keeps its connections and answers nothing.
func (n *node) pause() { n.signal(syscall.SIGSTOP) }

// resume lets it go on.
func (n *node) resume() { n.signal(syscall.SIGCONT) }

func (n *node) signal(signal syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended != nil {
		_ = n.cmd.Process.Signal(signal)
	}
}

// reload loads its Caddyfile again, as `caddy reload` does.
func (n *node) reload(t testing.TB) {
	t.Helper()
	if out, err := n.caddy(t, "reload", "--config", n.config, "--adapter", "caddyfile", "--address", n.admin, "--force").CombinedOutput(); err != nil {
		t.Errorf("reloading %s: %v: %s", n.name, err, out)
	}
}

// await waits until try succeeds.
func await(t testing.TB, what string, try func() error) {
	t.Helper()
	if err := within(t.Context(), patience, try); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

// within waits for so long at most until try succeeds, and returns its last error.
func within(ctx context.Context, long time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", long, err)
		case <-look.C:
		}
	}
}
