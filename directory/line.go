package directory

import (
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

	// One or two secrets that sign, `whsec_` and 24 to 64 random bytes in base64;
	// two while the consumer changes from one to the other.
	// Placeholders: yes, at start; use them, so that no secret stands in a file.
	Secret []string `json:"secret,omitempty"`

	// Where a line begins that is new: at the `start` of all events, or with the
	// next one. Default: the next one.
	From string `json:"from,omitempty"`
}

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
		case l.Webhook == "":
			return fault("webhook", "a line of business needs an address to post to")
		case len(l.Secret) == 0 || len(l.Secret) > 2:
			return fault("secret", "one is needed, or two while it is changed")
		case l.From != "" && l.From != "start":
			return fault("from", fmt.Sprintf("a new line begins at the `start`, or without this word with the next event; not at %q", l.From))
		}
		seen[l.Name] = true
	}
	return nil
}
