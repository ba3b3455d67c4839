package console

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// What a password costs: OWASP's least, some 30 ms.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	saltSize     = 16
	hashSize     = 32
)

// Lengths of a password, in characters.
const (
	minPassword = 12
	maxPassword = 128
)

// kneading bounds how many passwords are worked on at once, for each takes 19 MiB.
var kneading = make(chan struct{}, 2)

func knead(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case kneading <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-kneading }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, hashSize), nil
}

var b64 = base64.RawStdEncoding

var argonHead = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonTime, argonThreads)

// keep makes of a password what is kept of it.
func (c *Console) keep(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	c.Random(salt)
	hash, err := knead(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return argonHead + b64.EncodeToString(salt) + "$" + b64.EncodeToString(hash), nil
}

// matches says whether a password is the one that was kept. It takes as long where none
// was, so that nobody learns which names there are.
func matches(ctx context.Context, kept, password string) (bool, error) {
	rest, ok := strings.CutPrefix(kept, argonHead)
	salt64, hash64, _ := strings.Cut(rest, "$")
	salt, err := b64.DecodeString(salt64)
	want, err2 := b64.DecodeString(hash64)
	if !ok || err != nil || err2 != nil || len(want) != hashSize {
		ok, salt, want = false, make([]byte, saltSize), make([]byte, hashSize)
	}
	got, err := knead(ctx, password, salt)
	return ok && err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

// checkPassword judges a password that somebody wants; nil if it will do.
func checkPassword(name, password string) *fault {
	n := utf8.RuneCountInString(password)
	if !utf8.ValidString(password) || n < minPassword || n > maxPassword {
		return refuse(400, "密码须为 12 至 128 个字符", "A password has 12 to 128 characters")
	}
	low := strings.ToLower(password)
	if name != "" && strings.Trim(strings.ReplaceAll(low, name, ""), "0123456789") == "" || strings.Count(low, low[:1]) == n {
		return refuse(400, "密码过于简单", "That password is too easy to guess")
	}
	return nil
}

// newToken makes what can't be guessed, and what is kept of it.
func (c *Console) newToken() (token string, hash []byte) {
	raw := make([]byte, 32)
	c.Random(raw)
	token = base64.RawURLEncoding.EncodeToString(raw)
	return token, digest(token)
}

func digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// formWord is what the forms of a session carry.
func formWord(token string) string { return hex.EncodeToString(digest("form " + token)) }
