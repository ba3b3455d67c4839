package transfer

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestSpeed imports many people and prints how long that took. The long form is a
// million, in bounded time and memory; it has to run alone, and on Linux.
func TestSpeed(t *testing.T) {
	soak := os.Getenv("WSITE_SOAK") != ""
	n, most := 20_000, 10*time.Minute
	switch {
	case soak:
		n, most = 1_000_000, 3*time.Minute
	case raceDetector:
		n = 2_000
	}
	path := filepath.Join(t.TempDir(), "fans.csv")
	writeTable(t, path, n)
	store := openAt(t, filepath.Join(t.TempDir(), "facts.db"))
	began := time.Now()
	sum, err := job(store, path).Run(t.Context())
	took := time.Since(began)
	if err != nil || sum.Outcomes["linked"] != int64(n) || took > most {
		t.Errorf("%+v, %v, after %s; it may take %s", sum, err, took, most)
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	processor := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	t.Logf("%d rows in %s: %.0f a second; %s of processor, the other tests' included",
		n, took.Round(time.Millisecond), float64(n)/took.Seconds(), processor.Round(time.Millisecond))
	if !soak {
		return
	}
	const mostMemory = 300
	resident := peak(t)
	t.Logf("at most %d MiB resident", resident)
	if resident > mostMemory {
		t.Errorf("it had %d MiB resident; it may have %d", resident, mostMemory)
	}
}

// peak is the most memory that this process has had resident, in MiB. What getrusage
// says can be that of the process that started it, from before the exec.
func peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no VmHWM in\n%s", status)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// writeTable writes a table of n people. It never has it whole in memory, which would
// count as the import's.
func writeTable(t *testing.T, path string, n int) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(file)
	writePeople(out, n)
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
}
