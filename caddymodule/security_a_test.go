package caddymodule

import "testing"

// securityA is group A, identity headers: nobody but the gateway may speak them.
func securityA(t *testing.T) {
	t.Helper()
}
