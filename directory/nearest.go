package directory

import (
	"slices"

	"github.com/agext/levenshtein"
)

// Nearest is the one of words that somebody who wrote word most likely meant;
// empty if none is near enough to be worth a guess.
func Nearest(word string, words []string) string {
	far := max(2, len(word)/3) + 1 // two letters swapped are two edits
	if len(word) < 4 {
		far = 2
	}
	best, least := "", far
	for _, w := range slices.Sorted(slices.Values(words)) {
		if d := levenshtein.Distance(word, w, nil); d < least {
			best, least = w, d
		}
	}
	return best
}
