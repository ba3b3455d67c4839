package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// lower is base32 without padding and capitals, so that an id survives systems
// that fold case.
var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// GuestID derives the virtual id of an openid's gen-th guest. Being derived, it
// is the same on every node; being keyed, it tells nothing of the openid.
func GuestID(realmKey []byte, o Openid, gen int) string {
	return "v" + lower.EncodeToString(keyed(realmKey, "openid guest", []byte(o.AppID), []byte(o.OpenID), binary.AppendUvarint(nil, uint64(gen)))[:20])
}

// partedID is the virtual id by which a WeChat account is known after it was parted
// from a user for the epoch-th time. Old ids never come back.
func partedID(realmKey []byte, n Unionid, epoch int) string {
	return "v" + lower.EncodeToString(keyed(realmKey, "parted unionid", []byte(n.Subject), []byte(n.UnionID), binary.AppendUvarint(nil, uint64(epoch)))[:20])
}

// registeredID is the real id that a realm which registers silently gives a person.
func registeredID(realmKey []byte, n Unionid, epoch int) string {
	return "r" + lower.EncodeToString(keyed(realmKey, "registered", []byte(n.Subject), []byte(n.UnionID), binary.AppendUvarint(nil, uint64(epoch)))[:20])
}

// mark is the digest by which something erased is remembered.
func mark(realmKey []byte, kind MarkKind, parts ...string) string {
	raw := make([][]byte, len(parts))
	for i, p := range parts {
		raw[i] = []byte(p)
	}
	return lower.EncodeToString(keyed(realmKey, "mark "+string(kind), raw...)[:20])
}

// minted says whether an id looks like one of ours: no business may call a user so.
func minted(id string) bool {
	if len(id) == 33 && (id[0] == 'v' || id[0] == 'e') {
		_, err := lower.DecodeString(id[1:])
		return err == nil
	}
	return false
}

// ephemeralID is the id of a visitor whose ids WeChat made up for a preview. It
// comes from those, so that one preview is one visitor, and leads nowhere (K0).
func ephemeralID(realmKey []byte, o Openid) string {
	return "e" + lower.EncodeToString(keyed(realmKey, "snapshot", []byte(o.AppID), []byte(o.OpenID))[:20])
}

// ephemeral recognises the ids that ephemeralID makes. Of all virtual ids only they
// begin with an e and have no dashes.
func ephemeral(id string) bool {
	raw, err := lower.DecodeString(strings.TrimPrefix(id, "e"))
	return err == nil && len(raw) == 20 && id[0] == 'e' && len(id) == 33
}

// GuestSeed is what a browser that WeChat doesn't vouch for carries in its guest
// cookie: a UUIDv7 (RFC 9562 §5.7).
type GuestSeed [16]byte

// NewGuestSeed makes a seed from the moment and 10 random bytes.
func NewGuestSeed(now time.Time, random [10]byte) GuestSeed {
	var s GuestSeed
	ms := now.UnixMilli()
	binary.BigEndian.PutUint16(s[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(s[2:], uint32(ms))
	copy(s[6:], random[:])
	s[6] = 0x70 | s[6]&0x0f
	s[8] = 0x80 | s[8]&0x3f
	return s
}

// Born is the moment the seed was made, to the millisecond.
func (s GuestSeed) Born() time.Time {
	ms := int64(binary.BigEndian.Uint16(s[0:]))<<32 | int64(binary.BigEndian.Uint32(s[2:]))
	return time.UnixMilli(ms).UTC()
}

// CookieGuestID is the virtual id that a seed stands for in a realm: a UUIDv7 of
// the same moment, different in each realm, so that no two companies can compare
// their visitors. Its last 32 bits vouch for the others, by which it is told from the
// UUIDs that businesses make.
func CookieGuestID(realmKey []byte, s GuestSeed) string {
	var random [10]byte
	copy(random[:], keyed(realmKey, "cookie guest", s[:]))
	u := NewGuestSeed(s.Born(), random)
	copy(u[12:], guestTail(realmKey, u))
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

func guestTail(realmKey []byte, u GuestSeed) []byte {
	return keyed(realmKey, "cookie guest tail", u[:12])[:4]
}

// cookieGuest recognises the ids that CookieGuestID makes.
func cookieGuest(realmKey []byte, id string) bool {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return false
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	return err == nil && len(raw) == len(GuestSeed{}) && hmac.Equal(raw[12:], guestTail(realmKey, GuestSeed(raw)))
}

// keyed is HMAC-SHA256 over a purpose and parts. Each part carries its length, so
// that no two lists of parts give the same input.
func keyed(key []byte, purpose string, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose))
	for _, p := range parts {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		mac.Write(n[:])
		mac.Write(p)
	}
	return mac.Sum(nil)
}
