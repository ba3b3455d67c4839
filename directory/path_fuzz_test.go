package directory

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzCanonicalPath holds the one canonical form to what everything behind it
// builds on.
func FuzzCanonicalPath(f *testing.F) {
	for _, path := range []string{
		"", "/", "//", "*", "a", "/a/b", "/a//b/", "/a/./b", "/a/../b", "/..", "/../..", "/a/..", "/a/.", "/%2e%2e/a", "/a/%2E", "/a%2fb", "/a%2Fb", "/a%5cb", `/a\b`,
		"/%252e%252e/a", "/%25%32e", "/%25%32%65", "/%2525", "/%25", "/%", "/%2", "/%zz", "/%00", "/a\x00b", "/a\x7f", "/a#b", "/a%23b", "/a;b=c/d", "/%41%7e%7E", "/%e4%bd%a0", "/你",
		"/\xff", "/a b", "/a%20b", "/a?b", "/a%3fb", "/a+b", "/...", "/.a", "/a%2e", "/" + strings.Repeat("a", 4095), "/" + strings.Repeat("<", 2000), "/" + strings.Repeat("../", 1500), "/%25252e", "/%25%25",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		path, err := CanonicalPath(raw)
		if is := IsCanonicalPath(raw); is != (err == nil && path == raw) {
			t.Fatalf("%q: IsCanonicalPath says %v, and CanonicalPath %q, %v", raw, is, path, err)
		}
		if err != nil {
			return
		}
		if again, err := CanonicalPath(path); err != nil || again != path {
			t.Fatalf("%.99q becomes %.99q, and that %.99q, %v", raw, path, again, err)
		}
		if path[0] != '/' || strings.HasPrefix(path, "//") || len(path) > maxPath {
			t.Fatalf("%q becomes %q", raw, path)
		}
		// However often a server behind us unescapes it, the segments stay what
		// they are.
		for once := path; ; {
			for segment := range strings.SplitSeq(once, "/") {
				if segment == "." || segment == ".." {
					t.Fatalf("%q becomes %q, in which somebody reads %q", raw, path, once)
				}
			}
			if strings.Count(once, "/") != strings.Count(path, "/") || strings.ContainsAny(once, "\\\x00\r\n") {
				t.Fatalf("%q becomes %q, in which somebody reads %q", raw, path, once)
			}
			twice, err := url.PathUnescape(once)
			if err != nil || twice == once {
				return
			}
			once = twice
		}
	})
}
