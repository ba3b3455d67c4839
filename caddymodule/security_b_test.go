package caddymodule

import "testing"

// securityB is group B, paths, hosts and methods: what is decided on is what is forwarded.
func securityB(t *testing.T) {
	t.Helper()
}
