package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

func twice(t *testing.T, s, other inbox.Store) {
	for i := range 20 {
		var fresh [2]bool
		var both sync.WaitGroup
		for n, store := range []inbox.Store{s, other} {
			both.Go(func() {
				var err error
				fresh[n], err = store.PutPush(context.WithoutCancel(t.Context()), inbox.Push{AppID: "wx1", Key: fmt.Sprint("k", i), Sealed: []byte{}, At: t0, Came: t0}, nil)
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		want(t, fresh[0] != fresh[1], true)
	}
}
