package oracle

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets the test binary play the process that is killed in kill_test.go, and the
// one that calls beside ours in linear_test.go.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Arg(0) == childRole {
		liveUntilKilled(flag.Arg(1), flag.Arg(2))
		return
	}
	if flag.Arg(0) == callersRole {
		callUntilTold(flag.Arg(1))
		return
	}
	os.Exit(m.Run())
}
