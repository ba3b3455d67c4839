package wechat_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// phone is WeChat's browser in somebody's hand.
type phone struct {
	t    testing.TB
	http *http.Client
}

const phoneAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50(0x18003231) NetType/WIFI Language/zh_CN"

func (s *stage) phone(t testing.TB, person string) *phone {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(at, []*http.Cookie{s.PersonCookie(person)})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &phone{t, &http.Client{Transport: transport, Jar: jar}}
}

// ticket finds what the consent page's form sends back.
var ticket = regexp.MustCompile(`action="(/connect/consent)"(?s:.*)name="back" value="([^"]+)"`)

// login opens an address, follows it to its end, and answers the consent page if
// there is one. It returns the last page.
func (p *phone) login(address, answer string) string {
	p.t.Helper()
	page, at := p.send(http.MethodGet, address, nil)
	m := ticket.FindStringSubmatch(page)
	if m == nil {
		return page
	}
	page, _ = p.send(http.MethodPost, at.ResolveReference(&url.URL{Path: m[1]}).String(), url.Values{"back": {m[2]}, "answer": {answer}})
	return page
}

func (p *phone) send(method, address string, form url.Values) (string, *url.URL) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("User-Agent", phoneAgent)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: status %d, %v", method, req.URL.Path, res.StatusCode, err)
	}
	return string(body), res.Request.URL
}

// callbacks is the site that WeChat sends visitors back to.
type callbacks struct {
	*httptest.Server
	mu  sync.Mutex
	got []url.Values
}

func startCallbacks(t testing.TB) *callbacks {
	t.Helper()
	c := &callbacks{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.got = append(c.got, r.URL.Query())
		c.mu.Unlock()
		_, _ = io.WriteString(w, "back at "+r.URL.Path)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *callbacks) all() []url.Values {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]url.Values{}, c.got...)
}

// only is the query of the callback, of which there must be one.
func (c *callbacks) only(t testing.TB) url.Values {
	t.Helper()
	got := c.all()
	if len(got) != 1 {
		t.Fatalf("%d callbacks: %v", len(got), got)
	}
	return got[0]
}

func (c *callbacks) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = nil
}
