package scene

import (
	"cmp"
	"context"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

const (
	// MaxLife is how long a temporary code may live.
	MaxLife = 30 * 24 * time.Hour
	// MaxPermanent is how many permanent codes WeChat gives an account.
	MaxPermanent = 100_000
	maxScene     = 64
)

// WeChat is what of a [wechat.Client] is needed.
type WeChat interface {
	CreateQR(ctx context.Context, as wechat.Bearer, order wechat.QROrder) (wechat.QR, error)
	QRImageURL(ticket string) string
}

// Act is what a scan does. It may be called again for an event whose act was cut off:
// what has to happen once is keyed by the scan's Key. After an error the event is tried
// again.
type Act func(ctx context.Context, c Code, s Scan) error

// Config is what a [Registry] needs. Store, WeChat, Call, Now and Random are required.
type Config struct {
	Store  Store
	WeChat WeChat
	// Call runs a call with an account's access token.
	Call   func(ctx context.Context, appID string, call func(ctx context.Context, as wechat.Bearer) error) error
	Now    func() time.Time
	Random func([]byte)
	// Log hears of what can't be swept; nil discards.
	Log *slog.Logger
	// Refused hears of scans of our codes that do nothing any more, so that somebody
	// may tell the visitor; nil for nobody. It may hear of one several times.
	Refused func(ctx context.Context, c Code, s Scan, o Outcome) error
	// Foreign hears of scans of codes that aren't ours; nil for nobody.
	Foreign func(ctx context.Context, s Scan) error
	// Observe hears what every scan came to; nil for nobody.
	Observe func(purpose string, o Outcome)

	Grace     time.Duration // between WeChat's clock and ours; default 5m
	KeepScans int64         // of each code, the newest; default 1000
	KeepCodes time.Duration // after they expired; default 90 days
}

// Registry makes codes, and acts on their scans. It is safe for concurrent use.
type Registry struct {
	Config
	mu   sync.RWMutex
	acts map[string]Act
}

// New makes a registry and fills in defaults.
func New(c Config) *Registry {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.Grace, c.KeepScans, c.KeepCodes = cmp.Or(c.Grace, 5*time.Minute), cmp.Or(c.KeepScans, 1000), cmp.Or(c.KeepCodes, 90*24*time.Hour)
	return &Registry{Config: c, acts: map[string]Act{}}
}

// On says what a scan of the codes of a purpose does: a word of small letters, digits
// and underscores, which every scene of it begins with. It panics if that is said
// already, or no such word.
func (r *Registry) On(purpose string, act Act) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !purposes.MatchString(purpose) || r.acts[purpose] != nil {
		panic("scene: the purpose " + purpose + " is malformed, or there twice")
	}
	r.acts[purpose] = act
}

func (r *Registry) act(purpose string) Act {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.acts[purpose]
}

// Order is a code that somebody wants made.
type Order struct {
	AppID   string
	Realm   string
	Purpose string // one of those of [Registry.On]
	Ref     string // at most 128 bytes
	Maker   string
	// Permanent codes are few and can't be taken back from WeChat: for what is printed.
	Permanent bool
	// Life of a temporary code, 1 minute to 30 days; zero means 30 days. WeChat's own
	// default, a minute, is never used.
	Life time.Duration
	// Secret codes are kept as a digest alone.
	Secret bool
	// Single codes are spent with the first scan.
	Single bool
	// Supersede revokes the maker's other codes for the same realm, purpose and ref.
	Supersede bool
	// SceneName is the scene itself, for a code that leads to nothing that matters.
	// Empty for one that can't be guessed.
	SceneName string
}

var (
	purposes = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	names    = regexp.MustCompile(`^[A-Za-z0-9_.\-]{1,64}$`)
	base     = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
)

