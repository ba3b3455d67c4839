package wechatsim

import (
	"fmt"
	"math/rand/v2"
	"sync"
)

const (
	alphanumerics = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	tokenLetters  = alphanumerics + "-_"
)

// dice are a seeded source of chance that many requests share.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

func newDice(seed uint64) *dice {
	return &dice{rand: rand.New(rand.NewPCG(seed, 0x77656368617473))}
}

// upTo is a number in [0, n).
func (d *dice) upTo(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.IntN(n)
}

// chance is true in a share p of all cases, 0 to 1.
func (d *dice) chance(p float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64() < p
}

func (d *dice) shuffle(n int, swap func(i, j int)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rand.Shuffle(n, swap)
}

// word is n letters of an alphabet.
func (d *dice) word(n int, alphabet string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.rand.IntN(len(alphabet))]
	}
	return string(b)
}

// code has the form of the codes seen in the wild (wechat-api.md §1.3).
func (d *dice) code() string { return "0" + d.word(31, alphanumerics) }

// token is a user token. Its length is WeChat's business, up to 512.
func (d *dice) token() string {
	return fmt.Sprintf("%d_%s", 40+d.upTo(60), d.word(64+d.upTo(440), tokenLetters))
}

// rid is the tail by which WeChat's support finds a request.
func (d *dice) rid() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprintf("%08x-%08x-%08x", d.rand.Uint32(), d.rand.Uint32(), d.rand.Uint32())
}

func (d *dice) bytes(n int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.rand.Uint32())
	}
	return b
}
