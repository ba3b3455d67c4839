package identity

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRevoke(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	tests := []struct {
		name   string
		age    time.Duration
		revoke string // which key, by its state
		states string // afterwards
	}{
		{"a new key takes over where none is announced", 0, "signing", "revoked signing"},
		{"the announced key takes over", 29 * day, "signing", "revoked signing"},
		{"the announced key itself is replaced", 29 * day, "next", "signing revoked next"},
		{"a retired key only leaves", 30*day + time.Hour, "retired", "revoked signing"},
		{"the key in force never gives way to a retired one", 30*day + time.Hour, "signing", "retired revoked signing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			store := &memSecrets{}
			k := loaded(t, newKeys(t, store, c.Now, EdDSA))
			other := newKeys(t, store, c.Now, EdDSA)
			for range int(tt.age / time.Hour) {
				c.advance(time.Hour)
				if err := k.Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			loaded(t, other)
			id, epoch := "", k.Epoch()
			for _, i := range k.List() {
				if string(i.State) == tt.revoke {
					id = i.ID
				}
			}
			for range 2 { // the second time nothing happens
				if err := k.Revoke(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			if body, _ := k.JWKS(); strings.Contains(string(body), id) || k.Epoch() == epoch {
				t.Errorf("still published, epoch %d→%d", epoch, k.Epoch())
			}
			if s := sign(t, k, ""); s.KeyID == id {
				t.Error("the revoked key signs")
			}
			if err := k.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := states(k); got != tt.states {
				t.Errorf("states %q, want %q", got, tt.states)
			}
			for _, i := range k.List() {
				if i.State == KeySigning && i.Since.After(c.Now()) {
					t.Errorf("the key in force signs only from %s", i.Since)
				}
			}
			loaded(t, other)
			body, _ := other.JWKS()
			verifies(t, body, sign(t, k, ""), c.Now())
			for _, secret := range store.secrets {
				s, err := openSigningKey(k.Sealer.Box(signingPurpose), secret)
				if err != nil || s.KeyID == id && len(s.PKCS8) > 0 {
					t.Errorf("%s still has its private half (%v)", secret.Name, err)
				}
			}
		})
	}
}

func TestRevokeKnowsItsKeys(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, EdDSA))
	if err := k.Revoke(t.Context(), "nobody"); !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
}

// The place of a key that was revoked before its time is not taken early: verifiers
// don't know its successor yet.
func TestARevokedNextKeyLeavesItsTurnUnused(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := loaded(t, newKeys(t, &memSecrets{}, c.Now, EdDSA))
	rotate := func() {
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c.advance(30*24*time.Hour - 49*time.Hour)
	for range 48 {
		c.advance(time.Hour)
		rotate()
	}
	first := sign(t, k, "").KeyID
	for _, i := range k.List() {
		if i.State == KeyNext {
			if err := k.Revoke(t.Context(), i.ID); err != nil { // an hour before its use
				t.Fatal(err)
			}
		}
	}
	rotate()
	revoked := c.Now()
	for sign(t, k, "").KeyID == first {
		c.advance(time.Hour)
		rotate()
	}
	if ahead := c.Now().Sub(revoked); ahead < 24*time.Hour || ahead > 49*time.Hour {
		t.Errorf("its successor signs after %s", ahead)
	}
}

// A retired key doesn't come back, even where nobody made a successor at once.
func TestRevokingForAnAlgorithmOutOfUse(t *testing.T) {
	t.Parallel()
	c := newClock()
	store := &memSecrets{}
	k := loaded(t, newKeys(t, store, c.Now, ES256, EdDSA))
	first := sign(t, k, EdDSA).KeyID
	for range 30*24 + 1 {
		c.advance(time.Hour)
		if err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	second := sign(t, k, EdDSA).KeyID
	if err := loaded(t, newKeys(t, store, c.Now, ES256)).Revoke(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	loaded(t, k)
	if third := sign(t, k, EdDSA).KeyID; third == first || third == second {
		t.Error("an old key signs again")
	}
}
