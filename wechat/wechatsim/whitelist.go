package wechatsim

import (
	"fmt"
	"net/netip"
	"slices"
)

// whitelist are the networks that may ask for the account's token.
func (a Account) whitelist() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, entry := range a.Whitelist {
		if addr, err := netip.ParseAddr(entry); err == nil {
			list = append(list, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(entry)
		if err != nil {
			return nil, fmt.Errorf("whitelist: %q is no address or network", entry)
		}
		list = append(list, network)
	}
	return list, nil
}

// admits says whether a caller may ask for the account's token.
func (a Account) admits(caller string) bool {
	if a.Whitelist == nil {
		return true
	}
	addr, err := netip.ParseAddr(caller)
	list, _ := a.whitelist() // checked when it was set
	return err == nil && slices.ContainsFunc(list, func(n netip.Prefix) bool { return n.Contains(addr.Unmap()) })
}

// refuseCaller tells the address that isn't in the whitelist, in the words seen in
// the wild (wechat-api.md §4.2).
func (c *call) refuseCaller() {
	ip := c.caller()
	c.refuseWith(40164, "invalid ip "+ip+" ipv6 ::ffff:"+ip+", not in whitelist")
}
