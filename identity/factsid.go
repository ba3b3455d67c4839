package identity

import (
	"context"
	"fmt"
)

// FactsID is a random name for these facts, of 32 bytes, which nobody else knows: what is
// kept outside of them, for them, is told apart by it. It is made on the first call, with
// random, and never changes.
func FactsID(ctx context.Context, store SecretStore, sealer *Sealer, random func([]byte)) ([]byte, error) {
	id, err := keepSecret(ctx, store, sealer.Box("facts id"), "facts/id", func() []byte {
		id := make([]byte, 32)
		random(id)
		return id
	})
	if err != nil {
		return nil, fmt.Errorf("reading the id of the facts: %w", err)
	}
	return id, nil
}
