package nodes

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// world is everything: WeChat and its people, some nodes, what they share, and who is
// behind them.
type world struct {
	origin string
	seed   uint64
	sim    *wechatsim.Server
	facts  *pgtest.Server
	line   *line // from the nodes to the facts
	dsn    string
	redis  *redistest.Server
	site   *site
	lines  *lines
	nodes  []*node
	*balancer
}

// startWorld starts a world of some nodes and people. What the people are called is
// [personName].
func startWorld(t *testing.T, nodes, people int, changes ...string) *world {
	t.Helper()
	if _, err := binary(); err != nil {
		t.Fatal(err)
	}
	w := &world{origin: "http://" + freeAddress(t), seed: seed(t), facts: pgtest.Start(t), redis: redistest.Single(t), lines: startLines(t)}
	w.line, w.dsn = layLine(t, w.facts.DSN(t))
	w.sim = wechatsim.StartT(t, func(o *wechatsim.Options) {
		o.Seed, o.Accounts = w.seed, accounts()
		for i := range people {
			o.People = append(o.People, wechatsim.Person{Name: personName(i), Granted: []string{appA}})
		}
	})
	// Another host name than the origin's: cookies know no ports.
	w.sim.URL = strings.Replace(w.sim.URL, "127.0.0.1", "localhost", 1)
	w.sim.Answer(wechatsim.ConsentAllow)
	w.site = startSite(t, w.origin)
	w.site.keys = w.publishedKeys
	text := w.config(changes...)
	for i := range nodes {
		n := newNode(t, fmt.Sprintf("node-%d", i+1), text)
		n.origin = strings.TrimPrefix(w.origin, "http://")
		w.nodes = append(w.nodes, n)
	}
	for _, n := range w.nodes {
		n.start(t)
	}
	w.balancer = newBalancer(t, w)
	return w
}

func personName(i int) string { return "person-" + strconv.Itoa(i) }

// seed is that of the environment, to see the same again, or a new one. Processes are
// scheduled as they like, so that it is the same story and not the same to the millisecond.
func seed(t testing.TB) uint64 {
	t.Helper()
	s := uint64(time.Now().UnixNano())
	if text, ok := os.LookupEnv("WSITE_SEED"); ok {
		var err error
		if s, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("WSITE_SEED=%d", s)
	return s
}

// dice are the dice of one who plays a part.
func (w *world) dice(part uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, part)) }

// soak says whether the story shall be long.
func soak() bool {
	_, ok := os.LookupEnv("WSITE_SOAK")
	return ok
}
