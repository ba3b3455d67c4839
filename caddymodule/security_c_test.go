package caddymodule

import "testing"

// securityC is group C, redirects: they lead into the site or to WeChat, and nowhere else.
func securityC(t *testing.T) {
	t.Helper()
}
