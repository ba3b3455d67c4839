// Command bench says what the gateway costs: the hot path against the same Caddy
// without it, in pairs, and logins per second. `make bench` runs it; README.md says
// what it measures, how to repeat it and how far to believe it.
//
// It is slow on purpose and fails on no figure: figures depend on the machine, and
// a limit that fails on a busy one would only be switched off.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// settings are how much is measured.
type settings struct {
	rounds   int           // runs of each contestant
	duration time.Duration // of one run
	warm     time.Duration // before each run, not measured
	conns    int
	logins   int // of one kind in one round
	goBench  bool
	profiles string // folder for CPU profiles of the gateway; empty for none
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == childRole {
		if err := child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var s settings
	flag.IntVar(&s.rounds, "rounds", 5, "how often all are measured; the median of the ratios counts")
	flag.DurationVar(&s.duration, "duration", 3*time.Second, "how long one run is measured")
	flag.DurationVar(&s.warm, "warm", 500*time.Millisecond, "how long one run goes on before it is measured")
	flag.IntVar(&s.conns, "conns", 64, "keep-alive connections, each a visitor of his own")
	flag.IntVar(&s.logins, "logins", 1500, "logins of each kind in one round; 0 leaves them out")
	flag.BoolVar(&s.goBench, "go", true, "run the Go benchmarks of caddymodule too: allocations, memory")
	flag.StringVar(&s.profiles, "profiles", "", "folder to write CPU profiles of the gateway to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// check refuses settings that measure nothing.
func (s settings) check() error {
	switch {
	case s.rounds < 1, s.duration <= 0, s.warm < 0, s.conns < 1, s.logins < 0:
		return errors.New("rounds, duration and conns have to be more than nothing")
	case s.conns > 1000:
		return errors.New("conns: at most 1000, which fit the tables of any system")
	}
	return nil
}

// run measures everything and prints it.
func run(ctx context.Context, s settings, out io.Writer) error {
	if err := s.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "wsite-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st, err := newStage(dir)
	if err != nil {
		return err
	}
	defer st.close()

	printMachine(out, s)
	if err := hotPaths(ctx, st, s, out); err != nil {
		return fmt.Errorf("measuring the hot path: %w", err)
	}
	if s.logins > 0 {
		if err := loginPath(ctx, st, s, out); err != nil {
			return fmt.Errorf("measuring logins: %w", err)
		}
	}
	if err := together(ctx, st, s, out); err != nil {
		return fmt.Errorf("measuring gateways that share a Redis: %w", err)
	}
	if s.goBench {
		return goBenchmarks(ctx, out)
	}
	return nil
}
