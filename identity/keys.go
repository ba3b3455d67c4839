package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrUnknownKey says that there is no signing key with this id.
var ErrUnknownKey = errors.New("no signing key has this id")

// defaultLife is how long a token lives unless told otherwise.
const defaultLife = 5 * time.Minute

// SecretStore is the part of a [Store] that keeps sealed secrets.
type SecretStore interface {
	Secrets(ctx context.Context, prefix string) ([]Secret, error)
	PutSecret(ctx context.Context, s Secret) error
}

// Keys signs tokens, and rotates the keys that it signs with by itself: a key signs
// for 30 days, is published two days before, and stays published for a token's life
// and a day after. All nodes share them through the facts.
//
// Set the fields, call [Keys.Load] and [Keys.Rotate] once, Rotate every hour from
// then on, and Load whenever a secret whose name begins with "signing/" is stale.
// It is safe for concurrent use; signing takes no lock.
type Keys struct {
	Store  SecretStore
	Sealer *Sealer
	// Algorithms are those in use, the default first: [ES256], [RS256], [EdDSA].
	// The keys of others are published until they are over.
	Algorithms []string
	// Life is how long a token lives, in whole seconds; less than one means 5 minutes.
	Life time.Duration
	Now  func() time.Time
	// Rand feeds the ids of tokens; nil means [rand.Reader].
	Rand io.Reader

	mu   sync.Mutex // one writer at a time
	ring atomic.Pointer[keyring]
	more atomic.Pointer[[]string] // Algorithms, and what Use has added
}

// keyring is what one reading of the facts gave. It never changes.
type keyring struct {
	lines     map[string]lineage
	published []*signingKey
	signing   []string // key ids, one for each algorithm in use
	jwks      []byte
	etag      string
	epoch     uint64
}

// Load reads the keys from the facts, makes a first one where an algorithm in use
// has none, and seals again what the older master key has sealed. It does not touch
// what it can't open: that is an error that names the secret and wraps [ErrSealed].
func (k *Keys) Load(ctx context.Context) error {
	return k.settle(ctx, "loading signing keys", k.renew)
}

// Rotate does what Load does and what the calendar asks for: it publishes the next
// key, and forgets those whose tokens are all over. Call it as often as you like.
func (k *Keys) Rotate(ctx context.Context) error {
	return k.settle(ctx, "rotating signing keys", func(lines map[string]lineage, now time.Time) (lineage, error) {
		todo, err := k.renew(lines, now)
		if err != nil || len(todo) > 0 {
			return todo, err
		}
		for _, alg := range k.inUse() {
			due, err := lines[alg].due(k.life(), now)
			if err != nil {
				return nil, err
			}
			todo = append(todo, due...)
		}
		return todo, nil
	})
}

// Revoke withdraws a key whose private half may be in wrong hands: it leaves the
// key set at once and never signs again. If it was in force, the published next key
// signs from now on, else a new one. Verifiers go on believing it for as long as
// they cache the key set, and the other nodes until they hear of it.
//
// Revoking a key twice is fine; an id that no key has is [ErrUnknownKey].
func (k *Keys) Revoke(ctx context.Context, keyID string) error {
	return k.settle(ctx, "revoking signing key", func(lines map[string]lineage, now time.Time) (lineage, error) {
		for alg, l := range lines {
			for _, s := range l {
				if s.KeyID == keyID {
					return l.revoke(s, slices.Contains(k.inUse(), alg), now)
				}
			}
		}
		return nil, ErrUnknownKey
	})
}

// Sign signs a token with the key in force of an algorithm, or of the default one
// if alg is empty. Issuer, subject, audience and kind must be set.
func (k *Keys) Sign(alg string, t Token) (Signed, error) {
	if err := t.check(); err != nil {
		return Signed{}, err
	}
	if alg == "" && len(k.Algorithms) > 0 {
		alg = k.Algorithms[0]
	}
	ring := k.ring.Load()
	if ring == nil {
		return Signed{}, errors.New("signing token: the keys are not loaded")
	}
	now := k.Now()
	key := ring.lines[alg].inForce(now)
	if key == nil || !slices.Contains(k.inUse(), alg) {
		return Signed{}, fmt.Errorf("signing token: no key for algorithm %q", alg)
	}
	var random [16]byte
	if _, err := io.ReadFull(k.rand(), random[:]); err != nil {
		return Signed{}, fmt.Errorf("signing token: %w", err)
	}
	expires := now.Truncate(time.Second).Add(k.life())
	payload := t.appendClaims(make([]byte, 0, 768), base64url.EncodeToString(random[:]), now, expires)

	token := make([]byte, 0, len(key.header)+base64url.EncodedLen(len(payload))+1+base64url.EncodedLen(rsaBits/8))
	token = append(token, key.header...)
	token = base64url.AppendEncode(token, payload)
	signature, err := key.method().Sign(string(token), key.private)
	if err != nil {
		return Signed{}, fmt.Errorf("signing token: %w", err)
	}
	token = base64url.AppendEncode(append(token, '.'), signature)
	return Signed{
		JWT: string(token), KeyID: key.KeyID, Epoch: ring.epoch,
		Renew: expires.Add(-k.life() / 2), Expires: expires,
	}, nil
}

