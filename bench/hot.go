package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// figures are one run.
type figures struct {
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // of the proxy's process, for one request
	mallocs   float64       // there, for one request
}

// measure runs one load against one contestant.
func (c contestant) measure(ctx context.Context, s settings) (figures, error) {
	return measure(ctx, s, []string{c.address}, "200", c.requests, c.process.used)
}

// measure sends requests, one by each connection, to addresses in turn. used is what those
// who answer have used.
func measure(ctx context.Context, s settings, addresses []string, want string, requests [][]byte, used func() (usage, error)) (figures, error) {
	var sources []func() []byte
	for _, request := range requests {
		sources = append(sources, func() []byte { return request })
	}
	l, err := startLoad(addresses, want, sources)
	if err != nil {
		return figures{}, err
	}
	defer l.stopped.Store(true)
	if err := pause(ctx, s.warm); err != nil {
		return figures{}, err
	}
	before, err := used()
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
	after, err := used()
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

// hotPaths measures all matches, round by round, so that what else the machine does
// meets all contestants alike.
func hotPaths(ctx context.Context, st *stage, s settings, out io.Writer) error {
	var started []*match
	for _, each := range matches {
		m, err := startMatch(st, each.title, each.name, each.example, each.rivals, s.conns)
		if err != nil {
			return err
		}
		defer m.close()
		started = append(started, m)
	}
	results := make([][]round, len(started))
	for n := range s.rounds {
		for i, m := range started {
			r, err := m.round(ctx, s, n)
			if err != nil {
				return err
			}
			results[i] = append(results[i], r)
		}
	}
	for i, m := range started {
		printMatch(out, m, results[i])
		if s.profiles != "" {
			if err := m.gateway.profile(ctx, s, filepath.Join(s.profiles, m.name+".pprof")); err != nil {
				return err
			}
		}
	}
	return nil
}

// round is a run of the gateway and one of each plain proxy.
type round struct {
	gateway figures
	plain   []figures
}

// round measures all contestants, who is first taking turns.
func (m *match) round(ctx context.Context, s settings, n int) (round, error) {
	all := append([]contestant{m.gateway}, m.plain...)
	got := make([]figures, len(all))
	for i := range all {
		turn := (i + n) % len(all)
		var err error
		if got[turn], err = all[turn].measure(ctx, s); err != nil {
			return round{}, fmt.Errorf("%s: %w", all[turn].name, err)
		}
	}
	return round{got[0], got[1:]}, nil
}

// profile runs a contestant once more, watched.
func (c contestant) profile(ctx context.Context, s settings, path string) error {
	if _, err := c.process.order(order{Profile: path}); err != nil {
		return err
	}
	if _, err := c.measure(ctx, s); err != nil {
		return err
	}
	_, err := c.process.order(order{EndOfIt: true})
	return err
}
