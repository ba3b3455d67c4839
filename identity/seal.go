package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// MasterKeySize is the length of a master key in bytes.
const MasterKeySize = 32

// ErrSealed says that sealed bytes don't open: they were changed, cut, sealed for
// another purpose or context, or under a master key that this node doesn't have.
// Which of these it is, is nobody's business.
var ErrSealed = errors.New("sealed bytes don't open")

// Sealer seals what must be neither read nor changed outside: cookies, signing
// keys, secrets. One or two master keys are valid at a time: the first seals, all
// of them open, so that a key can be rotated without signing anybody out.
type Sealer struct{ masters [][]byte }

// NewSealer takes master keys of [MasterKeySize] bytes, the one in force first.
func NewSealer(masters ...[]byte) (*Sealer, error) {
	if len(masters) == 0 || len(masters) > 2 {
		return nil, fmt.Errorf("making sealer: %d master keys given, one or two are needed", len(masters))
	}
	for _, m := range masters {
		if len(m) != MasterKeySize {
			return nil, fmt.Errorf("making sealer: a master key of %d bytes, %d are needed", len(m), MasterKeySize)
		}
	}
	s := &Sealer{}
	for _, m := range masters {
		s.masters = append(s.masters, bytes.Clone(m)) // the caller may wipe his
	}
	return s, nil
}

// Box derives the keys of one purpose. What is sealed for one purpose doesn't
// open for another.
func (s *Sealer) Box(purpose string) *Box {
	b := &Box{}
	for _, master := range s.masters {
		// None of these can fail: the lengths are right.
		key, err := hkdf.Key(sha256.New, master, nil, "caddy-wsite "+purpose, 33)
		if err != nil {
			panic(err)
		}
		block, err := aes.NewCipher(key[:32])
		if err != nil {
			panic(err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			panic(err)
		}
		b.keys = append(b.keys, boxKey{aead, key[32]})
	}
	return b
}

// Keys are keys of 32 bytes for one purpose, one for each master key, for what does its
// own sealing.
func (s *Sealer) Keys(purpose string) [][]byte {
	var keys [][]byte
	for _, master := range s.masters {
		key, err := hkdf.Key(sha256.New, master, nil, "caddy-wsite keys "+purpose, 32)
		if err != nil {
			panic(err) // the length is right
		}
		keys = append(keys, key)
	}
	return keys
}

// Box seals for one purpose, with AES-256-GCM. It is safe for concurrent use.
type Box struct{ keys []boxKey }

type boxKey struct {
	aead cipher.AEAD
	hint byte // spares the wrong key's attempt, nothing more
}

// boxVersion is the first byte of all that is sealed, so that the form can change.
const boxVersion = 1

// Overhead is how many bytes Seal adds.
const Overhead = 2 + 12 + 16

// Seal seals plain. What was sealed opens only with the same context.
func (b *Box) Seal(plain []byte, context string) []byte {
	k := b.keys[0]
	out := make([]byte, 14, Overhead+len(plain))
	out[0], out[1] = boxVersion, k.hint
	rand.Read(out[2:14])
	return k.aead.Seal(out, out[2:14], plain, []byte(context))
}

// Open opens what Seal has sealed. stale tells that it was sealed under the older
// master key and should be sealed again. The error is always [ErrSealed].
func (b *Box) Open(sealed []byte, context string) (plain []byte, stale bool, err error) {
	if len(sealed) < Overhead || sealed[0] != boxVersion {
		return nil, false, ErrSealed
	}
	for i, k := range b.keys {
		if k.hint != sealed[1] {
			continue
		}
		if plain, err := k.aead.Open(nil, sealed[2:14], sealed[14:], []byte(context)); err == nil {
			return plain, i > 0, nil
		}
	}
	return nil, false, ErrSealed
}
