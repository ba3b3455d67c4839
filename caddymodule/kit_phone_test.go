package caddymodule

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

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
