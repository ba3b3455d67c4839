package merchant

import (
	"strconv"
	"time"
)

// What an [Event] tells.
const (
	EventMade       = "made"
	EventEdited     = "edited"
	EventCode       = "code_made"
	EventCancelled  = "code_cancelled"
	EventSuperseded = "code_superseded"
	EventBound      = "bound"
	EventRefused    = "refused"
	EventUnbound    = "unbound"
	EventReplaced   = "replaced" // what went, for a scan that staff have decided for
	EventNotice     = "notice"
	EventErased     = "erased" // somebody who was bound has been erased
)

// Event is an entry of the history. It holds no whole openid.
type Event struct {
	Seq      int64 // grows in a realm
	Merchant string
	At       time.Time
	Actor    string // who did it: staff:<id>, key:<id>; wechat of a scan
	What     string
	Detail   Detail
}

// Detail is what an event is about.
type Detail struct {
	AppID   string       `json:"appid,omitempty"`
	Code    string       `json:"code,omitempty"`
	Person  string       `json:"person,omitempty"` // an openid, shortened
	Reason  Reason       `json:"reason,omitempty"`
	Notice  string       `json:"notice,omitempty"`
	Changes []Difference `json:"changes,omitempty"`
}

// Difference is a field that was changed. What is personal is named without its values.
type Difference struct {
	Field string `json:"field"`
	Was   string `json:"was,omitempty"`
	Is    string `json:"is,omitempty"`
}

func number(n int) string { return strconv.Itoa(n) }

// dated is a moment for people who read the history.
func dated(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
