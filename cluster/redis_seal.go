package cluster

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A record is what stands in Redis for a value: a byte for its version, the fence as 16
// hexadecimal digits, which a script compares, and the sealed value.

const (
	recordVersion = '1'
	recordHead    = 1 + 16
	sealCost      = 12 + 16 // nonce and tag
	maxRecord     = recordHead + sealCost + MaxValue
)

// The kinds of keys. Leases have a hash tag: their names and their fences are on one
// server of a cluster.
const (
	kindValue = "v"
	kindLimit = "r"
	kindTopic = "m"
	kindLease = "{l}"
)

// seals are the ciphers of the keys.
func seals(keys [][]byte) ([]cipher.AEAD, error) {
	var all []cipher.AEAD
	for i, key := range keys {
		if len(key) != 32 {
			return nil, fmt.Errorf("key %d has %d bytes, not 32", i+1, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, errors.New("a key makes no cipher")
		}
		seal, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, errors.New("a key makes no cipher")
		}
		all = append(all, seal)
	}
	return all, nil
}

// derive makes a key for one use.
func derive(key []byte, use string, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range append([]string{use}, parts...) {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return mac.Sum(nil)
}

// classes are the first words of keys that may be read by whoever reads the Redis.
var classes = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// ours are the names that we give, and may give in another version: a kind, a class and
// a hash, or something of a kind that there is only once.
var ours = regexp.MustCompile(`^(cluster|(\w{1,8}|\{\w{1,8}\}):([a-z][a-z0-9_-]{0,31}:[0-9a-f]{32}|fence))$`)

// name is what a key is called in Redis. What it says stays unknown, besides its class.
func (r *Redis) name(kind, key string) string {
	class, _, ok := strings.Cut(key, "/")
	if !ok || !classes.MatchString(class) {
		class = "other"
	}
	return r.prefix + kind + ":" + class + ":" + hex.EncodeToString(derive(r.names, kind, key)[:16])
}

// bound is what a record is sealed with: its own head, where it is, and what for.
func bound(head, name, key string) []byte { return []byte(head + name + "\x00" + key) }

// seal makes a record.
func (r *Redis) seal(name, key string, fence int64, value []byte) string {
	// Moved up by 2^63, numbers are in the order of their digits.
	head := fmt.Sprintf("%c%016x", recordVersion, uint64(fence)^1<<63)
	return string(r.seals[0].Seal([]byte(head), nil, value, bound(head, name, key)))
}

// open opens a record. What doesn't open is counted, unless there is nothing.
func (r *Redis) open(name, key, record string) ([]byte, bool) {
	if record == "" {
		return nil, false
	}
	if len(record) <= maxRecord && len(record) >= recordHead+sealCost && record[0] == recordVersion {
		head, sealed := record[:recordHead], []byte(record[recordHead:])
		for _, seal := range r.seals {
			if value, err := seal.Open([]byte{}, nil, sealed, bound(head, name, key)); err == nil {
				return value, true
			}
		}
	}
	r.unopened.Add(1)
	return nil, false
}
