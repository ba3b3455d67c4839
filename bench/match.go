package main

import (
	"fmt"
	"slices"
	"strings"
)

// contestant is a proxy in its own process, with a request for each connection.
type contestant struct {
	name     string
	process  *caddyProcess
	address  string
	requests [][]byte
}

// match is a gateway and the plain proxies beside it, in the order of the report.
type match struct {
	title, name string
	gateway     contestant
	plain       []contestant
}

// rival is a plain proxy by how it differs.
type rival struct {
	name string
	proxy
}

// matches are what is measured on the hot path.
var matches = []struct {
	title, name string
	example     bool
	rivals      []rival
}{
	{"Hot path: the smallest Caddyfile, whose reverse_proxy has Caddy's defaults", "small", false, []rival{
		{"reverse_proxy that sets the same headers", proxy{sets: true}},
		{"reverse_proxy whose client sends them", proxy{}},
	}},
	{"Hot path: Caddyfile.example as shipped", "example", true, []rival{
		{"reverse_proxy with the same sites, pool and log", proxy{sets: true, example: true, format: "wsite"}},
		{"reverse_proxy with the same sites, pool and Caddy's own log, which hides nothing", proxy{sets: true, example: true, format: "json"}},
	}},
}

// startMatch starts all processes of a match, signs visitors in, and makes sure that
// all send the same bytes to the site.
func startMatch(st *stage, title, name string, example bool, rivals []rival, conns int) (m *match, err error) {
	cfg, err := st.gatewayConfig(name, example)
	if err != nil {
		return nil, err
	}
	m = &match{title: title, name: name, gateway: contestant{name: "gateway", address: cfg.address}}
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	if m.gateway.process, err = startCaddy(st.dir, cfg.text); err != nil {
		return m, err
	}
	people, err := st.newPeople(conns)
	if err != nil {
		return m, err
	}
	for _, person := range people {
		cookies, err := st.signIn(cfg.origin(), person)
		if err != nil {
			return m, err
		}
		site, ours, _ := strings.Cut(kept, "; ")
		m.gateway.requests = append(m.gateway.requests, hotRequest(cfg.address, "Cookie: "+site+"; "+cookies+"; "+ours+"\r\n"))
	}
	heads, err := heard(st, m.gateway)
	if err != nil {
		return m, err
	}
	for _, r := range rivals {
		if err := m.challenge(st, r, heads); err != nil {
			return m, err
		}
	}
	return m, nil
}

// challenge starts a plain proxy beside the gateway. heads are what the site heard of
// the gateway.
func (m *match) challenge(st *stage, r rival, heads []string) error {
	token := tokenOf(heads[0])
	cfg, err := st.plainConfig(token, r.proxy)
	if err != nil {
		return err
	}
	c := contestant{name: r.name, address: cfg.address, requests: m.gateway.requests}
	if !r.sets {
		request := hotRequest(m.gateway.address, "Cookie: "+kept+"\r\nX-User: "+token+"\r\nX-Forwarded-Prefix: "+base+"\r\n")
		c.requests = slices.Repeat([][]byte{request}, len(heads))
	}
	if c.process, err = startCaddy(st.dir, cfg.text); err != nil {
		return err
	}
	m.plain = append(m.plain, c)
	others, err := heard(st, c)
	if err != nil {
		return err
	}
	return sameBytes(heads, others)
}

func (m *match) close() {
	for _, c := range append([]contestant{m.gateway}, m.plain...) {
		if c.process != nil {
			c.process.close()
		}
	}
}

// hotRequest is what WeChat's browser sends for a page of the site.
func hotRequest(host, headers string) []byte {
	return []byte("GET " + base + "/items?page=2 HTTP/1.1\r\n" +
		"Host: " + host + "\r\n" +
		"User-Agent: " + userAgent + "\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
		"Accept-Language: zh-CN,zh;q=0.9\r\n" +
		"X-Requested-With: com.tencent.mm\r\n" + headers + "\r\n")
}

// heard is what the site hears of each request.
func heard(st *stage, contestant contestant) ([]string, error) {
	var heads []string
	for _, request := range contestant.requests {
		head, err := st.site.hear(func() error {
			c, err := dial(contestant.address)
			if err != nil {
				return err
			}
			defer c.conn.Close()
			return c.do(request, "200")
		})
		if err != nil {
			return nil, err
		}
		heads = append(heads, head)
	}
	return heads, nil
}

// tokenOf is what X-User says in the head of a request.
func tokenOf(head string) string {
	_, after, _ := strings.Cut(head, "\r\nX-User: ")
	token, _, _ := strings.Cut(after, "\r\n")
	return token
}

// sameBytes says whether the site hears the same of both: of the first visitor to
// the byte, of the others but for the token, which the plain proxy has only one of.
func sameBytes(gateway, plain []string) error {
	token := tokenOf(plain[0])
	if token == "" || gateway[0] != plain[0] {
		return fmt.Errorf("the two send different bytes to the site:\n%s\n%s", gateway[0], plain[0])
	}
	for i := range gateway {
		own := tokenOf(gateway[i])
		if len(own) != len(token) || strings.Replace(gateway[i], own, token, 1) != plain[i] {
			return fmt.Errorf("the two send different bytes to the site for visitor %d", i)
		}
	}
	return nil
}
