package nodes

import (
	"context"
	"errors"
	"fmt"
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

// uaAndroid is the User-Agent of WeChat's browser.
const uaAndroid = "Mozilla/5.0 (Linux; Android 12; M2011K2C Build/SKQ1.211006.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240404 MMWEBID/9203 MicroMessenger/8.0.49.2600(0x2800315A) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64"

// phone is a browser as WeChat's: it keeps cookies, follows redirects, and does what our
// login page's script does.
type phone struct {
	client *http.Client
	jar    *cookiejar.Jar
	origin *url.URL
}

// page is what a phone shows in the end.
type page struct {
	status int
	header http.Header
	body   string
	logins int // on the way there
}

// newPhone is a phone of a person; of nobody, who has no WeChat, if the name is empty.
func (w *world) newPhone(t testing.TB, person string) *phone {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := url.Parse(w.sim.URL)
	if err != nil {
		t.Fatal(err)
	}
	origin, err := url.Parse(w.origin)
	if err != nil {
		t.Fatal(err)
	}
	if person != "" {
		jar.SetCookies(sim, []*http.Cookie{w.sim.PersonCookie(person)})
	}
	client := &http.Client{
		Transport: w.balancer, Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &phone{client, jar, origin}
}

// path is the path of a page of the shop.
func path(appID, rest string) string { return "/wsite/" + appID + "/shop" + rest }

// navigation and script are the headers of requests.
var (
	navigation = []string{"Accept", "text/html,application/xhtml+xml", "X-Requested-With", "com.tencent.mm"}
	script     = []string{"Accept", "application/json", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "empty"}
	form       = []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin"}
)

// send sends one request, with headers given in pairs.
func (p *phone) send(ctx context.Context, method, address string, headers []string) (page, error) {
	to, err := p.origin.Parse(address)
	if err != nil {
		return page{}, err
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), nil)
	if err != nil {
		return page{}, err
	}
	req.Header.Set("User-Agent", uaAndroid)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return page{status: resp.StatusCode, header: resp.Header, body: string(body)}, err
}

var startPage = regexp.MustCompile(`data-next="([^"]*)" data-login=`)

// open opens an address as a navigation and follows it to its end.
func (p *phone) open(ctx context.Context, address string) (page, error) {
	logins := 0
	for range 20 {
		shown, err := p.send(ctx, http.MethodGet, address, navigation)
		if err != nil {
			return shown, err
		}
		next := shown.header.Get("Location")
		if m := startPage.FindStringSubmatch(shown.body); m != nil && next == "" {
			next = html.UnescapeString(m[1])
		}
		if shown.logins = logins; next == "" {
			return shown, nil
		}
		if strings.Contains(next, "/-/callback?") {
			logins++
		}
		address, _, _ = strings.Cut(next, "#")
	}
	return page{}, errors.New("redirected for ever")
}

var allowButton = regexp.MustCompile(`<a class="button" id="allow" href="([^"]*)"`)

// consent opens an address, and taps on the page that asks for the unionid.
func (p *phone) consent(ctx context.Context, address string) (page, error) {
	shown, err := p.open(ctx, address)
	if err != nil {
		return shown, err
	}
	if m := allowButton.FindStringSubmatch(shown.body); m != nil {
		logins := shown.logins
		shown, err = p.open(ctx, html.UnescapeString(m[1]))
		shown.logins += logins
	}
	return shown, err
}

// session is the phone's Cookie line, by which a thief would have its sessions.
func (p *phone) session() string {
	var pairs []string
	for _, c := range p.jar.Cookies(p.origin) {
		if strings.Contains(c.Name, "wx0") { // guests and logins are other cookies
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return strings.Join(pairs, "; ")
}

// stolen asks a node for a page as a script does that has somebody's Cookie line.
func (p *phone) stolen(ctx context.Context, n *node, cookies string) (page, error) {
	thief := &phone{&http.Client{Transport: p.client.Transport, Timeout: 30 * time.Second}, nil, p.origin}
	return thief.send(at(ctx, n), http.MethodGet, path(appA, "/p"), append([]string{"Cookie", cookies}, script...))
}

// user is what the site said of a page's visitor.
func (p page) user() (said, error) {
	if p.status != http.StatusOK {
		return said{}, fmt.Errorf("answered %d: %.300s", p.status, p.body)
	}
	return read(p.body)
}
