package main

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// The accounts are those of Caddyfile.example.
const (
	appID       = "wx0123456789abcdef"
	otherAppID  = "wxfedcba9876543210"
	secret      = "0123456789abcdef0123456789abcdef"
	otherSecret = "fedcba9876543210fedcba9876543210"
	base        = "/wsite/" + appID + "/shop01"
	userAgent   = "Mozilla/5.0 (Linux; Android 12; M2011K2C Build/SKQ1.211006.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240404 MMWEBID/9203 MicroMessenger/8.0.49.2600(0x2800315A) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64"
)

// stage is what all Caddys share: WeChat, the site, and a folder.
type stage struct {
	dir    string
	sim    *wechatsim.Sim
	wechat *http.Server
	simURL string
	site   *site
	http   *http.Client
	people int // how many there are
}

func newStage(dir string) (*stage, error) {
	site, err := startSite()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		site.close()
		return nil, err
	}
	o := wechatsim.DefaultOptions()
	account := func(id, secret string) wechatsim.Account {
		return wechatsim.Account{AppID: id, Secret: secret, Name: id, Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true}
	}
	o.Accounts = []wechatsim.Account{account(appID, secret), account(otherAppID, otherSecret)}
	sim := wechatsim.New(o)
	s := &stage{dir: dir, sim: sim, simURL: "http://" + l.Addr().String(), site: site}
	s.wechat = &http.Server{Handler: sim.World(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.wechat.Serve(l) }()
	s.http = &http.Client{
		Timeout:       20 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

func (s *stage) close() {
	s.http.CloseIdleConnections()
	s.sim.Close()
	_ = s.wechat.Close()
	s.site.close()
}

// newPeople lets n more people in and names them.
func (s *stage) newPeople(n int) ([]string, error) {
	var names []string
	for range n {
		s.people++
		name := fmt.Sprintf("visitor-%d", s.people)
		if err := s.sim.Add(wechatsim.Person{Name: name}); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

var nextAddress = regexp.MustCompile(`data-next="([^"]*)"`)

// begin opens a page as a visitor without a session and does all of a login but its
// last step: it returns the address that WeChat sends him back to, and his cookies.
func (s *stage) begin(origin, person string) (callback, cookies string, err error) {
	page, err := s.get(origin+base+"/", "")
	if err != nil {
		return "", "", err
	}
	next := nextAddress.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || next == nil {
		return "", "", fmt.Errorf("a visitor without a session gets %d and not the page that leads to WeChat", page.status)
	}
	authorize, _, _ := strings.Cut(html.UnescapeString(next[1]), "#")
	code, err := s.get(authorize, s.sim.PersonCookie(person).String())
	if err != nil {
		return "", "", err
	}
	if callback = code.header.Get("Location"); !strings.HasPrefix(callback, origin) {
		return "", "", fmt.Errorf("WeChat answers %d and doesn't lead back", code.status)
	}
	return callback, page.cookies, nil
}

// signIn does a whole login and returns the visitor's cookies.
func (s *stage) signIn(origin, person string) (string, error) {
	callback, cookies, err := s.begin(origin, person)
	if err != nil {
		return "", err
	}
	end, err := s.get(callback, cookies)
	if err != nil {
		return "", err
	}
	if end.status != http.StatusSeeOther || end.cookies == "" {
		return "", fmt.Errorf("a login ends with %d", end.status)
	}
	return end.cookies, nil
}

// seenPage is an answer as far as it is used here.
type seenPage struct {
	status  int
	header  http.Header
	cookies string // as a browser would send them
	body    string
}

func (s *stage) get(address, cookies string) (seenPage, error) {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return seenPage{}, errors.New("the address can't be read") // it may hold a code
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "text/html")
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return seenPage{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return seenPage{}, err
	}
	var pairs []string
	for _, c := range resp.Cookies() {
		if c.MaxAge >= 0 {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	return seenPage{resp.StatusCode, resp.Header, strings.Join(pairs, "; "), string(body)}, nil
}
