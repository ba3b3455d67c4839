package custody

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
)

// vault is where one token or ticket is kept, and who decides who may get the next.
type vault interface {
	// read returns nil if there is nothing.
	read(ctx context.Context) ([]byte, error)
	claim(ctx context.Context, holder string, now time.Time, life time.Duration) (fence int64, ok bool, err error)
	// write writes unless somebody has claimed, or written, with a greater fence.
	write(ctx context.Context, fence int64, sealed []byte, life time.Duration) (put bool, err error)
	release(ctx context.Context, holder string) error
	// alone says whether a node that can't reach the vault may get a token for itself.
	alone() bool
}

// vaultOf chooses where something is kept.
func (k *Keeper) vaultOf(of key, legacy bool) vault {
	if legacy && of.kind == KindToken {
		return factsVault{k.Store, of.appID}
	}
	return sharedVault{k.Shared, of.name()}
}

// reached notes whether a vault answered: when it no longer does, and when it does again,
// is told once, not for each account. A shared state that is away says so itself.
func (k *Keeper) reached(ctx context.Context, v vault, err error) {
	down, what := &k.factsDown, "the facts"
	if v.alone() {
		down, what = &k.sharedDown, "the shared state"
	}
	switch {
	case err == nil && down.CompareAndSwap(true, false):
		k.Log.InfoContext(ctx, "tokens in custody can be reached again", "step", "custody", "in", what)
	case err != nil && ctx.Err() == nil && !errors.Is(err, cluster.ErrAway) && down.CompareAndSwap(false, true):
		k.Log.ErrorContext(ctx, "tokens in custody can't be reached", "step", "custody", "in", what, "error", err)
	}
}

// sharedVault keeps what WeChat gives again to whoever asks.
type sharedVault struct {
	shared cluster.Shared
	name   string
}

func (v sharedVault) read(ctx context.Context) ([]byte, error) {
	sealed, _, err := v.shared.Get(ctx, v.name)
	return sealed, err
}

func (v sharedVault) claim(ctx context.Context, holder string, _ time.Time, life time.Duration) (int64, bool, error) {
	return v.shared.Lease(ctx, v.name, holder, life)
}

func (v sharedVault) write(ctx context.Context, fence int64, sealed []byte, life time.Duration) (bool, error) {
	return v.shared.PutFenced(ctx, v.name, sealed, fence, life)
}

func (v sharedVault) release(ctx context.Context, holder string) error {
	return v.shared.Release(ctx, v.name, holder)
}

func (v sharedVault) alone() bool { return true }

// factsVault keeps a legacy token.
type factsVault struct {
	store Store
	appID string
}

var errNoStore = errors.New("a legacy token needs a store")

func (v factsVault) read(ctx context.Context) ([]byte, error) {
	if v.store == nil {
		return nil, errNoStore
	}
	sealed, _, err := v.store.Custody(ctx, v.appID)
	return sealed, err
}

func (v factsVault) claim(ctx context.Context, holder string, now time.Time, life time.Duration) (int64, bool, error) {
	if v.store == nil {
		return 0, false, errNoStore
	}
	return v.store.ReserveCustody(ctx, v.appID, holder, now, now.Add(life))
}

func (v factsVault) write(ctx context.Context, fence int64, sealed []byte, _ time.Duration) (bool, error) {
	return v.store.PutCustody(ctx, v.appID, fence, sealed)
}

func (v factsVault) release(ctx context.Context, holder string) error {
	return v.store.ReleaseCustody(ctx, v.appID, holder)
}

// alone is false: two nodes on their own would retire each other's token for ever.
func (v factsVault) alone() bool { return false }
