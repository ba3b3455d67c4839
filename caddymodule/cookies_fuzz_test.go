package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// TestCookies_costLittle is not parallel: it counts allocations.
func TestCookies_costLittle(t *testing.T) {
	j := newJar(true)
	ours := j.prefix + appA + "=1;"
	for name, line := range map[string]string{"theirs": strings.Repeat("a=1; ", 10_000) + ours, "ours": strings.Repeat(ours, 10_000), "both": strings.Repeat(ours+"a=1;", 10_000)} {
		r := &http.Request{Header: http.Header{}}
		if n := testing.AllocsPerRun(3, func() {
			r.Header["Cookie"] = []string{line}
			_, _ = j.values(r, appA)
			j.each(r, func(string, string) {})
			j.strip(r)
		}); n > 10 {
			t.Errorf("ten thousand pairs, %s, cost %v allocations", name, n)
		}
	}
}

// FuzzCookieStrip compares what is left of a Cookie header with what a slow reading
// of it leaves.
func FuzzCookieStrip(f *testing.F) {
	for _, line := range []string{
		"", ";", "=", "a=1", "__Host-wsite-login=x", "a=1; __Host-wsite-login=x; b=2", "__Host-wsite-a=1;__Host-wsite-b=2; c=3", "; __Host-wsite-a; b", "a=1;; __Host-wsite-=;",
		`a="x; __Host-wsite-b=1"`, "a=__Host-wsite-b=1", "\t__Host-wsite-a=1 ; b=2 ", "__Host-wsite-", "__host-wsite-a=1", "a=1,__Host-wsite-b=2", " ;__Host-wsite-a;", "\x00__Host-wsite-a=1; \xff",
	} {
		f.Add(line, "")
		f.Add("z=0", line)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		j := newJar(true)
		r := &http.Request{Header: http.Header{"Cookie": {one, two}}}
		j.strip(r)
		var want []string
		changed := false
		for _, line := range []string{one, two} {
			left, cut := slowStrip(line, j.prefix)
			if changed = changed || cut; left != "" || !cut {
				want = append(want, left)
			}
		}
		if !changed {
			want = []string{one, two}
		}
		if got := r.Header["Cookie"]; strings.Join(got, "\n") != strings.Join(want, "\n") || len(got) != len(want) {
			t.Fatalf("%q and %q became %q, want %q", one, two, got, want)
		}
		j.each(r, func(kind, _ string) { t.Errorf("%q and %q still hold the cookie %q", one, two, kind) })
		if _, held := r.Header["Cookie"]; held && len(want) == 0 {
			t.Error("an empty Cookie is left")
		}
	})
}

// slowStrip drops the pairs that are ours and puts the others together again.
func slowStrip(line, prefix string) (left string, cut bool) {
	pairs := strings.Split(line, ";")
	ours := func(pair string) bool { return strings.HasPrefix(strings.Trim(pair, " \t"), prefix) }
	var kept []string
	for _, pair := range pairs {
		if !ours(pair) {
			kept = append(kept, pair)
		}
	}
	if ours(pairs[0]) && len(kept) > 0 {
		kept[0] = strings.TrimLeft(kept[0], " \t") // what parted it from the pair in front
	}
	return strings.Join(kept, ";"), len(kept) < len(pairs)
}
