package custody_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

const (
	stable = "wx1111111111111111"
	legacy = "wx2222222222222222"
)

// world is a cluster of keepers before WeChat, in a bubble of package synctest: time
// passes only while everybody waits.
type world struct {
	testing.TB
	wechat *platform
	shared *watchedShared
	store  *watchedStore
	box    *identity.Box
	config func(*custody.Config) // changes what the next node is made of

	mu     sync.Mutex
	alarms []custody.Alarm
	log    strings.Builder
	random *rand.Rand
}

// play runs a test in a world of its own.
func play(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newWorld(t)) })
}

func newWorld(t testing.TB) *world {
	sealer, err := identity.NewSealer(make([]byte, identity.MasterKeySize))
	if err != nil {
		t.Fatal(err)
	}
	facts, err := sqlstore.OpenSQLite(t.Context(), freshtest.SQLite(t), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { facts.Close() })
	box := sealer.Box("custody")
	return &world{
		TB: t, wechat: newPlatform(), box: box, random: rand.New(rand.NewPCG(1, 1)),
		shared: &watchedShared{Shared: cluster.NewMemory(time.Now), watch: newWatch(box)},
		store:  &watchedStore{Store: facts, watch: newWatch(box)},
	}
}

// node makes a keeper.
func (w *world) node(name string) *custody.Keeper {
	w.Helper()
	c := custody.Config{
		Source: w.wechat, Shared: w.shared, Store: w.store, Seal: w.box.Seal, Open: w.box.Open, Holder: name,
		Account: account, Random: w.bytes, Log: slog.New(slog.NewTextHandler(w, nil)),
		Alarm: func(a custody.Alarm) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.alarms = append(w.alarms, a)
		},
	}
	if w.config != nil {
		w.config(&c)
	}
	k, err := custody.NewKeeper(c)
	if err != nil {
		w.Fatal(err)
	}
	return k
}

// account: all accounts exist whose id begins as real ones do; those with a 2 behind
// it are legacy.
func account(appID string) (custody.Account, bool) {
	return custody.Account{AppID: appID, Secret: "s", Legacy: isLegacy(appID)}, strings.HasPrefix(appID, "wx")
}

func isLegacy(appID string) bool { return strings.HasPrefix(appID, "wx2") }

// bytes are random ones, the same in each run.
func (w *world) bytes(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range b {
		b[i] = byte(w.random.Uint32())
	}
}

// Write takes the log.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(line)
}

// token wants a keeper to have a token.
func (w *world) token(k *custody.Keeper, appID string) string {
	w.Helper()
	token, until, err := k.Token(w.Context(), appID)
	if err != nil {
		w.Fatal(err)
	}
	if !time.Now().Before(until) {
		w.Errorf("%s has ended %v ago", token, time.Since(until))
	}
	return token
}

// tells wants all alarms so far, as "reason+" or "reason-", and forgets them.
func (w *world) tells(want ...string) {
	w.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	got := []string{}
	for _, a := range w.alarms {
		got = append(got, string(a.Reason)+map[bool]string{true: "+", false: "-"}[a.On])
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("the alarms are %v, want %v", got, want)
	}
	w.alarms = nil
}

// asks wants WeChat to be asked n times while do is done.
func (w *world) asks(n int, do func()) {
	w.Helper()
	before := w.wechat.asked()
	do()
	synctest.Wait()
	if got := w.wechat.asked() - before; got != n {
		w.Errorf("WeChat was asked %d times, want %d", got, n)
	}
}

// call is a call that counts how often it is made.
func (w *world) call(made *int) func(context.Context, wechat.Bearer) error {
	return func(ctx context.Context, as wechat.Bearer) error {
		*made++
		return w.wechat.use(ctx, as)
	}
}

// pass lets time go by, which takes none inside of a bubble.
func pass(d time.Duration) { <-time.After(d) }
