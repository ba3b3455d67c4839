package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// goBenchmarks runs the benchmarks that need the inside of the gateway and prints
// their lines.
func goBenchmarks(ctx context.Context, out io.Writer) error {
	for _, b := range []struct{ about, pkg, bench, time string }{
		{"the gateway: at most 12 allocations added to a request; memory of a cached visitor", "caddymodule", "^Benchmark(HotPath|Memory100k)$", "2s"},
		{"the facts at 10⁴ and 10⁶ identities, in turns: claims a second of people on record (resolve) and of new members (bind), and the ratios", "sqlstore", "^BenchmarkScale$", "1x"},
		{"broadcast: events delivered to a consumer on this machine", "identity/outbox", ".", "2s"},
	} {
		fmt.Fprintf(out, "\nGo benchmarks of %s\n\n", b.about)
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", b.bench, "-benchtime", b.time, "github.com/caddy-wsite/caddy-wsite/"+b.pkg)
		var output strings.Builder
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("running the Go benchmarks of %s: %w\n%s", b.pkg, err, output.String())
		}
		for lines := bufio.NewScanner(strings.NewReader(output.String())); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "Benchmark") {
				fmt.Fprintln(out, lines.Text())
			}
		}
	}
	return nil
}
