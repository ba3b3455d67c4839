package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// spread is the median of some values, with the least and the greatest.
type spread struct{ median, least, most float64 }

func spreadOf[T any](all []T, value func(T) float64) spread {
	var values []float64
	for _, x := range all {
		values = append(values, value(x))
	}
	slices.Sort(values)
	n := len(values)
	return spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]}
}

// show writes a spread with a printf verb.
func (s spread) show(verb string) string {
	return fmt.Sprintf(verb+"  ("+verb+" to "+verb+")", s.median, s.least, s.most)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// quantity is a row of a table: a figure of a run, and what to compare.
type quantity struct {
	name, verb string
	of         func(figures) float64
	compare    func(gateway, plain float64) float64
	compared   string // a printf verb for the comparison
	wanted     string
}

func ratio(gateway, plain float64) float64 { return gateway / plain }
func added(gateway, plain float64) float64 { return gateway - plain }

var quantities = []quantity{
	{"requests/s", "%.0f", func(f figures) float64 { return f.perSecond }, ratio, "× %.3f", "× 0.93 or more"},
	{"p50, ms", "%.2f", func(f figures) float64 { return micros(f.p50) / 1000 }, ratio, "× %.3f", ""},
	{"p99, ms", "%.2f", func(f figures) float64 { return micros(f.p99) / 1000 }, ratio, "× %.3f", ""},
	{"CPU per request, µs", "%.1f", func(f figures) float64 { return micros(f.cpu) }, added, "%+.1f", "+10 or less"},
	{"allocations per request", "%.1f", func(f figures) float64 { return f.mallocs }, added, "%+.1f", "+12 or less"},
}

// printMatch prints the gateway against each plain proxy: the medians of both, and
// the median of what the rounds compared to, which is not the same as comparing the
// medians.
func printMatch(out io.Writer, m *match, rounds []round) {
	fmt.Fprintf(out, "\n%s\n", m.title)
	for i, rival := range m.plain {
		fmt.Fprintf(out, "\nagainst %s\n", rival.name)
		t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "\tgateway\tplain\tmedian of %d rounds (least to greatest)\twanted\n", len(rounds))
		for _, q := range quantities {
			gateway := spreadOf(rounds, func(r round) float64 { return q.of(r.gateway) })
			plain := spreadOf(rounds, func(r round) float64 { return q.of(r.plain[i]) })
			each := spreadOf(rounds, func(r round) float64 { return q.compare(q.of(r.gateway), q.of(r.plain[i])) })
			fmt.Fprintf(t, "%s\t"+q.verb+"\t"+q.verb+"\t%s\t%s\n", q.name, gateway.median, plain.median, each.show(q.compared), q.wanted)
		}
		_ = t.Flush()
	}
}

// printLogins prints what became of the callbacks.
func printLogins(out io.Writer, returning, strangers []figures) {
	fmt.Fprintf(out, "\nLogin path, callback to answer, the load and the simulator on the same machine\n\n")
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\tlogins/s, median of %d rounds (least to greatest)\tp50, ms\tp99, ms\tCPU, µs\tallocations\twanted\n", len(returning))
	for _, row := range []struct {
		name, wanted string
		rounds       []figures
	}{{"returning visitors", "1500 or more", returning}, {"new visitors", "", strangers}} {
		fmt.Fprintf(t, "%s\t%s\t%.1f\t%.1f\t%.0f\t%.0f\t%s\n", row.name,
			spreadOf(row.rounds, func(f figures) float64 { return f.perSecond }).show("%.0f"),
			spreadOf(row.rounds, func(f figures) float64 { return micros(f.p50) / 1000 }).median,
			spreadOf(row.rounds, func(f figures) float64 { return micros(f.p99) / 1000 }).median,
			spreadOf(row.rounds, func(f figures) float64 { return micros(f.cpu) }).median,
			spreadOf(row.rounds, func(f figures) float64 { return f.mallocs }).median,
			row.wanted)
	}
	_ = t.Flush()
}

// printMachine says what the figures belong to: they mean nothing elsewhere.
func printMachine(out io.Writer, s settings) {
	fmt.Fprintf(out, "%s %s/%s, %d CPUs (%s), load average %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(),
		cpuName(), cmp.Or(firstLine("/proc/loadavg"), "unknown"))
	fmt.Fprintf(out, "%d rounds of %s, %d keep-alive connections, answers of 1 KiB, all on loopback\n", s.rounds, s.duration, s.conns)
}

func cpuName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "model name"); ok {
			return strings.TrimLeft(name, " \t:")
		}
	}
	return "unknown"
}

func firstLine(path string) string {
	body, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(body), "\n")
	return line
}
