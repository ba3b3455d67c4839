package caddymodule

import (
	"net/http"
	"strings"
)

// navigates says whether somebody is looking at the answer: a page opened in a
// window. Only then does it make sense to send him through WeChat; a script, an
// image or a WebSocket would get a page that it can't use.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet || r.Header.Get("Upgrade") != "" {
		return false
	}
	// Fetch Metadata is the browser's own word; scripts can't set it.
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		dest := r.Header.Get("Sec-Fetch-Dest")
		return mode == "navigate" && (dest == "document" || dest == "")
	}
	// WeChat on Android sends its package name here, with navigations too.
	if strings.EqualFold(r.Header.Get("X-Requested-With"), "XMLHttpRequest") {
		return false
	}
	return acceptsHTML(r)
}

// prefetches says whether a browser only loads ahead what nobody has asked for.
func prefetches(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") ||
		strings.EqualFold(r.Header.Get("Purpose"), "prefetch") || strings.EqualFold(r.Header.Get("X-Moz"), "prefetch")
}

// preflights says whether a browser asks for permission to send a request from
// another origin: such a question carries no cookie and must be answered by the
// site itself.
func preflights(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}
