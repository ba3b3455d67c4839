package caddymodule

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// The accounts of the tests. Both service accounts of one subject belong to the
// open platform "acme"; the lone one has none.
const (
	appA    = "wx00000000000000aa"
	appB    = "wx00000000000000bb"
	appLone = "wx00000000000000cc"
	appSub  = "wx00000000000000dd"
)

// User agents as WeChat sends them (wechat-api.md §14).
const (
	uaAndroid = "Mozilla/5.0 (Linux; Android 12; M2011K2C Build/SKQ1.211006.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240404 MMWEBID/9203 MicroMessenger/8.0.49.2600(0x2800315A) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64"
	uaIOS     = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.48(0x18003030) NetType/WIFI Language/zh_CN"
	uaDesktop = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)

// standard is the Caddyfile of most tests. ORIGIN, its PORT, SIM, DATA and UPSTREAM
// are filled in.
const standard = `
{
	admin off
	wsite {
		origin ORIGIN
		facts sqlite DATA/wsite.db
		open SIM
		api_hosts SIM
		wechat_timeout 2s
		account wx00000000000000aa {
			secret secret-of-a-0123456789abcdef
			subject acme
			verify Ab12Cd34Ef56Gh78
		}
		account wx00000000000000bb {
			secret secret-of-b-0123456789abcdef
			subject acme
		}
		account wx00000000000000cc {
			secret secret-of-c-0123456789abcdef
		}
		account wx00000000000000dd {
			kind subscription
		}
		realm main
		realm other
		site shop {
			realm main
			accounts wx00000000000000aa wx00000000000000bb wx00000000000000cc wx00000000000000dd
			audience https://shop.example.com
			path /pay/notify public
			path /open/* public
			path /maybe optional
			path /ask/* ask unionid
			path /members/* require unionid
			claims openid unionid
		}
		site game {
			realm main
			accounts wx00000000000000aa
			fragment off
		}
		site club {
			realm other
			accounts wx00000000000000aa
			outside ask
			send bearer plain
		}
		site inner {
			accounts wx00000000000000aa
			outside deny
		}
	}
}
ORIGIN {
	bind 127.0.0.1
	wsite
	reverse_proxy UPSTREAM
}
`

// gateway is a whole Caddy server with our modules, in this process, on a port of
// its own.
type gateway struct {
	t        testing.TB
	app      *App
	http     *caddyhttp.App
	url      string
	sim      *wechatsim.Server
	upstream *upstream
	logs     *observer.ObservedLogs
	ahead    atomic.Int64 // how far the gateway's clock is ahead, in nanoseconds
}

// now is the gateway's clock.
func (g *gateway) now() time.Time { return time.Now().Add(time.Duration(g.ahead.Load())) }

// advance moves the gateway's clock.
func (g *gateway) advance(d time.Duration) { g.ahead.Add(int64(d)) }

// simulated starts a WeChat with the accounts of the tests.
func simulated(t testing.TB, opts ...func(*wechatsim.Options)) *wechatsim.Server {
	sim := wechatsim.StartT(t, append([]func(*wechatsim.Options){func(o *wechatsim.Options) {
		o.Accounts = []wechatsim.Account{
			{AppID: appA, Secret: "secret-of-a-0123456789abcdef", Name: "A", Kind: "service", Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true},
			{AppID: appB, Secret: "secret-of-b-0123456789abcdef", Name: "B", Kind: "service", Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true},
			{AppID: appLone, Secret: "secret-of-c-0123456789abcdef", Name: "C", Kind: "service", Domains: []string{"127.0.0.1"}, Sandbox: true},
			{AppID: appSub, Secret: "secret-of-d-0123456789abcdef", Name: "D", Kind: "subscription", Domains: []string{"127.0.0.1"}, Sandbox: true},
		}
	}}, opts...)...)
	// Another host name than the gateway's, or a browser would send WeChat's
	// cookies to the sites: cookies know no ports.
	sim.URL = strings.Replace(sim.URL, "127.0.0.1", "localhost", 1)
	return sim
}

// startGateway starts a gateway with the standard Caddyfile, each change being a
// replacement in it: "old", "new", ….
func startGateway(t testing.TB, changes ...string) *gateway {
	return startGatewayOn(t, simulated(t), standard, t.TempDir(), changes...)
}

func startGatewayOn(t testing.TB, sim *wechatsim.Server, text, data string, changes ...string) *gateway {
	t.Helper()
	up := startUpstream(t)
	port := fmt.Sprint(reservePort(t))
	origin := "http://127.0.0.1:" + port
	text = strings.NewReplacer(changes...).Replace(text)
	text = strings.NewReplacer("ORIGIN", origin, "PORT", port, "SIM", sim.URL, "DATA", data, "UPSTREAM", up.Listener.Addr().String()).Replace(text)
	facts := filepath.Join(data, "wsite.db")
	if _, err := os.Stat(facts); os.IsNotExist(err) && strings.Contains(text, "facts sqlite "+facts) {
		freshtest.WriteSQLite(t, facts)
	}
	g := &gateway{t: t, url: origin, sim: sim, upstream: up}
	g.load(text)
	t.Cleanup(g.close)
	return g
}

// starting guards what is global in Caddy while a config starts.
var starting sync.Mutex

// load adapts a Caddyfile and starts it, beside any other Caddy of this process.
func (g *gateway) load(text string) {
	g.t.Helper()
	starting.Lock()
	defer starting.Unlock()
	body, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		g.t.Fatalf("adapting Caddyfile: %v", err)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			g.t.Logf("adapting Caddyfile: %v", w)
		}
	}
	var cfg caddy.Config
	if err := json.Unmarshal(body, &cfg); err != nil {
		g.t.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&cfg)
	if err != nil {
		g.t.Fatalf("provisioning: %v", err)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	app, err := ctx.App("wsite")
	if err != nil {
		g.t.Fatal(err)
	}
	g.app, g.logs = app.(*App), logs
	g.app.log = zap.New(core)
	g.app.now, g.app.logins.now = g.now, g.now
	if err := g.app.Start(); err != nil {
		g.t.Fatalf("starting: %v", err)
	}
	server, err := ctx.App("http")
	if err != nil {
		g.t.Fatal(err)
	}
	g.http = server.(*caddyhttp.App)
	if err := g.http.Start(); err != nil {
		g.t.Fatalf("starting http: %v", err)
	}
}

func (g *gateway) close() {
	_ = g.http.Stop()
	_ = g.app.Stop()
	_ = g.app.Cleanup()
}

// path is the address of a site's page.
func (g *gateway) at(appID, ptid, rest string) string {
	return g.url + "/wsite/" + appID + "/" + ptid + rest
}

// reservePort finds a free port and keeps others from it: the socket is bound and
// never listens, and Caddy listens beside it (SO_REUSEPORT).
func reservePort(t testing.TB) int {
	t.Helper()
	const soReusePort = 15
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, soReusePort, 1)
	}
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		t.Fatalf("reserving a port: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return name.(*syscall.SockaddrInet4).Port
}
