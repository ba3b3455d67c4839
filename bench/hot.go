package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// pair is a gateway and the plain proxy beside it, with the requests of visitors who
// are signed in.
type pair struct {
	title          string
	gateway, plain *caddyProcess
	addresses      [2]string // of gateway and plain
	requests       [][]byte  // one for each connection
}

// startPair starts both, signs visitors in, and makes sure that both send the same
// bytes to the site.
func startPair(st *stage, title, name string, example bool, conns int) (p *pair, err error) {
	cfg, err := st.gatewayConfig(name, example)
	if err != nil {
		return nil, err
	}
	p = &pair{title: title}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.gateway, err = startCaddy(st.dir, cfg.text); err != nil {
		return p, err
	}
	people, err := st.newPeople(conns)
	if err != nil {
		return p, err
	}
	for _, person := range people {
		cookies, err := st.signIn(cfg.origin(), person)
		if err != nil {
			return p, err
		}
		p.requests = append(p.requests, hotRequest(cfg.address, cookies))
	}
	heads, err := heard(st, cfg.address, p.requests)
	if err != nil {
		return p, err
	}
	plain, err := st.plainConfig(tokenOf(heads[0]), example)
	if err != nil {
		return p, err
	}
	if p.plain, err = startCaddy(st.dir, plain.text); err != nil {
		return p, err
	}
	p.addresses = [2]string{cfg.address, plain.address}
	others, err := heard(st, plain.address, p.requests)
	if err != nil {
		return p, err
	}
	return p, sameBytes(heads, others)
}

func (p *pair) close() {
	for _, c := range []*caddyProcess{p.gateway, p.plain} {
		if c != nil {
			c.close()
		}
	}
}

// hotRequest is what WeChat's browser sends for a page of the site.
func hotRequest(host, cookies string) []byte {
	site, ours, _ := strings.Cut(kept, "; ")
	return []byte("GET " + base + "/items?page=2 HTTP/1.1\r\n" +
		"Host: " + host + "\r\n" +
		"User-Agent: " + userAgent + "\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
		"Accept-Language: zh-CN,zh;q=0.9\r\n" +
		"X-Requested-With: com.tencent.mm\r\n" +
		"Cookie: " + site + "; " + cookies + "; " + ours + "\r\n\r\n")
}

// heard is what the site hears of each request.
func heard(st *stage, address string, requests [][]byte) ([]string, error) {
	var heads []string
	for _, request := range requests {
		head, err := st.site.hear(func() error {
			c, err := dial(address)
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

// figures are one run.
type figures struct {
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // of the proxy's process, for one request
	mallocs   float64       // there, for one request
}

// measure runs one load against one proxy.
func measure(ctx context.Context, s settings, p *caddyProcess, address string, requests [][]byte) (figures, error) {
	var sources []func() []byte
	for _, request := range requests {
		sources = append(sources, func() []byte { return request })
	}
	l, err := startLoad(address, "200", sources)
	if err != nil {
		return figures{}, err
	}
	defer l.stopped.Store(true)
	if err := pause(ctx, s.warm); err != nil {
		return figures{}, err
	}
	before, err := p.used()
	if err != nil {
		return figures{}, err
	}
	began := time.Now()
	l.counting.Store(true)
	if err := pause(ctx, s.duration); err != nil {
		return figures{}, err
	}
	l.counting.Store(false)
	n, elapsed := float64(l.done.Load()), time.Since(began)
	after, err := p.used()
	if err != nil {
		return figures{}, err
	}
	l.stopped.Store(true)
	took, err := l.wait()
	if err != nil {
		return figures{}, err
	}
	if n == 0 {
		return figures{}, errors.New("nothing was answered while it was measured: take a longer duration")
	}
	return figures{
		perSecond: n / elapsed.Seconds(),
		p50:       percentile(took, 50),
		p99:       percentile(took, 99),
		cpu:       time.Duration(float64(after.CPU-before.CPU) / n),
		mallocs:   float64(after.Mallocs-before.Mallocs) / n,
	}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// hotPaths measures both pairs, round by round, so that what else the machine does
// meets all of them alike.
func hotPaths(ctx context.Context, st *stage, s settings, out io.Writer) error {
	var pairs []*pair
	for _, which := range []struct {
		title, name string
		example     bool
	}{
		{"hot path, against reverse_proxy with Caddy's defaults", "small", false},
		{"hot path of Caddyfile.example, against reverse_proxy with the same pool and an access log", "example", true},
	} {
		p, err := startPair(st, which.title, which.name, which.example, s.conns)
		if err != nil {
			return err
		}
		defer p.close()
		pairs = append(pairs, p)
	}
	results := make([][]rivals, len(pairs))
	for round := range s.rounds {
		for i, p := range pairs {
			r, err := p.round(ctx, s, round)
			if err != nil {
				return err
			}
			results[i] = append(results[i], r)
		}
	}
	if s.profiles != "" {
		for _, p := range pairs {
			if err := p.profile(ctx, s); err != nil {
				return err
			}
		}
	}
	for i, p := range pairs {
		printHot(out, p.title, results[i])
	}
	return nil
}

// rivals are the two runs of one round.
type rivals struct{ gateway, plain figures }

// round measures both, who is first taking turns.
func (p *pair) round(ctx context.Context, s settings, round int) (r rivals, err error) {
	runs := []func() error{
		func() (err error) {
			r.gateway, err = measure(ctx, s, p.gateway, p.addresses[0], p.requests)
			return err
		},
		func() (err error) {
			r.plain, err = measure(ctx, s, p.plain, p.addresses[1], p.requests)
			return err
		},
	}
	for i := range runs {
		if err := runs[(i+round)%2](); err != nil {
			return r, err
		}
	}
	return r, nil
}

// profile runs the gateway once more, watched.
func (p *pair) profile(ctx context.Context, s settings) error {
	name, _, _ := strings.Cut(strings.ReplaceAll(p.title, " ", "-"), ",")
	if _, err := p.gateway.order(order{Profile: filepath.Join(s.profiles, name+".pprof")}); err != nil {
		return err
	}
	if _, err := measure(ctx, s, p.gateway, p.addresses[0], p.requests); err != nil {
		return err
	}
	_, err := p.gateway.order(order{EndOfIt: true})
	return err
}
