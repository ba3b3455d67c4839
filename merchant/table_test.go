package merchant_test

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// TestParts holds that a table in parts is the table, line by line.
func TestParts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.SampledFrom([]string{"m1,上海\n", "m2,\"two\nlines\"\n", "\n", "m3,x\r\n", "m4\n", "m5,\"a,b\"\n"})
		body := strings.Join(rapid.SliceOfN(row, 0, 20).Draw(t, "rows"), "")
		given := "编号,名称\n" + body
		if rapid.Bool().Draw(t, "in GBK") {
			given, _ = simplifiedchinese.GBK.NewEncoder().String(given)
		}
		var whole strings.Builder
		for p, err := range merchant.Parts(strings.NewReader(given), rapid.IntRange(1, 60).Draw(t, "size")) {
			rest, ok := strings.CutPrefix(p.CSV, "编号,名称\n")
			if err != nil || !ok {
				t.Fatalf("a part is %q, %v", p.CSV, err)
			}
			if before := strings.Count(whole.String(), "\n"); p.Skipped != before {
				t.Fatalf("before %q stand %d lines, not %d", p.CSV, before, p.Skipped)
			}
			whole.WriteString(rest)
		}
		if whole.String() != body {
			t.Fatalf("the parts are %q, the table %q", whole.String(), body)
		}
	})
}
