package inbox

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// Codes of refusals besides those of package push.
const (
	CodeAccount  = "account"  // unknown, or takes no pushes
	CodeReplayed = "replayed" // a plain push's signature with another body
)

// Answer is what WeChat gets.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
}

// nothing is the answer that has nothing to say. WeChat takes it as it takes `success`.
var nothing = Answer{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8"}

// Echo answers WeChat's check of the URL (GET). The error is a [*push.Refusal]; the answer
// is to be sent either way.
func (b *Inbox) Echo(ctx context.Context, appID string, query url.Values) (Answer, error) {
	keys, ok := b.Keys(appID)
	if !ok {
		return b.refused("unknown", unknown())
	}
	echo, err := keys.Echo(query)
	if err != nil {
		return b.refused(appID, err)
	}
	if keys.Mode == push.Plain && b.Shared != nil {
		// Nothing in the signature says that it isn't a push's: it shall not become one's.
		_, _ = b.Shared.PutNew(ctx, signedName(appID, query), checked, 2*keys.Age())
	}
	answer := nothing
	answer.Body = []byte(echo)
	return answer, nil
}

// Accept takes a push in (POST), writes it down and answers. The answer is to be sent
// either way: with a [*push.Refusal] it says no more than that something is wrong; with
// another error the push couldn't be written down, and WeChat is to try again.
//
// Of the content type nothing is believed: the body tells whether it is XML or JSON.
func (b *Inbox) Accept(ctx context.Context, appID string, query url.Values, _ string, body []byte) (Answer, error) {
	keys, ok := b.Keys(appID)
	if !ok {
		return b.refused("unknown", unknown())
	}
	now := b.Now()
	m, err := keys.Open(query, body, now)
	if err != nil {
		return b.refused(appID, err)
	}
	p := Push{AppID: appID, Key: m.Key(), OpenID: m.Person(), Kind: m.Kind(), At: m.At, Came: now}
	if keys.Mode == push.Plain && b.replayed(ctx, keys, query, p) {
		return b.refused(appID, &push.Refusal{Code: CodeReplayed, Why: "the signature was used for another body before: somebody has seen a push and changed it"})
	}
	targets, replier := b.targets(appID, m, now)
	if len(targets) == 0 { // what nobody wants isn't kept: it is personal
		b.Observe(Observation{AppID: appID, What: Unwanted})
		return nothing, nil
	}
	p.Sealed = b.Sealer.Seal(m.Plain, label(p))
	if replier == nil {
		_, err := b.put(ctx, p, targets)
		return b.queued(err)
	}
	reply, err := b.converse(ctx, conversation{push: p, message: m, targets: targets, replier: *replier})
	answer, err := b.queued(err)
	if err != nil || len(reply) == 0 {
		return answer, err
	}
	sealed, err := keys.Seal(m, reply, query.Get("nonce"), b.Now(), b.Random)
	if err != nil {
		return nothing, err // written down it is
	}
	answer.ContentType, answer.Body = "text/xml; charset=utf-8", sealed
	if m.JSON {
		answer.ContentType = "application/json"
	}
	return answer, nil
}

func unknown() error {
	return &push.Refusal{Code: CodeAccount, Why: "no such account takes pushes here"}
}

// label is what a sealed push belongs to. Moved to another row it doesn't open.
func label(p Push) string { return p.AppID + "\x00" + p.Key }

// targets are those that want a push, and the one of them whose answer the visitor gets.
// His task waits until there is an answer or none: written down it is all the same.
func (b *Inbox) targets(appID string, m push.Message, now time.Time) (list []Delivery, replier *Subscriber) {
	if b.wants(m) {
		list = append(list, Delivery{Own, now})
	}
	for _, s := range b.Subscribers(appID) {
		if !s.wants(m) {
			continue
		}
		d := Delivery{s.Name, now}
		if s.Reply && replier == nil {
			replier, d.Next = &s, now.Add(b.ReplyWithin+time.Second)
		}
		list = append(list, d)
	}
	return list, replier
}

func (s Subscriber) wants(m push.Message) bool {
	return s.Name != Own && (len(s.Types) == 0 || slices.ContainsFunc(s.Types, m.Is))
}

// put writes a push down, and says whether it is a new one.
func (b *Inbox) put(ctx context.Context, p Push, targets []Delivery) (fresh bool, err error) {
	fresh, err = b.Store.PutPush(ctx, p, targets)
	switch {
	case err != nil:
		b.Observe(Observation{AppID: p.AppID, What: Lost})
	case fresh:
		b.Observe(Observation{AppID: p.AppID, What: Accepted})
		b.Wake()
	default:
		b.Observe(Observation{AppID: p.AppID, What: Duplicate})
	}
	return fresh, err
}

// queued answers when a push is written down, or couldn't be.
func (b *Inbox) queued(err error) (Answer, error) {
	if err != nil {
		answer := nothing
		answer.Status = http.StatusServiceUnavailable
		return answer, err
	}
	return nothing, nil
}

// refused answers what isn't taken: always alike, whatever is wrong.
func (b *Inbox) refused(appID string, err error) (Answer, error) {
	code := ""
	if r := (*push.Refusal)(nil); errors.As(err, &r) {
		code = r.Code
	}
	b.Observe(Observation{AppID: appID, What: Refused, Code: code})
	answer := nothing
	answer.Status = http.StatusForbidden
	return answer, err
}

// replayed says whether the signature of a plain push was used before for another one.
// It doesn't sign the body, so that whoever has seen it could put any other there, until
// it is stale. The same body again is a retry, which its key tells.
//
// Where shared state is lost this is, too, but no push.
func (b *Inbox) replayed(ctx context.Context, keys push.Keys, query url.Values, p Push) bool {
	if b.Shared == nil {
		return false
	}
	name := signedName(p.AppID, query)
	put, err := b.Shared.PutNew(ctx, name, []byte(p.Key), 2*keys.Age())
	if err != nil || put {
		return false
	}
	key, ok, err := b.Shared.Get(ctx, name)
	return err == nil && ok && string(key) != p.Key
}

// signedName is where it stands what the signature of a plain push was used for.
func signedName(appID string, query url.Values) string {
	return "push/signed/" + appID + "/" + strings.ToLower(query.Get("signature"))
}

// checked stands there for a signature that was used for a check of the URL: no push has
// it for a key.
var checked = []byte{0}
