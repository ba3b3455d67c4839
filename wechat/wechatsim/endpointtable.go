package wechatsim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// pagePaths are WeChat's paths that aren't calls of a server.
var pagePaths = map[string]string{
	authorizePath: http.MethodGet, webLoginPath: http.MethodGet, showQRPath: http.MethodGet,
}

// endpointTable is every path of WeChat that is there, as Markdown, as
// docs/simulator.md has it.
func (s *Sim) endpointTable() string {
	methods := maps.Clone(pagePaths)
	for path, e := range s.api {
		methods[path] = e.method
	}
	var b strings.Builder
	b.WriteString("| path | method | for |\n|---|---|---|\n")
	for _, path := range slices.Sorted(maps.Keys(methods)) {
		e := s.api[path]
		who := []string{}
		for _, a := range []Account{{Kind: KindService}, {Kind: KindSubscription}, {Kind: KindMini}} {
			if e.may != nil && e.may(a) {
				who = append(who, a.Kind)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", path, methods[path], strings.Join(who, ", "))
	}
	return b.String()
}
