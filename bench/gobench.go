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
	fmt.Fprintf(out, "\nGo benchmarks of caddymodule: at most 12 allocations added to a request; memory of a cached visitor\n\n")
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(HotPath|Memory100k)$", "-benchtime", "2s", "github.com/caddy-wsite/caddy-wsite/caddymodule")
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if err != nil {
		return fmt.Errorf("running the Go benchmarks: %w\n%s", err, output.String())
	}
	for lines := bufio.NewScanner(strings.NewReader(output.String())); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "Benchmark") {
			fmt.Fprintln(out, lines.Text())
		}
	}
	return nil
}
