package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Scope is something that a key of the HTTP API may do.
type Scope string

const (
	ScopeRead     Scope = "read"     // say who somebody is
	ScopeBind     Scope = "bind"     // bind and unbind a visitor by his own token
	ScopeFeed     Scope = "feed"     // follow events and conflicts
	ScopeOperate  Scope = "operate"  // change users by ids alone, with evidence
	ScopeAudit    Scope = "audit"    // read who changed what, and why
	ScopeMessage  Scope = "message"  // send messages, and see what became of them
	ScopeQR       Scope = "qr"       // make parametric QR codes, and see who scanned them
	ScopeToken    Scope = "token"    // read the access tokens of accounts
	ScopeWechat   Scope = "wechat"   // call WeChat through the gateway
	ScopeMerchant Scope = "merchant" // keep the list of merchants, bind them, send them notices

	// ScopeConfigure keeps accounts and sites. It is for keys of all realms.
	ScopeConfigure Scope = "configure"
)

// Scopes are all of them.
var Scopes = []Scope{ScopeRead, ScopeBind, ScopeFeed, ScopeOperate, ScopeAudit, ScopeMessage, ScopeQR, ScopeToken, ScopeWechat, ScopeMerchant, ScopeConfigure}

// AllRealms is the realm of a key for operators.
const AllRealms = "*"

// APIKey is what is kept of a key of the HTTP API. The key itself isn't: it is shown
// once, when it is made.
type APIKey struct {
	ID     string
	Realm  string // or [AllRealms]
	Name   string // for people
	Scopes []Scope
	// Sites are those whose visitors and accounts the key may name; empty for all of
	// the realm.
	Sites []string
	// Hash is the SHA-256 of the secret. A secret of 32 random bytes can't be guessed,
	// however fast the hash is: a slow one would only make each call slow.
	Hash    []byte
	Made    time.Time
	Revoked time.Time // zero while the key holds
	Used    time.Time // written once an hour at most; zero if it never was
}

// apiSecretSize is the length of a key's secret in bytes.
const apiSecretSize = 32

var apiKeyName = regexp.MustCompile(`^[!-~]{1,64}$`)

// NewAPIKey makes a key with an id and a secret of its own, and the text that its
// holder sends: wsk_<id>_<secret>. random fills in random bytes.
//
// A key for some sites can't operate, audit or deal with merchants: users, the records about
// them, and merchants are the whole realm's.
func NewAPIKey(k APIKey, random func([]byte)) (APIKey, string, error) {
	switch {
	case k.Realm == "":
		return APIKey{}, "", fmt.Errorf("making key: say which realm it is for")
	case !apiKeyName.MatchString(k.Name):
		return APIKey{}, "", fmt.Errorf("making key: its name has to be 1 to 64 visible ASCII characters")
	case len(k.Scopes) == 0:
		return APIKey{}, "", fmt.Errorf("making key: say what it may do: some of %v", Scopes)
	case k.Realm == AllRealms && len(k.Sites) > 0:
		return APIKey{}, "", fmt.Errorf("making key: a key for all realms can't be limited to sites")
	}
	for _, s := range k.Scopes {
		if !slices.Contains(Scopes, s) {
			return APIKey{}, "", fmt.Errorf("making key: there is no scope %q; there are %v", s, Scopes)
		}
		if s == ScopeConfigure && k.Realm != AllRealms {
			return APIKey{}, "", fmt.Errorf("making key: the scope %s is about accounts, which any realm may use: make the key for all realms", s)
		}
		if (s == ScopeOperate || s == ScopeAudit || s == ScopeMerchant) && len(k.Sites) > 0 {
			return APIKey{}, "", fmt.Errorf("making key: the scope %s is about people, who are the whole realm's: leave the sites out", s)
		}
	}
	raw := make([]byte, 8+apiSecretSize)
	random(raw)
	k.ID = hex.EncodeToString(raw[:8])
	sum := sha256.Sum256(raw[8:])
	k.Hash = sum[:]
	return k, "wsk_" + k.ID + "_" + hex.EncodeToString(raw[8:]), nil
}

// apiKeyForm gives a key one spelling.
var apiKeyForm = regexp.MustCompile(`^wsk_([0-9a-f]{16})_([0-9a-f]{64})$`)

// ParseAPIKey takes a key apart into its id and its secret.
func ParseAPIKey(text string) (id string, secret []byte, ok bool) {
	m := apiKeyForm.FindStringSubmatch(text)
	if m == nil {
		return "", nil, false
	}
	secret, err := hex.DecodeString(m[2])
	return m[1], secret, err == nil
}

// Opens says whether this secret is the key's, and the key still holds.
func (k APIKey) Opens(secret []byte) bool {
	sum := sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(sum[:], k.Hash) == 1 && k.Revoked.IsZero()
}

// May says whether the key has one of these scopes.
func (k APIKey) May(scopes ...Scope) bool {
	return slices.ContainsFunc(scopes, func(s Scope) bool { return slices.Contains(k.Scopes, s) })
}

// For says whether the key is for a realm.
func (k APIKey) For(realm string) bool { return k.Realm == AllRealms || k.Realm == realm }

// Covers says whether the key is for a site of its realm.
func (k APIKey) Covers(ptid string) bool { return len(k.Sites) == 0 || slices.Contains(k.Sites, ptid) }

// Repeat is a call that its caller may repeat: what it was, and what was answered.
type Repeat struct {
	KeyID       string
	Idem        string // the caller's name for the call
	Fingerprint []byte // of the request
	Status      int    // 0 while the call is under way
	Body        []byte
	At          time.Time
}

const (
	// RepeatLife is how long an answer is kept.
	RepeatLife = 24 * time.Hour
	// RepeatPatience is how long a call may be under way: after that whoever began it
	// has died, and the next one takes its place.
	RepeatPatience = time.Minute
)

// APIStore is what the HTTP API needs besides a [Store]: it keeps keys, and answers that
// may be asked for again.
// A store that can't be reached answers with [ErrUnavailable].
type APIStore interface {
	// PutAPIKey inserts a key; [ErrConflict] if there is one of that id.
	PutAPIKey(ctx context.Context, k APIKey) error

	// APIKey returns a key by its id, also a revoked one; zero if there is none.
	APIKey(ctx context.Context, id string) (APIKey, error)

	// APIKeys lists all keys, the oldest first.
	APIKeys(ctx context.Context) ([]APIKey, error)

	// RevokeAPIKey revokes a key for good, and says whether there is one. Revoking one
	// twice keeps the earlier moment.
	RevokeAPIKey(ctx context.Context, id string, at time.Time) (bool, error)

	// UseAPIKey notes that a key was used.
	UseAPIKey(ctx context.Context, id string, at time.Time) error

	// Feed is [Store.Events] as a consumer should read them: the New of a retirement is
	// who stands for the old id by now.
	Feed(ctx context.Context, realm string, after int64, limit int) ([]Event, error)

	// LastEvent is the Seq of the newest event of a realm; 0 if there is none.
	LastEvent(ctx context.Context, realm string) (int64, error)

	// BeginRepeat records that a call has begun, and forgets answers older than
	// [RepeatLife]. If there is such a call already it returns that one and records
	// nothing, unless it has been under way for longer than [RepeatPatience].
	BeginRepeat(ctx context.Context, r Repeat) (before Repeat, begun bool, err error)

	// EndRepeat records what was answered, if the call that began at r.At still has
	// its place. With Status 0 the call is forgotten, so that it can be made again.
	EndRepeat(ctx context.Context, r Repeat) error
}
