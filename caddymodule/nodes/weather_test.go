package nodes

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// grace is how long after an outage its errors may still come: what has waited for it gives
// up, and who looks for it once in a while finds it.
const grace = 5 * time.Second

// outage is a time at which something is away.
type outage struct {
	what  string
	node  *node // whose, if it is one's
	from  time.Time
	until time.Time // zero while it lasts
	last  time.Time // the last error that was blamed on it
}

// allows says whether an outage may be why somebody met such an error at a node.
func (o *outage) allows(n *node, kind string) bool {
	switch {
	case o.node != nil && o.node == n && (kind == kindCut || kind == kindLate):
		return true // killed or paused itself
	case o.node != nil && kind == "login_refused":
		// It had used up the code, and nobody else knows what for. Who was asked for consent
		// has to tap again; all others are sent to WeChat once more.
		return true
	case o.what == killed, o.what == redisAway:
		return false
	}
	// A node that freezes while it writes holds up the others, as docs/operations.md says.
	return kind == "facts_down"
}

// The kinds of outages.
const (
	killed      = "a node killed"
	paused      = "a node paused"
	redisAway   = "Redis away"
	factsAway   = "PostgreSQL stopped"
	factsSilent = "PostgreSQL silent"
)

// weather remembers outages, and judges errors by them.
type weather struct {
	mu       sync.Mutex
	outages  []*outage
	errors   map[string]int // by kind and outage
	unlooked []string       // errors for which there was no reason
}

// begin begins an outage, and returns what ends it.
func (w *weather) begin(what string, n *node) (end func()) {
	o := &outage{what: what, node: n, from: time.Now()}
	w.mu.Lock()
	w.outages = append(w.outages, o)
	w.mu.Unlock()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		o.until = time.Now()
	}
}

// blame finds the outage that explains an error of a request that began at some moment and
// ends now.
func (w *weather) blame(n *node, kind string, began time.Time, detail string) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range slices.Backward(w.outages) {
		if o.allows(n, kind) && (o.until.IsZero() || began.Before(o.until.Add(grace))) {
			o.last = now
			w.errors[kind+", "+o.what]++
			return
		}
	}
	w.errors[kind+", for no reason"]++
	if len(w.unlooked) < 20 {
		w.unlooked = append(w.unlooked, fmt.Sprintf("%s at %s after %s: %s", kind, n.name, now.Sub(began), detail))
	}
}

// recovery is how long after its end each outage was still felt.
func (w *weather) recovery() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, o := range w.outages {
		all = append(all, fmt.Sprintf("%s for %s, felt for %s more", o.what, o.until.Sub(o.from).Round(time.Millisecond), max(0, o.last.Sub(o.until)).Round(time.Millisecond)))
	}
	return all
}
