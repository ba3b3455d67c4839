package directory

import (
	"cmp"
	"fmt"
	"regexp"
)

// Line is a line of business: somebody who keeps something under the user ids of a
// realm, and has to hear when one changes.
type Line struct {
	// The line's name, one of its kind in the realm: 1 to 32 of a-z0-9_-, beginning
	// with a letter or digit. Its place among the events is kept under this name.
	Name string `json:"name,omitempty"`

	// The address that events are posted to. It has to be https and public, but for
	// what `webhook_networks` allows. Placeholders: yes, at start.
	Webhook string `json:"webhook,omitempty"`

	// The stream in the Redis of `cluster` that events are appended to, instead of an
	// address: 1 to 128 of A-Za-z0-9:._-.
	RedisStream string `json:"redis_stream,omitempty"`

	// How many events are kept in the stream, about: 1000 to 100000000.
	// Default: 1000000.
	MaxLength int64 `json:"max_length,omitempty"`

	// One or two secrets that sign, `whsec_` and 24 to 64 random bytes in base64;
	// two while the consumer changes from one to the other.
	// Placeholders: yes, at start; use them, so that no secret stands in a file.
	Secret []string `json:"secret,omitempty"`

	// Where a line begins that is new: at the `start` of all events, or with the
	// next one. Default: the next one.
	From string `json:"from,omitempty"`
}

// Kept is how many events a stream keeps.
func (l *Line) Kept() int64 { return cmp.Or(l.MaxLength, 1_000_000) }

var streamForm = regexp.MustCompile(`^[A-Za-z0-9:._-]{1,128}$`)

var lineForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// checkLines judges what can be judged without knowing what placeholders give.
func (r *Realm) checkLines() *Fault {
	seen := map[string]bool{}
	for _, l := range r.Broadcast {
		if l == nil {
			return &Fault{"realm", r.Name, "broadcast", "there is nothing here"}
		}
		fault := func(field, message string) *Fault { return &Fault{"broadcast", r.Name + "/" + l.Name, field, message} }
		switch {
		case !lineForm.MatchString(l.Name):
			return fault("", "a line of business is named with 1 to 32 of a-z0-9_-, beginning with a letter or digit")
		case seen[l.Name]:
			return fault("", "this line of business is there twice")
		case l.Webhook == "" && l.RedisStream == "":
			return fault("webhook", "a line of business needs an address to post to, or a Redis stream")
		case l.Webhook != "" && l.RedisStream != "":
			return fault("redis_stream", "it is a webhook or a Redis stream; for both, make it two lines")
		case l.RedisStream != "" && !streamForm.MatchString(l.RedisStream):
			return fault("redis_stream", "a stream is named with 1 to 128 of A-Za-z0-9:._-")
		case l.RedisStream != "" && len(l.Secret) > 0:
			return fault("secret", "nothing in a stream is signed")
		case l.RedisStream == "" && l.MaxLength != 0:
			return fault("max_length", "this is for a Redis stream")
		case l.MaxLength != 0 && (l.MaxLength < 1000 || l.MaxLength > 100_000_000):
			return fault("max_length", "a stream keeps 1000 to 100000000 events")
		case l.Webhook != "" && (len(l.Secret) == 0 || len(l.Secret) > 2):
			return fault("secret", "one is needed, or two while it is changed")
		case l.From != "" && l.From != "start":
			return fault("from", fmt.Sprintf("a new line begins at the `start`, or without this word with the next event; not at %q", l.From))
		}
		seen[l.Name] = true
	}
	return nil
}
