package message

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Excerpt is the beginning of what a message says, for people who have to tell messages
// apart: at most so many characters, and dots behind it if there is more. It is empty where
// the content was swept, or has no text.
func (o *Outbox) Excerpt(m Message, most int) string {
	c, err := o.open(m)
	if err != nil {
		return ""
	}
	var said []string
	for _, key := range slices.Sorted(maps.Keys(c.Data)) {
		said = append(said, c.Data[key])
	}
	var text struct{ Content string }
	if len(said) == 0 && c.Type == "text" && json.Unmarshal(c.Content, &text) == nil {
		said = append(said, text.Content)
	}
	all := strings.Join(strings.Fields(strings.Join(said, " · ")), " ")
	if utf8.RuneCountInString(all) <= most {
		return all
	}
	return string([]rune(all)[:max(most, 0)]) + "…"
}
