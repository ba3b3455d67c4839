package transfer

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestSpeed imports many people and prints how long that took. The long form is a
// million.
func TestSpeed(t *testing.T) {
	n, most := 20_000, 10*time.Minute
	switch {
	case os.Getenv("WSITE_SOAK") != "":
		n = 1_000_000
	case raceDetector:
		n = 2_000
	}
	path := file(t, people(n))
	store := openAt(t, filepath.Join(t.TempDir(), "facts.db"))
	began := time.Now()
	sum, err := job(store, path).Run(t.Context())
	took := time.Since(began)
	if err != nil || sum.Outcomes["linked"] != int64(n) || took > most {
		t.Errorf("%+v, %v, after %s", sum, err, took)
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	processor := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	t.Logf("%d rows in %s: %.0f a second; %s of processor and at most %d MiB, the other tests' included",
		n, took.Round(time.Millisecond), float64(n)/took.Seconds(), processor.Round(time.Millisecond), used.Maxrss>>10)
}
