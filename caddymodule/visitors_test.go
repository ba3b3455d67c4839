package caddymodule

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

func TestVisitors_keepNoMoreThanACookie(t *testing.T) {
	t.Parallel()
	vs := newVisitors(100)
	header := "wsite-" + appA + "=sealed; analytics=" + strings.Repeat("0", 4000)
	first := strings.Index(header, "=") + 1
	key := visitorKey{cookie: header[first : first+len("sealed")], appID: appA, ptid: "shop"}
	vs.put(key, &visitor{site: &directory.Site{PTID: "shop"}}, vs.mark())
	held := vs.get(key)
	if held == nil {
		t.Fatal("the visitor isn't kept")
	}
	if unsafe.StringData(held.key.cookie) == unsafe.StringData(key.cookie) {
		t.Error("the cookie is kept as a piece of its header, which is kept with it")
	}
}
