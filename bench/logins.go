package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// loginPath measures callbacks, the step of a login that costs: the code is exchanged
// with WeChat, the facts are asked, a session is sealed. What comes before it is done
// beforehand and not measured.
func loginPath(ctx context.Context, st *stage, s settings, out io.Writer) error {
	cfg, err := st.gatewayConfig("logins", false)
	if err != nil {
		return err
	}
	gateway, err := startCaddy(st.dir, strings.Replace(cfg.text, "origin ", strings.TrimSpace(wide)+"\n\t\torigin ", 1))
	if err != nil {
		return err
	}
	defer gateway.close()
	known, err := st.newPeople(s.logins)
	if err != nil {
		return err
	}
	// The first logins make them known; they warm everything up, too.
	if _, err := st.signInAll(ctx, s, gateway, cfg, known); err != nil {
		return err
	}
	var returning, strangers []figures
	for range s.rounds {
		r, err := st.signInAll(ctx, s, gateway, cfg, known)
		if err != nil {
			return err
		}
		returning = append(returning, r)
		people, err := st.newPeople(s.logins)
		if err != nil {
			return err
		}
		if r, err = st.signInAll(ctx, s, gateway, cfg, people); err != nil {
			return err
		}
		strangers = append(strangers, r)
	}
	printLogins(out, returning, strangers)
	return nil
}

// signInAll signs people in, each in a browser without a session, and measures their
// callbacks.
func (s *stage) signInAll(ctx context.Context, set settings, gateway *caddyProcess, cfg config, people []string) (figures, error) {
	requests, err := s.callbacks(ctx, set.conns, cfg, people)
	if err != nil {
		return figures{}, err
	}
	var taken atomic.Int64
	next := func() []byte {
		if i := int(taken.Add(1)) - 1; i < len(requests) {
			return requests[i]
		}
		return nil
	}
	var sources []func() []byte
	for range min(set.conns, len(people)) {
		sources = append(sources, next)
	}
	before, err := gateway.used()
	if err != nil {
		return figures{}, err
	}
	gate := make(chan struct{}) // everybody is connected first
	for i := range sources {
		sources[i] = func() []byte { <-gate; return next() }
	}
	l, err := startLoad([]string{cfg.address}, "303", sources)
	if err != nil {
		close(gate)
		return figures{}, err
	}
	l.counting.Store(true)
	began := time.Now()
	close(gate)
	took, err := l.wait()
	elapsed := time.Since(began)
	if err != nil {
		return figures{}, err
	}
	after, err := gateway.used()
	if err != nil {
		return figures{}, err
	}
	n := float64(len(took))
	return figures{
		perSecond: n / elapsed.Seconds(), p50: percentile(took, 50), p99: percentile(took, 99),
		cpu: time.Duration(float64(after.CPU-before.CPU) / n), mallocs: float64(after.Mallocs-before.Mallocs) / n,
	}, nil
}

// callbacks does the logins of people up to the last step.
func (s *stage) callbacks(ctx context.Context, conns int, cfg config, people []string) ([][]byte, error) {
	requests := make([][]byte, len(people))
	errs := make(chan error, conns)
	var workers sync.WaitGroup
	var taken atomic.Int64
	for range conns {
		workers.Go(func() {
			for i := int(taken.Add(1)) - 1; i < len(people) && ctx.Err() == nil; i = int(taken.Add(1)) - 1 {
				callback, cookies, err := s.begin(cfg.origin(), people[i])
				if err == nil {
					requests[i], err = callbackRequest(callback, cookies)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	workers.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	return requests, ctx.Err()
}

// callbackRequest is what WeChat's browser sends at the end of a login.
func callbackRequest(callback, cookies string) ([]byte, error) {
	u, err := url.Parse(callback)
	if err != nil {
		return nil, fmt.Errorf("WeChat leads back to no address") // which may hold a code
	}
	return []byte("GET " + u.RequestURI() + " HTTP/1.1\r\n" +
		"Host: " + u.Host + "\r\n" +
		"User-Agent: " + userAgent + "\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
		"X-Requested-With: com.tencent.mm\r\n" +
		"Cookie: " + cookies + "\r\n\r\n"), nil
}
