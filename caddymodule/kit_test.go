package caddymodule

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
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

// standard is the Caddyfile of most tests. ORIGIN, SIM, DATA and UPSTREAM are
// filled in.
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
	origin := fmt.Sprintf("http://127.0.0.1:%d", reservePort(t))
	text = strings.NewReplacer(changes...).Replace(text)
	text = strings.NewReplacer("ORIGIN", origin, "SIM", sim.URL, "DATA", data, "UPSTREAM", up.Listener.Addr().String()).Replace(text)
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

// upstream is a site behind the gateway. It answers with what it was sent, and
// remembers it.
type upstream struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []seen
	answer func(http.ResponseWriter, *http.Request) // instead of the echo, if set
}

// seen is a request as a site saw it.
type seen struct {
	Method, URI string
	Header      http.Header
	Trailer     http.Header
}

func startUpstream(t testing.TB) *upstream {
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s := seen{r.Method, r.RequestURI, r.Header.Clone(), r.Trailer.Clone()}
		u.mu.Lock()
		u.seen = append(u.seen, s)
		answer := u.answer
		u.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s)
	}))
	t.Cleanup(u.Close)
	return u
}

// last is the newest request that the site saw; zero if none came.
func (u *upstream) last() seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.seen) == 0 {
		return seen{}
	}
	return u.seen[len(u.seen)-1]
}

func (u *upstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.seen)
}

// phone is a browser as WeChat's: it keeps cookies, follows redirects with their
// fragments, and does what our login page's script does.
type phone struct {
	t       testing.TB
	client  *http.Client
	ua      string
	jar     *cookiejar.Jar
	visited []string // every address, in order
}

func (g *gateway) phone(person string) *phone {
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	p := &phone{t: g.t, ua: uaAndroid, jar: jar}
	p.client = &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if person != "" {
		u, _ := url.Parse(g.sim.URL)
		jar.SetCookies(u, []*http.Cookie{g.sim.PersonCookie(person)})
	}
	return p
}

// seenPage is what a phone shows in the end.
type seenPage struct {
	Status   int
	URL      string // without fragment
	Fragment string
	Header   http.Header
	Body     string
}

var scriptData = regexp.MustCompile(`data-next="([^"]*)" data-login="([^"]*)"`)

// open opens an address as a navigation and follows it to its end.
func (p *phone) open(address string) seenPage {
	p.t.Helper()
	address, fragment, _ := strings.Cut(address, "#")
	for range 20 {
		page := p.step(address)
		page.Fragment = fragment
		next := page.Header.Get("Location")
		if next == "" {
			m := scriptData.FindStringSubmatch(page.Body)
			if m == nil {
				return page
			}
			next = html.UnescapeString(m[1])
			if fragment != "" && fragment != "wechat_redirect" && len(fragment) <= 512 {
				next = html.UnescapeString(m[2]) + "&f=" + url.QueryEscape(fragment)
			}
			fragment = "" // location.replace leaves it behind
		}
		base, _ := url.Parse(address)
		u, err := base.Parse(next)
		if err != nil {
			p.t.Fatalf("Location %q: %v", next, err)
		}
		if strings.Contains(next, "#") {
			_, fragment, _ = strings.Cut(next, "#")
		}
		u.Fragment = ""
		address, _, _ = strings.Cut(u.String(), "#")
	}
	p.t.Fatalf("redirected for ever:\n%s", strings.Join(p.visited, "\n"))
	return seenPage{}
}

// step opens an address as a navigation and stops at the first answer.
func (p *phone) step(address string) seenPage {
	p.t.Helper()
	return p.send("GET", address, nil, "Accept", "text/html,application/xhtml+xml", "X-Requested-With", "com.tencent.mm")
}

// fetch asks for an address as a page's script does.
func (p *phone) fetch(method, address string) seenPage {
	p.t.Helper()
	return p.send(method, address, nil, "Accept", "application/json", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "empty")
}

// send sends one request with headers given in pairs.
func (p *phone) send(method, address string, body io.Reader, headers ...string) seenPage {
	p.t.Helper()
	p.visited = append(p.visited, address)
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("User-Agent", p.ua)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header[headers[i]] = append(req.Header[headers[i]], headers[i+1])
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, address, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	plain, _, _ := strings.Cut(address, "#")
	return seenPage{Status: resp.StatusCode, URL: plain, Header: resp.Header, Body: string(text)}
}

// cookies are the cookies that the phone holds for an address, by name.
func (p *phone) cookies(address string) map[string]string {
	u, _ := url.Parse(address)
	held := map[string]string{}
	for _, c := range p.jar.Cookies(u) {
		held[c.Name] = c.Value
	}
	return held
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
