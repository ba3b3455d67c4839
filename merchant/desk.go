package merchant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// Codes makes QR codes; a [scene.Registry] does.
type Codes interface {
	Make(ctx context.Context, o scene.Order) (scene.Code, error)
}

// Messages sends to users; a [message.Outbox] does.
type Messages interface {
	Send(ctx context.Context, o message.Order) (message.Message, error)
	Batch(ctx context.Context, b message.Bulk, rows iter.Seq2[message.Row, error]) (message.Counts, error)
	Count(ctx context.Context, realm, batch, by string) (map[message.State]int64, error)
	Cancel(ctx context.Context, realm, id string) (message.Message, error)
	Replay(ctx context.Context, realm, id string) (message.Message, error)
	Templates(ctx context.Context, appID string) ([]message.Template, time.Time, error)
}

// People is the identity centre.
type People interface {
	// Bind says to which user of a realm an openid leads, having made him known. With as
	// it is first linked with that user, whose own id in the realm this is. What
	// contradicts is an [identity.Conflict], or an [identity.Fault], and nothing is changed.
	Bind(ctx context.Context, realm string, at identity.Openid, as, actor string) (user string, err error)
	// Unbind parts a user from the WeChat account behind an openid. Where there is
	// nothing to part it does nothing.
	Unbind(ctx context.Context, realm string, at identity.Openid, user, actor string) error
}

// Sealer seals what is personal; an [identity.Box] does.
type Sealer interface {
	Seal(plain []byte, context string) []byte
	Open(sealed []byte, context string) (plain []byte, stale bool, err error)
}

// Config is what a [Desk] needs. Store, Codes, Messages, People, Sealer, Now and Random are
// required.
type Config struct {
	Store    Store
	Codes    Codes
	Messages Messages
	People   People
	Sealer   Sealer
	Now      func() time.Time
	Random   func([]byte)
	// Serves says whether an account belongs to a realm and makes codes; nil for all.
	Serves func(realm, appID string) bool
	// Log hears of what is tried again; nil discards.
	Log *slog.Logger
	// Observe hears what every scan came to; nil for nobody.
	Observe func(appID string, s State, r Reason)

	Every       time.Duration // between looks for notices that were cut off; default 1m
	KeepCodes   time.Duration // after they were made; default 180 days
	KeepNotices time.Duration // default 400 days
}

// Desk is where staff deal with merchants. It is safe for concurrent use.
type Desk struct {
	Config
	wake chan struct{}
}

// New makes a desk and fills in defaults.
func New(c Config) *Desk {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Serves == nil {
		c.Serves = func(string, string) bool { return true }
	}
	if c.Observe == nil {
		c.Observe = func(string, State, Reason) {}
	}
	const day = 24 * time.Hour
	c.Every, c.KeepCodes, c.KeepNotices = cmp.Or(c.Every, time.Minute), cmp.Or(c.KeepCodes, 180*day), cmp.Or(c.KeepNotices, 400*day)
	return &Desk{Config: c, wake: make(chan struct{}, 1)}
}

// Create puts a merchant on the list.
func (d *Desk) Create(ctx context.Context, m Merchant, by string) (Merchant, error) {
	m.Made, m.Version = d.Now(), 1
	m = m.tidy()
	if fault := m.check(); fault != nil {
		return Merchant{}, fault
	}
	had, err := d.Store.PutMerchants(ctx, []Put{{m, d.event(m.ID, by, EventMade, Detail{})}})
	switch {
	case err != nil:
		return Merchant{}, fmt.Errorf("creating a merchant: %w", err)
	case had[0].Version != 0:
		return Merchant{}, &Fault{Code: FaultTaken}
	}
	return m, nil
}

// Edit writes a merchant whose Version is that of the one that was edited. If it has
// changed since the error is a [*Changed].
func (d *Desk) Edit(ctx context.Context, m Merchant, by string) (Merchant, error) {
	m = m.tidy()
	if fault := m.check(); fault != nil {
		return Merchant{}, fault
	}
	was, err := d.Get(ctx, m.Realm, m.ID)
	if err != nil {
		return Merchant{}, err
	}
	m.Made = was.Made
	diff := changed(was.Merchant, m)
	switch {
	case was.Version != m.Version:
		return Merchant{}, &Changed{Current: was.Merchant, By: changed(m, was.Merchant)}
	case len(diff) == 0:
		return was.Merchant, nil
	}
	m.Version++
	had, err := d.Store.PutMerchants(ctx, []Put{{m, d.event(m.ID, by, EventEdited, Detail{Changes: diff})}})
	switch {
	case err != nil:
		return Merchant{}, fmt.Errorf("editing a merchant: %w", err)
	case had[0].Version == m.Version-1:
		return Merchant{}, userFixed
	case had[0].Version != 0:
		return Merchant{}, &Changed{Current: had[0], By: changed(m, had[0])}
	}
	return m, d.silence(ctx, was, m)
}

