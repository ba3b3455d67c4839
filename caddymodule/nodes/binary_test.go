package nodes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestMain takes away the binary in the end.
func TestMain(m *testing.M) {
	code := m.Run()
	if folder != "" {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

var folder string // of the binary

// binary is Caddy with our modules, built as operators build it, once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	var err error
	if folder, err = os.MkdirTemp("", "wsite-nodes-"); err != nil {
		return "", err
	}
	path := filepath.Join(folder, "caddy")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "github.com/caddy-wsite/caddy-wsite/caddymodule/caddy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Caddy: %w: %s", err, out)
	}
	return path, nil
})
