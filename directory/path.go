package directory

import (
	"errors"
	"fmt"
	"strings"
)

// ErrPath says that a path can't be brought into its one canonical form, because
// systems disagree on what it means.
var ErrPath = errors.New("the path is ambiguous")

// maxPath bounds a path, in bytes.
const maxPath = 4096

const upperHex = "0123456789ABCDEF"

// CanonicalPath brings the path of a request target into its one canonical form:
// no empty, `.` or `..` segments, unreserved characters plain, all others
// escaped with capital digits (RFC 3986 §6.2.2). What is decided on is this form,
// and only this form is forwarded.
//
// It refuses with [ErrPath] what no two servers read alike: backslashes, control
// characters, plain number signs, escaped slashes, and any of that escaped twice.
func CanonicalPath(raw string) (string, error) {
	if len(raw) > maxPath || raw == "" || raw[0] != '/' {
		return "", ErrPath
	}
	var out strings.Builder
	out.Grow(len(raw))
	for i := 0; i < len(raw); i++ {
		b, escaped := raw[i], false
		if b == '%' {
			v, ok := unhex(raw[i+1:])
			if !ok {
				return "", ErrPath
			}
			b, escaped = v, true
			i += 2
		}
		switch {
		case b < ' ' || b == 0x7f || b == '\\' || escaped && b == '/' || !escaped && b == '#':
			return "", ErrPath
		case unreserved(b) || !escaped && pathChar(b):
			out.WriteByte(b)
		default:
			out.WriteByte('%')
			out.WriteByte(upperHex[b>>4])
			out.WriteByte(upperHex[b&15])
		}
	}
	path := collapse(out.String())
	if len(path) > maxPath || escapedTwice(path) {
		return "", ErrPath
	}
	return path, nil
}

// escapedTwice looks at the canonical form, where nothing hides any more: in the
// path as it came, the digits behind a percent sign may be escaped too.
func escapedTwice(path string) bool {
	for {
		_, rest, ok := strings.Cut(path, "%25")
		if !ok {
			return false
		}
		if doubled(rest) {
			return true
		}
		path = rest
	}
}

// IsCanonicalPath is the quick test of nearly all paths: true only if
// [CanonicalPath] would give back the same bytes.
func IsCanonicalPath(raw string) bool {
	if raw == "" || raw[0] != '/' || len(raw) > maxPath {
		return false
	}
	start := 1 // of the current segment
	for i := 1; i <= len(raw); i++ {
		if i < len(raw) && raw[i] != '/' {
			if !unreserved(raw[i]) && !pathChar(raw[i]) {
				return slow(raw)
			}
			continue
		}
		switch seg := raw[start:i]; {
		case seg == "" && i < len(raw), seg == ".", seg == "..":
			return false
		}
		start = i + 1
	}
	return true
}

func slow(raw string) bool {
	c, err := CanonicalPath(raw)
	return err == nil && c == raw
}

// collapse resolves dot segments and drops empty ones. A path that ended in one
// of these ends in a slash.
func collapse(path string) string {
	var kept []string
	segments := strings.Split(path[1:], "/")
	for _, s := range segments {
		switch s {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		return "/"
	}
	out := "/" + strings.Join(kept, "/")
	switch segments[len(segments)-1] {
	case "", ".", "..":
		out += "/"
	}
	return out
}

// doubled says that what follows an escaped percent sign would, unescaped once
// more, be a dot, a separator, a control character or yet another percent sign.
func doubled(rest string) bool {
	v, ok := unhex(rest)
	return ok && (v == '.' || v == '/' || v == '\\' || v == '%' || v < ' ' || v == 0x7f)
}

func unhex(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	h, ok1 := nibble(s[0])
	l, ok2 := nibble(s[1])
	return h<<4 | l, ok1 && ok2
}

func nibble(b byte) (byte, bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10, true
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}

func unreserved(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '.' || b == '_' || b == '~'
}

// pathChar are the other characters that RFC 3986 allows plain in a path.
func pathChar(b byte) bool {
	return strings.IndexByte("/!$&'()*+,;=:@", b) >= 0
}

// checkPattern refuses a pattern that no canonical path could match.
func checkPattern(pattern string) error {
	path, star := strings.CutSuffix(pattern, "*")
	switch {
	case path == "" || path[0] != '/':
		return fmt.Errorf("a path begins with `/`")
	case strings.Contains(path, "*"), star && path[len(path)-1] != '/':
		return fmt.Errorf("a path may end in `/*`, which stands for all below it; `*` has no other place")
	}
	c, err := CanonicalPath(path)
	if err != nil {
		return fmt.Errorf("path %q: %w", pattern, err)
	}
	if c != path {
		return fmt.Errorf("path %q can't match, since requests are brought into the form %q", pattern, c)
	}
	return nil
}
