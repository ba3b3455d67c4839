package job_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets the test binary play the process that is killed, or paused, in
// kill_test.go.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Arg(0) == childRole {
		workInChild(flag.Arg(1), flag.Arg(2))
		return
	}
	os.Exit(m.Run())
}
