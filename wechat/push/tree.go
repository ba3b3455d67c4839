package push

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxDepth    = 16
	maxElements = 4096
)

// node is an element of XML or a member of JSON: a text, or others in it. The members
// of an array are elements of the same name.
type node struct {
	name string // in lower case
	text string
	kids []*node
	raw  []byte // the text as it grows
}

// document is a body that was read.
type document struct {
	root *node
	text []byte
	json bool
	tail int // where in text the root's end begins
}

// parse reads XML or JSON.
func parse(body []byte) (document, error) {
	if len(body) > MaxBody {
		return document{}, refuse(CodeSize)
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if !utf8.Valid(body) {
		return document{}, refuse(CodeEncoding)
	}
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) > 0 && start[0] == '{' {
		return parseJSON(body)
	}
	return parseXML(body)
}

// find returns the first descendant along a path of names in lower case; nil if there
// is none.
func (n *node) find(path ...string) *node {
	for _, name := range path {
		i := slices.IndexFunc(n.kids, func(k *node) bool { return k.name == name })
		if i < 0 {
			return nil
		}
		n = n.kids[i]
	}
	return n
}

// only returns the text of the one element with a name in lower case, and "" if there
// is none. Of two with different texts somebody else may read the other one.
func (n *node) only(name string) (string, error) {
	text, found := "", false
	for _, k := range n.kids {
		if k.name != name {
			continue
		}
		if found && k.text != text {
			return "", refuse(CodeField)
		}
		text, found = k.text, true
	}
	return text, nil
}

// digest tells bodies apart that say different things. The order of fields at the top
// and white space between them say nothing.
func (n *node) digest() [sha256.Size]byte {
	fields := slices.Clone(n.kids)
	slices.SortStableFunc(fields, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	h := sha256.New()
	(&node{kids: fields}).write(h)
	return [sha256.Size]byte(h.Sum(nil))
}

func (n *node) write(h hash.Hash) {
	var size [4]byte
	for _, text := range []string{n.name, n.text} {
		binary.BigEndian.PutUint32(size[:], uint32(len(text))) //nolint:gosec // bounded by MaxBody
		h.Write(size[:])
		h.Write([]byte(text))
	}
	binary.BigEndian.PutUint32(size[:], uint32(len(n.kids))) //nolint:gosec // bounded by maxElements
	h.Write(size[:])
	for _, k := range n.kids {
		k.write(h)
	}
}

// builder grows a tree within the limits.
type builder struct {
	open  []*node
	count int
}

func (b *builder) begin(name string) error {
	if b.count++; b.count > maxElements {
		return refuse(CodeElements)
	}
	if len(b.open) >= maxDepth {
		return refuse(CodeDepth)
	}
	n := &node{name: strings.ToLower(name)}
	if len(b.open) > 0 {
		parent := b.open[len(b.open)-1]
		parent.kids = append(parent.kids, n)
	}
	b.open = append(b.open, n)
	return nil
}

// end closes the innermost element. White space between elements is no text.
func (b *builder) end() *node {
	n := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	if len(n.kids) == 0 {
		n.text = string(n.raw)
	}
	n.raw = nil
	return n
}
