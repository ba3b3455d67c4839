package push

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// Message is a push that was read: a message of a visitor, or an event. Names and
// kinds are in lower case, whatever WeChat writes.
type Message struct {
	To, From string    // the account's original id, and the visitor's openid
	At       time.Time // by WeChat's clock, in seconds
	Type     string    // text, image, …, event
	Event    string    // subscribe, scan, …; empty but for events
	EventKey string
	Ticket   string // of a parametric QR code
	MsgID    int64  // of a message, or of the template message that an event tells of
	Status   string // of a template message: success, failed:user block, …
	// Plain is the text that all this was read from: XML, or JSON.
	Plain []byte
	JSON  bool

	root *node
	tail int
	key  string // the EncodingAESKey that opened it
}

// Read reads a push that isn't encrypted, and trusts it: [Keys.Open] is for what comes
// from outside.
func Read(plain []byte) (Message, error) {
	doc, err := parse(plain)
	if err != nil {
		return Message{}, err
	}
	m := Message{Plain: doc.text, JSON: doc.json, root: doc.root, tail: doc.tail}
	texts := map[string]string{}
	for _, name := range []string{"tousername", "fromusername", "createtime", "msgtype", "event", "eventkey", "ticket", "msgid", "status", "openid", "unionid", "appid", "revokeinfo"} {
		if texts[name], err = doc.root.only(name); err != nil {
			return Message{}, err
		}
	}
	m.To, m.From, m.Ticket, m.EventKey = texts["tousername"], texts["fromusername"], texts["ticket"], texts["eventkey"]
	m.Type, m.Event = strings.ToLower(texts["msgtype"]), strings.ToLower(texts["event"])
	// Seen as "failed:user block" and as "failed: user block".
	m.Status = strings.ReplaceAll(strings.TrimSpace(texts["status"]), ": ", ":")
	seconds, err := strconv.ParseInt(strings.TrimSpace(texts["createtime"]), 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return Message{}, refuse(CodeField)
	}
	m.At = time.Unix(seconds, 0).UTC()
	if id := strings.TrimSpace(texts["msgid"]); id != "" {
		if m.MsgID, err = strconv.ParseInt(id, 10, 64); err != nil {
			return Message{}, refuse(CodeField)
		}
	}
	if m.From == "" || m.Type == "" || (m.Type == "event") != (m.Event != "") {
		return Message{}, refuse(CodeField)
	}
	return m, nil
}

// Kind is the type of a message, or `event:` and the event's name: text,
// event:subscribe.
func (m Message) Kind() string {
	if m.Type == "event" {
		return "event:" + m.Event
	}
	return m.Type
}

// Is says whether the message is of a kind: one such as text or event:subscribe, or
// `event` for all events. Case doesn't count.
func (m Message) Is(kind string) bool {
	kind = strings.ToLower(kind)
	return kind == m.Kind() || kind == "event" && m.Type == "event"
}

// Field is the text of an element below the root; case doesn't count. It is empty if
// there is none.
func (m Message) Field(path ...string) string {
	if m.root == nil {
		return ""
	}
	lower := make([]string, len(path))
	for i, name := range path {
		lower[i] = strings.ToLower(name)
	}
	if n := m.root.find(lower...); n != nil {
		return n.text
	}
	return ""
}

// Person is the openid of whom the push is about: of who sent it, but for the events
// about personal information, which WeChat's own account sends. It may be empty there.
func (m Message) Person() string {
	if m.Personal() {
		return m.Field("OpenID")
	}
	return m.From
}

// Personal says whether this is one of the three events about personal information.
func (m Message) Personal() bool {
	switch m.Event {
	case "user_info_modified", "user_authorization_revoke", "user_authorization_cancellation":
		return true
	}
	return false
}

// Scene is the scene of the parametric QR code that was scanned, by a follower or by
// somebody who follows by this very scan; ok tells whether one was.
func (m Message) Scene() (scene string, ok bool) {
	switch m.Event {
	case "scan":
		return m.EventKey, m.EventKey != ""
	case "subscribe":
		return strings.CutPrefix(m.EventKey, "qrscene_")
	}
	return "", false
}

// Key tells pushes of one account apart. WeChat's retries of one have the same key,
// however they are encrypted and whichever node they come to; two that say different
// things never have.
//
// A message is known by who sent it, when, and its MsgId, which alone is no key: it is
// one of its sender's. An event has no id. Two different ones of a visitor may happen in
// one second, and some differ only in a list deep inside, so all that they say counts. Two
// that say the very same, such as two clicks in one second, are one: nothing tells them
// from a retry.
func (m Message) Key() string {
	sum := m.root.digest()
	if m.Type != "event" && m.MsgID != 0 {
		h := sha256.New()
		var number [16]byte
		binary.BigEndian.PutUint64(number[:8], uint64(m.MsgID))     //nolint:gosec // any number will do
		binary.BigEndian.PutUint64(number[8:], uint64(m.At.Unix())) //nolint:gosec // checked by Read
		h.Write(number[:])
		h.Write([]byte(m.Type + "\x00" + m.From))
		h.Sum(sum[:0])
	}
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}
