package caddymodule

import "testing"

// securityL is group L, our pages in a browser.
func securityL(t *testing.T) {
	t.Helper()
}
