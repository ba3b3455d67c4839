package caddymodule

import (
	"context"
	"encoding/json"
	"html"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// The accounts of other doors than a page's. But for the other mini program, which has no
// open platform, all belong to that of appA.
const (
	appMini  = "wx0000000000000a11"
	appMini2 = "wx0000000000000a12"
	appApp   = "wx0000000000000a22"
	appWeb   = "wx0000000000000a33"
)

const (
	uaMini     = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.48(0x18003030) NetType/WIFI Language/zh_CN MiniProgramEnv/iOS"
	uaMiniView = uaAndroid + " miniProgram/" + appMini
)

// doors is a Caddyfile with every kind of account, and sites on further hosts.
const doors = `
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
		}
		account wx00000000000000bb {
			secret secret-of-b-0123456789abcdef
			subject acme
			callback_host tenant.localhost:PORT
		}
		account wx0000000000000a11 {
			kind mini
			secret secret-of-mini-0123456789abcdef
			subject acme
			mini_login_page /pages/login/index
		}
		account wx0000000000000a12 {
			kind mini
			secret secret-of-mini2-0123456789abcdef
		}
		account wx0000000000000a22 {
			kind app
			secret secret-of-app-0123456789abcdef
			subject acme
		}
		account wx0000000000000a33 {
			kind web
			secret secret-of-web-0123456789abcdef
			subject acme
		}
		site shop {
			accounts wx00000000000000aa wx00000000000000bb wx0000000000000a11 wx0000000000000a22 wx0000000000000a33
			hosts shop.localhost:PORT tenant.localhost:PORT
			audience https://shop.example.com
			path /open/* public
			path /maybe optional
			path /ask/* ask unionid
			outside scan
			phone on
		}
		site bank {
			accounts wx00000000000000aa wx0000000000000a11 wx0000000000000a33
			outside ask
		}
		site rival {
			accounts wx00000000000000aa wx0000000000000a11
			hosts rival.localhost:PORT
			on_origin off
		}
		site alone {
			accounts wx0000000000000a12 wx0000000000000a11
			bind_header on
		}
		site desk {
			accounts wx0000000000000a33
		}
	}
}
http://:PORT {
	bind 127.0.0.1
	wsite
	reverse_proxy UPSTREAM
}
`

func startDoors(t testing.TB, changes ...string) *gateway {
	t.Helper()
	g := startGatewayOn(t, simulated(t, func(o *wechatsim.Options) {
		o.FastLogin = true
		for i, a := range o.Accounts {
			if a.AppID == appB {
				o.Accounts[i].Domains = []string{"tenant.localhost"}
			}
		}
		account := func(appID, name, kind, subject string) wechatsim.Account {
			return wechatsim.Account{AppID: appID, Secret: "secret-of-" + name + "-0123456789abcdef", Name: name, Kind: kind, Subject: subject, Domains: []string{"127.0.0.1"}, Sandbox: true}
		}
		o.Accounts = append(o.Accounts, account(appMini, "mini", "mini", "acme"), account(appMini2, "mini2", "mini", ""), account(appApp, "app", "app", "acme"), account(appWeb, "web", "web", "acme"))
	}), doors, t.TempDir(), changes...)
	g.app.shared = cluster.NewMemory(g.now)
	return g
}

// on is the address of a page on a further host.
func (g *gateway) on(name, appID, ptid, rest string) string {
	u, _ := url.Parse(g.url)
	return "http://" + name + ".localhost:" + u.Port() + "/wsite/" + appID + "/" + ptid + rest
}

// device is a phone that finds all our hosts.
func (g *gateway) device(person, ua string) *phone {
	p := g.phone(person)
	p.ua = ua
	p.client.Transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		return d.DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	g.t.Cleanup(p.client.CloseIdleConnections)
	return p
}

// program is a mini program or an app on somebody's phone, which has no cookies.
type program struct {
	*phone
	g     *gateway
	site  string // the address of its site
	token string
}

func (g *gateway) program(appID, ptid string) *program {
	p := g.device("", uaMini)
	p.client.Jar = nil
	return &program{phone: p, g: g, site: g.at(appID, ptid, "")}
}

// post sends JSON as wx.request does, with the token if there is one.
func (p *program) post(path string, body any, headers ...string) seenPage {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	headers = append([]string{"Content-Type", "application/json"}, headers...)
	if p.token != "" {
		headers = append(headers, "Authorization", "Bearer "+p.token)
	}
	return p.send(http.MethodPost, p.site+path, strings.NewReader(string(text)), headers...)
}

// get asks for a path of the site with the token.
func (p *program) get(path string, headers ...string) seenPage {
	p.t.Helper()
	if p.token != "" {
		headers = append(headers, "Authorization", "Bearer "+p.token)
	}
	return p.send(http.MethodGet, p.site+path, nil, headers...)
}

// login logs in with a code.
func (p *program) login(code string) codeOut {
	p.t.Helper()
	return p.loggedIn(p.post("/-/login", map[string]string{"code": code}))
}

func (p *program) loggedIn(page seenPage) codeOut {
	p.t.Helper()
	out := decoded[codeOut](p.t, page)
	p.token = out.Token
	return out
}

// decoded is the JSON of an answer of ours.
func decoded[T any](t testing.TB, page seenPage) (out T) {
	t.Helper()
	if page.Status != http.StatusOK || page.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s answered %d: %s", page.URL, page.Status, page.Body)
	}
	if err := json.Unmarshal([]byte(page.Body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// mini is a mini program that somebody is signed in to.
func (g *gateway) mini(person, ptid string) *program {
	g.t.Helper()
	p := g.program(appMini, ptid)
	p.login(g.sim.MiniLogin(person, appMini))
	return p
}

// ticket is a ticket for the web-view.
func (p *program) ticket(path string) ticketOut {
	p.t.Helper()
	return decoded[ticketOut](p.t, p.post("/-/ticket", map[string]string{"path": path}))
}

var entrance = regexp.MustCompile(`<form id="enter" method="post" action="([^"]*)">`)

// enter does what the script of our page does with an address that has a ticket.
func (p *phone) enter(address string, headers ...string) seenPage {
	p.t.Helper()
	address, fragment, _ := strings.Cut(address, "#")
	page := p.send(http.MethodGet, address, nil, "Accept", "text/html")
	form := entrance.FindStringSubmatch(page.Body)
	if form == nil {
		return page
	}
	u, _ := url.Parse(address)
	origin := u.Scheme + "://" + u.Host
	if headers == nil {
		headers = []string{"Origin", origin}
	}
	ticket := strings.TrimPrefix(fragment, "t=")
	page = p.send(http.MethodPost, origin+html.UnescapeString(form[1]), strings.NewReader(url.Values{"t": {ticket}}.Encode()),
		append([]string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html"}, headers...)...)
	if to := page.Header.Get("Location"); to != "" {
		return p.open(origin + to)
	}
	return page
}
