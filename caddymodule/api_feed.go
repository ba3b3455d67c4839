package caddymodule

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// pageIn says where to go on, and how far.
type pageIn struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// cursorOf is an opaque place in a list. The sum binds it to the list, so that a cursor
// which got into the wrong hands of a program is found out; it guards no secret.
func cursorOf(list, realm string, seq int64) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(seq))
	return b64.EncodeToString(append(raw, cursorSum(list, realm, raw)...))
}

func cursorSum(list, realm string, raw []byte) []byte {
	sum := sha256.Sum256([]byte(list + "\x00" + realm + "\x00" + string(raw)))
	return sum[:7]
}

// page reads where to go on in a list, and how far.
func (c *apiCall) page(list string, in pageIn) (after int64, limit int, err error) {
	if limit, err = pageSize(in.Limit); err != nil || in.After == "" {
		return 0, limit, err
	}
	if seq, ok := plainSeq(in.After); ok && list == "events" {
		return seq, limit, nil
	}
	raw, err := b64.DecodeString(in.After)
	if err != nil || broken(in.After) || len(raw) != 15 || string(raw[8:]) != string(cursorSum(list, c.realm, raw[:8])) {
		return 0, 0, apiRefuse(apiBadCursor)
	}
	if after = int64(binary.BigEndian.Uint64(raw)); after < 0 {
		return 0, 0, apiRefuse(apiBadCursor)
	}
	return after, limit, nil
}

// plainSeq reads the number of an event, in its one spelling. A cursor never looks like
// one: it is longer.
func plainSeq(text string) (int64, bool) {
	seq, err := strconv.ParseInt(text, 10, 64)
	return seq, err == nil && seq >= 0 && strconv.FormatInt(seq, 10) == text
}

// eventOut is an event with the names that a webhook's data has.
type eventOut struct {
	EventID string             `json:"event_id"`
	Realm   string             `json:"realm"`
	Seq     int64              `json:"seq"`
	Type    identity.EventType `json:"type"`
	Phase   identity.Phase     `json:"phase,omitempty"`
	Old     string             `json:"old"`
	New     string             `json:"new,omitempty"`
	Via     string             `json:"via,omitempty"`
	Cause   string             `json:"cause,omitempty"`
	Subject string             `json:"subject,omitempty"`
	AppID   string             `json:"appid,omitempty"`
	At      time.Time          `json:"at"`
	Trace   string             `json:"trace,omitempty"`
}

type eventsOut struct {
	Events []eventOut `json:"events"`
	Next   string     `json:"next"`
}

func (c *apiCall) listEvents(in pageIn) (eventsOut, error) {
	after, limit, err := c.page("events", in)
	if err != nil {
		return eventsOut{}, err
	}
	rows, err := c.store.Feed(c.ctx, c.realm, after, limit)
	if err != nil {
		return eventsOut{}, err
	}
	out := eventsOut{Events: []eventOut{}}
	for _, e := range rows {
		after = e.Seq
		out.Events = append(out.Events, eventOut{
			EventID: e.ID, Realm: e.Realm, Seq: e.Seq, Type: e.Type, Phase: e.Phase, Old: e.Old, New: e.New,
			Via: e.Via, Cause: e.Cause, Subject: e.Subject, AppID: e.AppID, At: e.At, Trace: e.Trace,
		})
	}
	out.Next = cursorOf("events", c.realm, after)
	return out, nil
}

// conflictOut is a contradiction that a person has to look at. Both sides are masked:
// it is enough to find them, and not to be them. Of an account that isn't there for the
// key neither appid nor openid is told; a key for some sites gets the user masked, whom
// another site may have named.
type conflictOut struct {
	Seq     int64     `json:"seq"`
	Code    string    `json:"code"`
	User    string    `json:"user,omitempty"`
	AppID   string    `json:"appid,omitempty"`
	OpenID  string    `json:"openid,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Have    string    `json:"have,omitempty"`
	Got     string    `json:"got,omitempty"`
	Advice  string    `json:"advice,omitempty"`
	At      time.Time `json:"at"`
	// Dismissed is when staff decided that nothing need be done.
	Dismissed time.Time `json:"dismissed,omitzero"`
}

type conflictsOut struct {
	Conflicts []conflictOut `json:"conflicts"`
	Next      string        `json:"next"`
}

func (c *apiCall) listConflicts(in pageIn) (conflictsOut, error) {
	after, limit, err := c.page("conflicts", in)
	if err != nil {
		return conflictsOut{}, err
	}
	rows, err := c.facts().Conflicts(c.ctx, c.realm, after, limit)
	if err != nil {
		return conflictsOut{}, err
	}
	out := conflictsOut{Conflicts: []conflictOut{}}
	for _, r := range rows {
		after = r.Seq
		one := conflictOut{
			Seq: r.Seq, Code: r.Code, User: r.User, Subject: r.Subject, At: r.At, Dismissed: r.Dismissed,
			Have: masked(r.Have), Got: masked(r.Got), Advice: (&identity.Conflict{Code: r.Code}).Advice(),
		}
		if len(c.key.Sites) > 0 {
			one.User = masked(r.User)
		}
		if _, err := c.account(r.AppID); err == nil {
			one.AppID, one.OpenID = r.AppID, r.OpenID
		}
		out.Conflicts = append(out.Conflicts, one)
	}
	out.Next = cursorOf("conflicts", c.realm, after)
	return out, nil
}

func masked(id string) string {
	if id == "" {
		return ""
	}
	return identity.Mask(id)
}

// auditIn says where to go on, how far, and about whom.
type auditIn struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
	User  string `json:"user,omitempty"`
}

type auditOut struct {
	Records []identity.AuditRecord `json:"records"`
	Next    string                 `json:"next"`
}

func (c *apiCall) listAudit(in auditIn) (auditOut, error) {
	after, limit, err := c.page("audit", pageIn{in.After, in.Limit})
	if err != nil {
		return auditOut{}, err
	}
	if in.User != "" && !identity.ValidUser(in.User) {
		return auditOut{}, &identity.Fault{Field: "user", Value: in.User}
	}
	records, err := c.facts().Centre.Audit(c.ctx, c.realm, in.User, after, limit)
	if err != nil {
		return auditOut{}, err
	}
	if len(records) > 0 {
		after = records[len(records)-1].Seq
	}
	return auditOut{Records: records, Next: cursorOf("audit", c.realm, after)}, nil
}
