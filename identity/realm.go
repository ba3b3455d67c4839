package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// ErrMasterKey says that the facts were sealed under another master key. Going on
// would mint other guests than before and lock out every signed-in visitor.
var ErrMasterKey = errors.New("the master key does not fit these facts")

// realmKeySize is the length of a realm's guest key in bytes.
const realmKeySize = 32

// checkValue is what the check secret holds. It is no secret: that it opens is all
// that counts.
const checkValue = "caddy-wsite facts 1"

// RealmKey returns the key that the guest ids of a realm are derived from. It is
// made on the first call, with random, and never changes: the same openid would be
// another guest. It is sealed again when the master key was rotated, so every realm
// has to be asked for once while the older master key is still there.
//
// A key that doesn't open is an error that wraps [ErrSealed]; none is made in its
// place.
func RealmKey(ctx context.Context, store SecretStore, sealer *Sealer, realm string, random func([]byte)) ([]byte, error) {
	if realm == "" {
		return nil, errors.New("reading realm key: the realm has no name")
	}
	key, err := keepSecret(ctx, store, sealer.Box("realm key"), "realm/"+realm, func() []byte {
		key := make([]byte, realmKeySize)
		random(key)
		return key
	})
	if err != nil {
		return nil, fmt.Errorf("reading realm key: %w", err)
	}
	if len(key) != realmKeySize {
		return nil, fmt.Errorf("reading realm key: secret realm/%s holds %d bytes, not %d", realm, len(key), realmKeySize)
	}
	return key, nil
}

// CheckMaster makes sure, at every start and before anything else is read, that the
// master key is the one that these facts were sealed under; if not, the error is
// [ErrMasterKey]. Facts without a check value get one.
func CheckMaster(ctx context.Context, store SecretStore, sealer *Sealer) error {
	value, err := keepSecret(ctx, store, sealer.Box("check"), "check", func() []byte { return []byte(checkValue) })
	if errors.Is(err, ErrSealed) || err == nil && !bytes.Equal(value, []byte(checkValue)) {
		return fmt.Errorf("checking master key: %w", ErrMasterKey)
	}
	if err != nil {
		return fmt.Errorf("checking master key: %w", err)
	}
	return nil
}

// keepSecret returns the content of a secret that is made once and never changed.
// Of several nodes that make it at once, one wins and the others take its value.
func keepSecret(ctx context.Context, store SecretStore, box *Box, name string, fresh func() []byte) ([]byte, error) {
	for range tries {
		secret, err := secretNamed(ctx, store, name)
		if err != nil {
			return nil, err
		}
		stale := true
		var plain []byte
		if secret.Version == 0 {
			plain = fresh()
		} else if plain, stale, err = box.Open(secret.Sealed, name); err != nil {
			return nil, fmt.Errorf("opening secret %s: %w", name, err)
		}
		if !stale {
			return plain, nil
		}
		secret.Sealed = box.Seal(plain, name)
		if err = store.PutSecret(ctx, secret); err == nil {
			return plain, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("lost %d races in a row: %w", tries, ErrUnavailable)
}

// secretNamed returns a secret by its whole name, with Version 0 if there is none.
func secretNamed(ctx context.Context, store SecretStore, name string) (Secret, error) {
	found, err := store.Secrets(ctx, name)
	if err != nil {
		return Secret{}, err
	}
	for _, s := range found {
		if s.Name == name {
			return s, nil
		}
	}
	return Secret{Name: name}, nil
}
