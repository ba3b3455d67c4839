package directory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// Push is how WeChat's server tells us what happens in an account (wechat-api.md §8).
type Push struct {
	// The token of the message push in WeChat's console: 3 to 32 letters and digits.
	// Placeholders: yes, at start; use one, so that it stands in no file.
	Token string `json:"token,omitempty"`

	// One or two EncodingAESKeys of 43 letters and digits, the one in force first; two
	// while the key is changed. Needed but for the mode `plain`.
	// Placeholders: yes, at start; use them, so that no key stands in a file.
	AESKeys []string `json:"aes_keys,omitempty"`

	// `safe`, `compatible` or `plain`, as WeChat's console has it. Default: `safe`.
	Mode string `json:"mode,omitempty"`

	// Backends that hear of the pushes, too, as if WeChat had sent them.
	Subscribers []*Subscriber `json:"subscribers,omitempty"`
}

// Subscriber is a backend that pushes are handed on to, signed anew.
type Subscriber struct {
	// The subscriber's name, one of its kind in the account: 1 to 32 of a-z0-9_-,
	// beginning with a letter or digit.
	Name string `json:"name,omitempty"`

	// Where pushes are posted to. It has to be https and public, but for what
	// `webhook_networks` allows. Placeholders: yes, at start.
	URL string `json:"url,omitempty"`

	// The token that the backend checks signatures with; its own, not the account's.
	// Placeholders: yes, at start; use one, so that it stands in no file.
	Token string `json:"token,omitempty"`

	// The backend's EncodingAESKey, but for the mode `plain`.
	// Placeholders: yes, at start; use one, so that no key stands in a file.
	AESKey string `json:"aes_key,omitempty"`

	// `safe`, `compatible` or `plain`, as the backend is set up. Default: `safe`.
	Mode string `json:"mode,omitempty"`

	// Which pushes it wants: message types such as `text`, events as `event:subscribe`.
	// Default: all.
	Types []string `json:"types,omitempty"`

	// Whether its answer is WeChat's answer to the visitor, `on` or `off`; of one push only
	// one subscriber's can be. Default: `off`.
	Reply string `json:"reply,omitempty"`
}

// KeepsToken says whether an access token is kept for the account.
func (a *Account) KeepsToken() bool { return a.AccessToken != "off" && a.Secret != "" }

// Messages says whether the account can send template messages (wechat-api.md §13).
func (a *Account) Messages() bool { return a.KeepsToken() && a.Kind == Service }

// PushModes are the ways in which pushes are written.
var PushModes = []string{"safe", "compatible", "plain"}

var typeForm = regexp.MustCompile(`^[a-z_]{1,32}(:[A-Za-z_]{1,64})?$`)

// filled is a copy in which nothing is left out.
func (p Push) filled() *Push {
	p.Mode = cmp.Or(p.Mode, "safe")
	p.Subscribers = slices.Clone(p.Subscribers)
	for i, s := range p.Subscribers {
		if s != nil {
			whole := *s
			whole.Mode, whole.Reply = cmp.Or(s.Mode, "safe"), cmp.Or(s.Reply, "off")
			p.Subscribers[i] = &whole
		}
	}
	return &p
}

// check judges what can be judged without knowing what placeholders give.
func (p *Push) check(appID string) *Fault {
	fault := func(field, message string) *Fault { return &Fault{"push", appID, field, message} }
	switch {
	case p.Token == "":
		return fault("token", "a push needs the `token` of WeChat's console: it proves that WeChat sent it")
	case !slices.Contains(PushModes, p.Mode):
		return fault("mode", "a mode is `safe`, `compatible` or `plain`")
	case p.Mode != "plain" && len(p.AESKeys) == 0:
		return fault("aes_key", fmt.Sprintf("the mode `%s` needs the `aes_key` of WeChat's console", p.Mode))
	case len(p.AESKeys) > 2:
		return fault("aes_key", "at most two keys are valid at a time, the one in force first")
	}
	seen, replies := map[string]bool{}, ""
	for _, s := range p.Subscribers {
		if s == nil {
			return fault("subscriber", "there is nothing here")
		}
		if f := s.check(appID, seen[s.Name]); f != nil {
			return f
		}
		if seen[s.Name] = true; s.Reply != "on" {
			continue
		}
		if replies != "" {
			return &Fault{"subscriber", appID + "/" + s.Name, "reply", fmt.Sprintf("%s replies already, and a visitor gets one answer", replies)}
		}
		replies = s.Name
	}
	return nil
}

func (s *Subscriber) check(appID string, twice bool) *Fault {
	fault := func(field, message string) *Fault { return &Fault{"subscriber", appID + "/" + s.Name, field, message} }
	switch {
	case !lineForm.MatchString(s.Name):
		return fault("", "a subscriber is named with 1 to 32 of a-z0-9_-, beginning with a letter or digit")
	case twice:
		return fault("", "this subscriber is there twice")
	case s.URL == "":
		return fault("url", "a subscriber needs an address to post to")
	case s.Token == "":
		return fault("token", "a subscriber needs a `token` of its own, by which it knows that we sent it")
	case !slices.Contains(PushModes, s.Mode):
		return fault("mode", "a mode is `safe`, `compatible` or `plain`")
	case s.Mode != "plain" && s.AESKey == "":
		return fault("aes_key", fmt.Sprintf("the mode `%s` needs an `aes_key`", s.Mode))
	case s.Reply != "on" && s.Reply != "off":
		return fault("reply", "reply is `on` or `off`")
	}
	for _, t := range s.Types {
		if !typeForm.MatchString(t) {
			return fault("types", fmt.Sprintf("%q is no type of push such as `text` or `event:subscribe`", t))
		}
	}
	return nil
}
