package sqlstore

import (
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		storetest.Run(t, storetest.Harness{
			Open: func(t *testing.T) identity.Store { return openAt(t, fresh(t)) },
			Reopen: func(t *testing.T, s identity.Store) identity.Store {
				if err := s.(*Store).Close(); err != nil {
					t.Fatal(err)
				}
				return openAt(t, placeOf(s.(*Store)))
			},
			Second: func(t *testing.T, s identity.Store) identity.Store { return openAt(t, placeOf(s.(*Store))) },
			Break:  func(t *testing.T, s identity.Store) { s.(*Store).Close() },
		})
	})
}
