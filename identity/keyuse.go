package identity

import (
	"context"
	"slices"
)

// Use puts a further algorithm in use, and makes its key if there is none yet. Empty stands
// for the default one.
func (k *Keys) Use(ctx context.Context, alg string) error {
	for {
		old, all := k.more.Load(), k.inUse()
		if alg == "" || slices.Contains(all, alg) && k.ring.Load().lines[alg].inForce(k.Now()) != nil {
			return nil
		}
		if !slices.Contains(all, alg) {
			all = append(slices.Clone(all), alg)
		}
		if k.more.CompareAndSwap(old, &all) {
			return k.Load(ctx)
		}
	}
}

func (k *Keys) inUse() []string {
	if more := k.more.Load(); more != nil {
		return *more
	}
	return k.Algorithms
}
