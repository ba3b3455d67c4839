package merchant_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// TestWords holds that what staff are told has words in both languages: a Chinese page shows
// no English sentence, and no page a word that is meant for programs.
func TestWords(t *testing.T) {
	t.Parallel()
	english := regexp.MustCompile(`[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}`)
	t.Run("every limit that is named anywhere", func(t *testing.T) {
		t.Parallel()
		limit := regexp.MustCompile(`(?:bad\((?:"[a-z_]+", |field, )?|Limit: )"([^"]+)"`)
		files, err := filepath.Glob("*.go")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range limit.FindAllStringSubmatch(string(text), -1) {
				if strings.HasSuffix(file, "_test.go") {
					continue
				}
				found++
				if _, zh := (&merchant.Fault{Code: merchant.FaultField, Field: "name", Limit: m[1]}).Say(); english.MatchString(zh) {
					t.Errorf("%s: %q is said in Chinese as %q", file, m[1], zh)
				}
			}
		}
		if found < 20 {
			t.Errorf("%d limits were found: this test looks for the wrong thing", found)
		}
	})
	t.Run("every state of a code and of a message", func(t *testing.T) {
		t.Parallel()
		for _, s := range []merchant.State{merchant.Waiting, merchant.Scanned, merchant.Bound, merchant.Refused, merchant.Expired, merchant.Superseded, merchant.Cancelled} {
			if en, zh := s.Say(); en == "" || zh == "" {
				t.Errorf("%s is %q, %q", s, en, zh)
			}
			if en, zh := (&merchant.Fault{Code: merchant.FaultState, Limit: string(s)}).Say(); strings.Contains(zh, string(s)) || en == "" {
				t.Errorf("a code that is %s is refused as %q", s, zh)
			}
		}
		for _, s := range []message.State{message.Queued, message.Sent, message.Delivered, message.Blocked, message.Failed, message.Dropped, message.Cancelled} {
			if en, zh := s.Say(); en == "" || zh == "" {
				t.Errorf("%s is %q, %q", s, en, zh)
			}
		}
	})
}