func (o Order) check() *Fault {
	bad := func(field, limit string) *Fault { return &Fault{Code: FaultOrder, Field: field, Limit: limit} }
	switch {
	case o.AppID == "":
		return bad("appid", "it is required")
	case o.Realm == "":
		return bad("realm", "it is required")
	case !purposes.MatchString(o.Purpose):
		return bad("purpose", "a word of at most 32 small letters, digits and underscores")
	case len(o.Ref) > 128 || !utf8.ValidString(o.Ref) || strings.ContainsRune(o.Ref, 0):
		return bad("ref", "at most 128 bytes of text")
	case o.Permanent && o.Life != 0:
		return bad("life", "a permanent code has none")
	case !o.Permanent && o.Life != 0 && (o.Life < time.Minute || o.Life > MaxLife):
		return bad("life", "1 minute to 30 days")
	case o.SceneName != "" && !names.MatchString(o.SceneName):
		return bad("scene", "at most 64 letters, digits, dots, dashes and underscores")
	case o.SceneName != "" && (o.Secret || o.Single):
		return bad("scene", "a secret or single code has no name: it must not be guessed")
	}
	return nil
}

// Make makes a code at WeChat. A secret one comes with its scene, ticket and address
// this once. An order that is refused is a [*Fault].
func (r *Registry) Make(ctx context.Context, o Order) (Code, error) {
	if fault := o.check(); fault != nil {
		return Code{}, fault
	}
	now := r.Now()
	c := Code{
		ID: r.newID(now), AppID: o.AppID, Realm: o.Realm, Scene: cmp.Or(o.SceneName, r.newScene(o.Purpose)), Purpose: o.Purpose, Ref: o.Ref, Maker: o.Maker,
		Permanent: o.Permanent, Secret: o.Secret, Single: o.Single, Made: now,
	}
	life := cmp.Or(o.Life, MaxLife)
	if o.Permanent {
		life = 0
	} else {
		c.Expires = now.Add(life)
	}
	left, err := r.Store.PutScene(ctx, hidden(c), Mark(c.AppID, c.Scene), MaxPermanent)
	switch {
	case errors.Is(err, identity.ErrConflict):
		return Code{}, &Fault{Code: FaultTaken}
	case err != nil:
		return Code{}, fmt.Errorf("making a QR code: %w", err)
	case !left:
		return Code{}, &Fault{Code: FaultExhausted}
	}
	var qr wechat.QR
	err = r.Call(ctx, c.AppID, func(ctx context.Context, as wechat.Bearer) (err error) {
		qr, err = r.WeChat.CreateQR(ctx, as, wechat.QROrder{Scene: c.Scene, Permanent: c.Permanent, Life: life})
		return err
	})
	if err != nil {
		return Code{}, r.unmade(context.WithoutCancel(ctx), c, err)
	}
	c.Ticket, c.URL = qr.Ticket, qr.URL
	if !c.Permanent {
		c.Expires = now.Add(min(life, cmp.Or(qr.Life, life)))
	}
	if err := r.Store.SettleScene(context.WithoutCancel(ctx), hidden(c), o.Supersede); err != nil {
		return Code{}, fmt.Errorf("making a QR code: %w", err)
	}
	return c, nil
}

// unmade takes back what was reserved. A permanent code that WeChat may have made all
// the same goes on to count, and does nothing.
func (r *Registry) unmade(ctx context.Context, c Code, cause error) error {
	err := fmt.Errorf("making a QR code: %w", cause)
	var e *wechat.Error
	refused := errors.As(cause, &e) && (e.Code != 0 || e.Unsent())
	if e == nil {
		refused = true // the token wasn't to be had
	}
	if c.Permanent && !refused {
		_, failed := r.Store.RevokeScene(ctx, c.Realm, c.ID, r.Now())
		return errors.Join(err, failed)
	}
	failed := r.Store.DropScene(ctx, c)
	if refused && e != nil && e.Code == codeExhausted {
		return errors.Join(&Fault{Code: FaultExhausted}, failed)
	}
	return errors.Join(err, failed)
}

// codeExhausted is WeChat's code for an account without permanent codes.
const codeExhausted = 45029

// hidden is a code as it is kept.
func hidden(c Code) Code {
	if c.Secret {
		c.Scene, c.Ticket, c.URL = "", "", ""
	}
	return c
}

// newScene makes a scene that nobody guesses: 128 random bits.
func (r *Registry) newScene(purpose string) string {
	var b [16]byte
	r.Random(b[:])
	return purpose + "." + base.EncodeToString(b[:])
}

// newID makes an id that grows with time.
func (r *Registry) newID(now time.Time) string {
	var b [14]byte
	ms := now.UnixMilli()
	for i := range 6 {
		b[5-i] = byte(ms >> (8 * i))
	}
	r.Random(b[6:])
	return hex.EncodeToString(b[:])
}