// silence takes back the notices that wait for a merchant who has just been disabled.
func (d *Desk) silence(ctx context.Context, was Listed, is Merchant) error {
	if was.Status == Disabled || is.Status != Disabled {
		return nil
	}
	for _, b := range was.Bindings {
		if err := d.forgo(ctx, is.Realm, b); err != nil {
			return err
		}
	}
	return nil
}

// userFixed says why the user stays: who is bound is linked with him.
var userFixed = &Fault{Code: FaultField, Field: "user", Limit: "it can't be changed while somebody is bound: unbind first"}

// Disable has a merchant bound no more, and get no notices, until [Desk.Enable]. Who is
// bound stays so.
func (d *Desk) Disable(ctx context.Context, realm, id string, version int, by string) (Merchant, error) {
	return d.turn(ctx, realm, id, version, by, Disabled)
}

// Enable takes [Desk.Disable] back.
func (d *Desk) Enable(ctx context.Context, realm, id string, version int, by string) (Merchant, error) {
	return d.turn(ctx, realm, id, version, by, Normal)
}

func (d *Desk) turn(ctx context.Context, realm, id string, version int, by string, to Status) (Merchant, error) {
	was, err := d.Get(ctx, realm, id)
	if err != nil {
		return Merchant{}, err
	}
	if was.Version != version {
		return Merchant{}, &Changed{Current: was.Merchant}
	}
	was.Status = to
	return d.Edit(ctx, was.Merchant, by)
}

// LoggedIn notes that a merchant has logged in at the platform. It makes no new version.
func (d *Desk) LoggedIn(ctx context.Context, realm, id string, at time.Time) error {
	if !ids.MatchString(id) {
		return &Fault{Code: FaultNotFound}
	}
	found, err := d.Store.MerchantLoggedIn(ctx, realm, id, at)
	switch {
	case err != nil:
		return fmt.Errorf("noting a login: %w", err)
	case !found:
		return &Fault{Code: FaultNotFound}
	}
	return nil
}

// Get returns a merchant with who is bound to him.
func (d *Desk) Get(ctx context.Context, realm, id string) (Listed, error) {
	if !ids.MatchString(id) {
		return Listed{}, &Fault{Code: FaultNotFound}
	}
	m, found, err := d.Store.Merchant(ctx, realm, id)
	switch {
	case err != nil:
		return Listed{}, fmt.Errorf("reading a merchant: %w", err)
	case !found:
		return Listed{}, &Fault{Code: FaultNotFound}
	}
	return m, nil
}

// List returns a page of merchants, those first whom nobody is bound to, then by id.
// before and after say whether there are others on either side.
func (d *Desk) List(ctx context.Context, f Filter) (page []Listed, before, after bool, err error) {
	f = f.tidy()
	page, more, err := d.Store.Merchants(ctx, f)
	if err != nil {
		return nil, false, false, fmt.Errorf("listing merchants: %w", err)
	}
	if f.Backward {
		return page, more, true, nil
	}
	return page, f.From != (Place{}), more, nil
}

// Count counts what a filter picks, on all pages.
func (d *Desk) Count(ctx context.Context, f Filter) (int64, error) {
	n, err := d.Store.CountMerchants(ctx, f.tidy())
	if err != nil {
		return 0, fmt.Errorf("counting merchants: %w", err)
	}
	return n, nil
}

// History lists what happened to a merchant, the newest first, before an entry; zero for
// the newest of all.
func (d *Desk) History(ctx context.Context, realm, id string, before int64, limit int) ([]Event, error) {
	list, err := d.Store.MerchantEvents(ctx, realm, id, before, min(max(limit, 1), maxPage))
	if err != nil {
		return nil, fmt.Errorf("reading the history of a merchant: %w", err)
	}
	return list, nil
}

func (d *Desk) event(merchant, by, what string, detail Detail) Event {
	return Event{Merchant: merchant, At: d.Now(), Actor: by, What: what, Detail: detail}
}

// refusal says whether the identity centre refuses, and why.
func refusal(err error) (why string, refused bool) {
	var conflict *identity.Conflict
	var fault *identity.Fault
	switch {
	case errors.As(err, &conflict):
		return conflict.Error() + ": " + conflict.Advice(), true
	case errors.As(err, &fault):
		return fault.Error(), true
	}
	return "", false
}
