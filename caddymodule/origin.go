package caddymodule

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// readOrigin takes the origin apart: exactly a scheme and a host.
func (a *App) readOrigin() error {
	if a.origin == "" {
		return errors.New("origin: missing; set the address that visitors use, such as `origin https://www.example.com`")
	}
	u, err := url.Parse(a.origin)
	if err != nil || u.Host == "" || strings.ContainsAny(u.Host, "*{} ") || u.User != nil || strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("origin: %q is no origin such as https://www.example.com", a.origin)
	}
	loopback := isLoopback(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return fmt.Errorf("origin: %q has to be https; http is for loopback only", a.origin)
	}
	if a.AnyBrowser && !loopback {
		return errors.New("any_browser: only for an origin on loopback: anywhere else it would send every browser to WeChat's login")
	}
	if !strings.HasPrefix(a.Prefix, "/") || strings.HasSuffix(a.Prefix, "/") || !directory.IsCanonicalPath(a.Prefix) {
		return fmt.Errorf("prefix: %q has to begin with a slash and end without one", a.Prefix)
	}
	a.host = canonicalHost(u.Host, u.Scheme == "https")
	a.origin = u.Scheme + "://" + a.host
	a.issuer = a.origin + a.Prefix + "/-"
	a.jar = newJar(u.Scheme == "https")
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// canonicalHost is a Host as we compare it: lower-case, without a dot at the end
// and without the scheme's own port.
func canonicalHost(host string, https bool) string {
	host = strings.ToLower(host)
	port := ":80"
	if https {
		port = ":443"
	}
	return strings.TrimSuffix(strings.TrimSuffix(host, port), ".")
}