// JWKS returns the key set (RFC 7517 §5) and its entity tag, quoted. Both are empty
// while no key is loaded: answer 503 then, since verifiers would keep an empty set.
// Don't change the bytes.
func (k *Keys) JWKS() (body []byte, etag string) {
	ring := k.ring.Load()
	if ring == nil || len(ring.published) == 0 {
		return nil, ""
	}
	return ring.jwks, ring.etag
}

// Epoch changes whenever a key was revoked or forgotten, or another one signs. A
// cached token whose [Signed.Epoch] differs is to be signed anew. It costs one
// atomic load.
func (k *Keys) Epoch() uint64 {
	if ring := k.ring.Load(); ring != nil {
		return ring.epoch
	}
	return 0
}

// settle reads the keys, publishes them, and writes what plan asks for, until there
// is nothing to write. Losing a race is nothing to worry about: the winner's keys are
// as good as ours.
func (k *Keys) settle(ctx context.Context, doing string, plan func(map[string]lineage, time.Time) (lineage, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	box := k.Sealer.Box(signingPurpose)
	for range tries {
		lines, err := k.read(ctx, box)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		now := k.Now().UTC().Truncate(time.Second)
		if err := k.publish(lines, now); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		todo, err := plan(lines, now)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if len(todo) == 0 {
			return nil
		}
		for _, s := range todo {
			secret, err := s.seal(box)
			if err == nil {
				err = k.Store.PutSecret(ctx, secret)
			}
			if errors.Is(err, ErrConflict) {
				break
			}
			if err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		}
	}
	return fmt.Errorf("%s: lost %d races in a row: %w", doing, tries, ErrUnavailable)
}

// read reads all keys that the facts hold, of whatever algorithm.
func (k *Keys) read(ctx context.Context, box *Box) (map[string]lineage, error) {
	secrets, err := k.Store.Secrets(ctx, signingPrefix)
	if err != nil {
		return nil, err
	}
	lines := map[string]lineage{}
	for _, secret := range secrets {
		s, err := openSigningKey(box, secret)
		if err != nil {
			return nil, err
		}
		lines[s.Algorithm] = append(lines[s.Algorithm], s)
	}
	for _, l := range lines {
		slices.SortFunc(l, func(a, b *signingKey) int { return a.generation - b.generation })
	}
	return lines, nil
}

// renew is what every reading of the facts may have to set right.
func (k *Keys) renew(lines map[string]lineage, now time.Time) (lineage, error) {
	var todo lineage
	for _, alg := range k.inUse() {
		first, err := lines[alg].first(alg, now)
		if err != nil {
			return nil, err
		}
		todo = append(todo, first...)
	}
	for _, l := range lines {
		for _, s := range l {
			if s.stale {
				todo = append(todo, s)
			}
		}
	}
	return todo, nil
}

// publish makes the keys the ones that sign and are shown from now on.
func (k *Keys) publish(lines map[string]lineage, now time.Time) error {
	ring := &keyring{lines: lines}
	set := jwkSet{Keys: []jwk{}}
	for _, alg := range []string{ES256, RS256, EdDSA} {
		inUse := slices.Contains(k.inUse(), alg)
		if s := lines[alg].inForce(now); inUse && s != nil {
			ring.signing = append(ring.signing, s.KeyID)
		}
		for i, s := range lines[alg] {
			if s.usable() && !lines[alg].over(i, inUse, k.life(), now) {
				ring.published = append(ring.published, s)
				set.Keys = append(set.Keys, s.jwk)
			}
		}
	}
	var err error
	if ring.jwks, err = json.Marshal(set); err != nil {
		return fmt.Errorf("publishing keys: %w", err)
	}
	sum := sha256.Sum256(ring.jwks)
	ring.etag = `"` + base64url.EncodeToString(sum[:16]) + `"`
	if old := k.ring.Load(); old != nil {
		ring.epoch = old.epoch
		if !slices.Equal(ring.signing, old.signing) || ring.lacks(old.published) {
			ring.epoch++
		}
	}
	k.ring.Store(ring)
	return nil
}

// lacks says that one of the keys isn't published any more.
func (r *keyring) lacks(keys []*signingKey) bool {
	return slices.ContainsFunc(keys, func(was *signingKey) bool {
		return !slices.ContainsFunc(r.published, func(s *signingKey) bool { return s.KeyID == was.KeyID })
	})
}

func (k *Keys) life() time.Duration {
	if k.Life < time.Second {
		return defaultLife
	}
	return k.Life.Truncate(time.Second)
}

func (k *Keys) rand() io.Reader {
	if k.Rand == nil {
		return rand.Reader
	}
	return k.Rand
}
