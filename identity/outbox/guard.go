package outbox

import (
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// CheckURL refuses an address to post to that can be seen to be wrong without asking a
// name server. Its errors don't hold the address, which may hold a secret.
func (n Networks) CheckURL(text string) error { return checkURL(text, n) }

// Client makes connections to what [Networks.Allow] allows, whatever a name has led to
// before; for plain http only to what is in the networks. It follows no redirects and
// uses no proxy; its user bounds the time. An address that isn't allowed is
// [ErrAddress]. A nil resolver is the one of this machine.
func (n Networks) Client(plain bool, resolver *net.Resolver) *http.Client {
	allow := n.Allow
	if plain {
		allow = n.Contains
	}
	dialer := &net.Dialer{Resolver: resolver, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !allow(at.Addr()) {
			return ErrAddress
		}
		return nil
	}}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
			MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 32 << 10,
		},
	}
}
