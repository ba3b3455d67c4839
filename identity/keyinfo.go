package identity

import (
	"slices"
	"strings"
	"time"
)

// KeyState says where in its life a signing key is.
type KeyState string

const (
	KeyNext    KeyState = "next"    // published, to sign later
	KeySigning KeyState = "signing" // signs new tokens
	KeyRetired KeyState = "retired" // signs no more, published for the tokens that it signed
	KeyRevoked KeyState = "revoked" // withdrawn; nothing that it signed is to be believed
)

// KeyInfo tells about a signing key, without the key.
type KeyInfo struct {
	ID        string // RFC 7638 thumbprint
	Algorithm string
	State     KeyState
	Made      time.Time
	// Since is from when it signs or signed.
	Since time.Time
	// Until is when it stops or stopped to: the planned moment for a key that is
	// next or signing, the moment of its revocation for a revoked one.
	Until time.Time
}

// List tells about all keys but the forgotten ones, by algorithm, the oldest first.
func (k *Keys) List() []KeyInfo {
	ring := k.ring.Load()
	if ring == nil {
		return nil
	}
	now := k.Now()
	var list []KeyInfo
	for alg, l := range ring.lines {
		current, inUse := l.inForce(now), slices.Contains(k.inUse(), alg)
		for i, s := range l {
			info := KeyInfo{ID: s.KeyID, Algorithm: alg, Made: s.MadeAt, Since: s.UseFrom, Until: s.UseUntil}
			switch {
			case !s.RevokedAt.IsZero():
				info.State, info.Until = KeyRevoked, s.RevokedAt
			case !s.usable():
				continue
			case inUse && s == current:
				info.State = KeySigning
			case inUse && current != nil && s.generation > current.generation:
				info.State = KeyNext
			default:
				info.State = KeyRetired
				if end := l.retiredAt(i, now); !end.IsZero() {
					info.Until = end
				}
			}
			list = append(list, info)
		}
	}
	slices.SortStableFunc(list, func(a, b KeyInfo) int { return strings.Compare(a.Algorithm, b.Algorithm) })
	return list
}
