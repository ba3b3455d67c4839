package outbox

import (
	"fmt"
	"net/netip"
	"slices"
)

// Networks are those that webhooks may reach besides the public internet.
type Networks []netip.Prefix

// ParseNetworks reads CIDRs; the word `private` stands for loopback and the private
// networks.
func ParseNetworks(words []string) (Networks, error) {
	var n Networks
	for _, word := range words {
		if word == "private" {
			n = append(n, private...)
			continue
		}
		p, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("%q is no network such as 10.0.0.0/8, nor the word `private`", word)
		}
		n = append(n, p)
	}
	return n, nil
}

// Contains says whether an address lies in one of the networks.
func (n Networks) Contains(ip netip.Addr) bool { return within(n, plain(ip)) }

// Allow says whether a webhook may reach an address: a public one, or one in the
// networks.
func (n Networks) Allow(ip netip.Addr) bool { return n.Contains(ip) || public(plain(ip)) }

func within(networks []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// plain is an address in the one form that prefixes are compared with.
func plain(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

// public says whether an address is somebody's on the public internet. Of IPv6 only
// what is given out is, without the parts that lead to an IPv4 address of anybody's
// choice.
func public(ip netip.Addr) bool {
	return ip.IsValid() && !within(special, ip) && (ip.Is4() || unicast.Contains(ip))
}

var unicast = netip.MustParsePrefix("2000::/3")

// private is what `private` stands for.
var private = prefixes("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")

// special is what the registries of special-purpose addresses hold (RFC 6890 and
// those after it), and the one public address at which a cloud keeps its metadata.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		list[i] = netip.MustParsePrefix(t)
	}
	return list
}
