package inbox_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets the test binary play the process that is killed in kill_test.go.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Arg(0) == childRole {
		acceptUntilKilled(flag.Arg(1), flag.Arg(2), flag.Arg(3))
		return
	}
	os.Exit(m.Run())
}
