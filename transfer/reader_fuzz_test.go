package transfer

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
)

// FuzzReader reads whatever it is given to the end: each record once, in order.
func FuzzReader(f *testing.F) {
	f.Add("appid,openid,unionid,user\na,oX,\"u\nX\",1\n\"", false)
	f.Add("appid\topenid\tuser\r\na\t\"oX\t1\r\n", false)
	f.Add("{\"appid\":\"a\",\"openid\":\"o\",\"user\":12345678901234567890}\nnull", true)
	f.Add("\xff\xfea\x00", false)
	f.Add("openid,user,appid\n\xb9\xfe,\x81\x30\x81\x30,a\n", false)
	f.Fuzz(func(t *testing.T, text string, json bool) {
		rows, problems, err := all(t, strings.NewReader(text), Options{Profile: Profiles[0], JSON: json, Encoding: Auto})
		if err != nil {
			return
		}
		var numbers []int
		for _, row := range rows {
			numbers = append(numbers, row.Line)
			if row.Line < 1 || row.User == "NULL" || strings.HasPrefix(row.OpenID, " ") {
				t.Errorf("row %+v", row)
			}
		}
		if !slices.IsSorted(numbers) || len(slices.Compact(slices.Clone(numbers))) != len(numbers) {
			t.Errorf("the rows are at lines %d", numbers)
		}
		for _, p := range problems {
			if p.Line < 1 || slices.Contains(numbers, p.Line) || p.Message == "" || p.Advice == "" {
				t.Errorf("problem %+v", p)
			}
		}
	})
}

// FuzzSplit compares with the standard library, where that has an answer.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{`a,"b",c`, `"a""b",`, `a"b,c`, `"a"b,c"`, `"`, `,,`, `"a,b`, `""",`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r\n") || strings.TrimSpace(text) == "" {
			return
		}
		theirs := csv.NewReader(strings.NewReader(text))
		theirs.LazyQuotes = true
		want, err := theirs.Read()
		got, open := split(text, ",")
		if err != nil || open {
			return // what is open at the end of the file it takes for closed
		}
		if !slices.Equal(got, want) {
			t.Errorf("split(%q) = %q, and encoding/csv has %q", text, got, want)
		}
	})
}
