package custody

import (
	"encoding/json"
	"errors"
	"time"
)

// Kind is what is kept.
type Kind string

const (
	KindToken Kind = "token"   // the access token
	KindJSAPI Kind = "jsapi"   // the ticket with which pages are signed
	KindCard  Kind = "wx_card" // the ticket for cards
)

// key is what is kept of whom.
type key struct {
	appID string
	kind  Kind
}

// name is the key in the shared state, and what a record is sealed for. Neither an
// appid nor a kind has a slash.
func (k key) name() string { return "custody/" + k.appID + "/" + string(k.kind) }

// record is a token or a ticket as it is kept. It is written nowhere unsealed.
type record struct {
	Key   string    `json:"key"`   // its name again: a record put at another key is none
	Value string    `json:"value"` // the token
	Start time.Time `json:"start"` // before WeChat was asked for it
	Until time.Time `json:"until"`
	Fence int64     `json:"fence"` // of the lease under which it was got
	// Deaths is how many tokens were found dead before their time, one after the
	// other, up to this one.
	Deaths int `json:"deaths,omitempty"`
	// Forced is when the stable token was last killed.
	Forced time.Time `json:"forced,omitzero"`
}

const (
	recordVersion = 1
	// maxSealed bounds what is opened, in bytes. A token has up to 4096.
	maxSealed = 16 << 10
	// maxLife and maxSkew bound what is believed of a record made by another node,
	// whose clock may be wrong.
	maxLife = 24 * time.Hour
	maxSkew = 5 * time.Minute
)

// errUnreadable says that kept bytes are no record. Why is nobody's business.
var errUnreadable = errors.New("unreadable")

// live says whether there is a token, and it hasn't ended.
func (r record) live(now time.Time) bool { return r.Value != "" && now.Before(r.Until) }

// newer says whether r was got after s. Fences come from one place, so they count more
// than the clocks of the nodes.
func (r record) newer(s record) bool {
	if r.Fence != s.Fence {
		return r.Fence > s.Fence
	}
	return r.Start.After(s.Start)
}

func (k *Keeper) seal(r record) []byte {
	plain, err := json.Marshal(r)
	if err != nil {
		panic(err) // it holds nothing that JSON has no form for
	}
	return k.Seal(append([]byte{recordVersion}, plain...), r.Key)
}

// open is the opposite of seal. It takes nothing that seal hasn't made for this key.
func (k *Keeper) open(sealed []byte, of key, now time.Time) (record, error) {
	if len(sealed) > maxSealed {
		return record{}, errUnreadable
	}
	plain, _, err := k.Open(sealed, of.name())
	if err != nil || len(plain) == 0 || plain[0] != recordVersion {
		return record{}, errUnreadable
	}
	var r record
	if json.Unmarshal(plain[1:], &r) != nil || r.Key != of.name() ||
		r.Start.After(now.Add(maxSkew)) || r.Until.Sub(r.Start) > maxLife {
		return record{}, errUnreadable
	}
	return r, nil
}
