package caddymodule

import (
	"errors"
	"fmt"
	"net"
	"net/http"
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

// readHosts takes in the hosts besides the origin's: those of sites, and those to which
// WeChat sends visitors back.
func (a *App) readHosts() error {
	for _, account := range a.directory().Accounts() {
		if err := a.callbackFault(account); err != nil {
			return err
		}
	}
	for _, site := range a.directory().Sites() {
		if err := a.hostFault(site); err != nil {
			return err
		}
	}
	for _, h := range a.directory().Hosts() {
		if h != a.host {
			a.directory().hosts[h] = h
		}
	}
	return nil
}

// callbackFault refuses a host to which WeChat can't send visitors back.
func (a *App) callbackFault(account *directory.Account) error {
	if h := account.CallbackHost; h != "" && !a.jar.secure && !isLoopback(nameOf(h)) {
		return &directory.Fault{Kind: "account", ID: account.AppID, Field: "callback_host", Message: fmt.Sprintf("the origin is http, which is for loopback only, and %s is not on loopback", h)}
	}
	return nil
}

// nameOf is a host without its port.
func nameOf(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return name
}

// hostOf is the host that a request is for, as the configuration writes it: empty for
// the origin's. An error means that the facts, which may know it, can't be reached.
func (a *App) hostOf(r *http.Request) (host string, known bool, err error) {
	if r.Host == a.host {
		return "", true, nil
	}
	if h, ok := a.directory().hosts[r.Host]; ok {
		return h, true, nil
	}
	host = canonicalHost(r.Host, a.jar.secure)
	if host == a.host {
		return "", true, nil
	}
	if h, ok := a.directory().hosts[host]; ok {
		return h, true, nil
	}
	known, err = a.servedHost(r.Context(), host)
	return host, known, err
}

// originOf is scheme and host of the address that a visitor of a route uses.
func (a *App) originOf(rt route) string { return a.originAt(rt.host) }

func (a *App) originAt(host string) string {
	if host == "" {
		return a.origin
	}
	scheme, _, _ := strings.Cut(a.origin, "://")
	return scheme + "://" + host
}

// callbackHost is the host to which WeChat sends the visitors of an account back: empty
// for the origin's.
func (a *App) callbackHost(account *directory.Account) string {
	if account.CallbackHost == a.host {
		return ""
	}
	return account.CallbackHost
}

// serves says whether a host serves a site.
func serves(host string, site *directory.Site) bool {
	if host == "" {
		return site.OnOrigin != "off"
	}
	return site.ServedOn(host)
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
