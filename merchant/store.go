package merchant

import (
	"context"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/scene"
)

// maxPage is how long a page of a list may be.
const maxPage = 200

// maxSearch is how many bytes a search may have.
const maxSearch = 256

// Store keeps merchants, their codes and bindings, and notices. One that can't be reached
// answers with identity.ErrUnavailable. Every method that writes does it in one
// transaction, with the entries of the history.
type Store interface {
	// PutMerchants writes merchants: a new one of Version 1 if its id is free, another one
	// if what is there has the Version before; a user only while nobody is bound. Where
	// that isn't so nothing is written for it, and what is there is returned in its place;
	// elsewhere what is returned is empty. It is empty too where there is nothing to
	// write to.
	PutMerchants(ctx context.Context, list []Put) (had []Merchant, err error)
	// MerchantLoggedIn keeps the newest login of a merchant; false if there is no such one.
	MerchantLoggedIn(ctx context.Context, realm, id string, at time.Time) (bool, error)
	// Merchant finds a merchant, with who is bound to him and whether they follow.
	Merchant(ctx context.Context, realm, id string) (Listed, bool, error)
	// Merchants lists a page. more says that there are others behind it, or before it of
	// one that was asked for backward.
	Merchants(ctx context.Context, f Filter) (page []Listed, more bool, err error)
	// CountMerchants counts what a filter picks, on all pages.
	CountMerchants(ctx context.Context, f Filter) (int64, error)
	// MerchantEvents lists the history of a merchant, the newest first.
	MerchantEvents(ctx context.Context, realm, merchant string, before int64, limit int) ([]Event, error)

	// PutMerchantCode writes a code, and supersedes those of its merchant and account that wait.
	PutMerchantCode(ctx context.Context, c Code) error
	// MerchantCode finds a code by its id.
	MerchantCode(ctx context.Context, realm, id string) (Code, bool, error)
	// MerchantCodes lists the codes of a merchant, the newest first.
	MerchantCodes(ctx context.Context, realm, merchant string, limit int) ([]Code, error)
	// CancelMerchantCode cancels a code if it waits and hasn't expired, and returns it as it stands
	// then.
	CancelMerchantCode(ctx context.Context, realm, id, by string, now time.Time) (Code, bool, error)

	// ScanMerchantCode writes what [Judge] says of a scan of a code, and reserves the binding. Of a scan
	// that has been judged it returns where that stands: its verdict has the state and the
	// reason of the code.
	ScanMerchantCode(ctx context.Context, realm, code string, s scene.Scan, now time.Time) (Scanning, bool, error)
	// SettleBinding has the binding that a code has reserved count for a user, or takes it away for
	// a reason. It returns the code as it stands then: refused as cancelled, if somebody
	// has unbound who was reserved. A code that isn't [Scanned] stays as it is.
	SettleBinding(ctx context.Context, realm, code, user string, why Reason, now time.Time) (Code, error)
	// BindingOf finds the merchant of an openid.
	BindingOf(ctx context.Context, realm, appID, openID string) (Binding, bool, error)
	// DropBinding takes a binding away, if it is the same by its code, and its recipients off
	// notices that are not filled yet.
	DropBinding(ctx context.Context, realm string, b Binding, e Event) (bool, error)
	// ReplaceBindings takes bindings away and puts one in, if all of them are as they were, the
	// merchant is not disabled, and the code is of the version that is given.
	ReplaceBindings(ctx context.Context, c Code, gone []Binding, b Binding, by string, now time.Time) (Code, bool, error)
	// EraseBoundOpenid takes away what is known of an openid, in every realm, and says how many
	// bindings that ended.
	EraseBoundOpenid(ctx context.Context, appID, openID string, now time.Time) (int64, error)
	// EraseBoundUser does the same for a user of a realm.
	EraseBoundUser(ctx context.Context, realm, user string, now time.Time) (int64, error)

	// PutNotice writes a notice, and as its recipients who is bound to the merchants that are
	// named; one that gets nothing with the reason. Those of a notice to all are counted,
	// and collected later. It returns how many get it; for none nothing is written. A
	// notice with the same ClientID, of the same sender, is returned in its place.
	PutNotice(ctx context.Context, n Notice, merchants []string, e Event) (had Notice, count int64, err error)
	// CollectRecipients writes who is bound to about limit merchants behind one, and not
	// disabled, as recipients of a notice to all. It returns the last one; empty if there
	// are no more.
	CollectRecipients(ctx context.Context, n Notice, after string, limit int) (last string, err error)
	// Notice finds a notice by its id.
	Notice(ctx context.Context, realm, id string) (Notice, bool, error)
	// Notices lists notices, the newest first, before one; empty for the newest of all.
	Notices(ctx context.Context, realm, before string, limit int) ([]Notice, error)
	// OpenNotices are those, of all realms, whose messages are not all in the outbox.
	OpenNotices(ctx context.Context, limit int) ([]Notice, error)
	// Recipients lists those of a notice behind one, by merchant and slot, with what has
	// become of their messages.
	Recipients(ctx context.Context, realm, notice string, after Recipient, limit int) ([]Recipient, error)
	// RefuseRecipients writes why recipients get nothing.
	RefuseRecipients(ctx context.Context, realm, notice string, list []Recipient) error
	// CloseNotice writes that all messages of a notice are in the outbox.
	CloseNotice(ctx context.Context, realm, id string) error
	// ReopenNotice has those recipients tried again who could not be reached, and says how
	// many there are.
	ReopenNotice(ctx context.Context, realm, id string) (int64, error)
	// CancelNotice cancels a notice; it stays so since the first time.
	CancelNotice(ctx context.Context, realm, id string, at time.Time) (bool, error)
	// WaitingMessages are the ids of the messages of notices that wait for who is bound.
	WaitingMessages(ctx context.Context, realm string, b Binding) ([]string, error)

	// SweepMerchants takes away at most limit codes, and as many notices, that were made
	// before a moment. more says that there may be others.
	SweepMerchants(ctx context.Context, codes, notices time.Time, limit int) (more bool, err error)
}

// Put is a merchant to write, with its entry in the history.
type Put struct {
	Merchant
	Event Event
}

// Shown says which merchants a list shows, by who is bound to them.
type Shown string

const (
	ShowAll        Shown = ""
	ShowUnbound    Shown = "unbound"
	ShowBound      Shown = "bound"
	ShowUnfollowed Shown = "unfollowed" // somebody is bound who has ceased to follow
)

// Filter picks merchants of a realm. Empty fields pick all.
type Filter struct {
	Realm  string // required
	Shown  Shown
	Status Status
	// Search is a part of the name, login, phone, contact or id, in any letters.
	Search string
	// From is the place behind which the page begins, or ends if it is asked for Backward;
	// the zero value is the beginning, or the end.
	From     Place
	Backward bool
	Limit    int // 1 to 200
}

// tidy bounds what a page may ask for. No name holds what it takes out of a search.
func (f Filter) tidy() Filter {
	f.Limit = min(max(f.Limit, 1), maxPage)
	f.Search = strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(f.Search), "\x00", ""), "")
	if len(f.Search) > maxSearch {
		f.Search = strings.ToValidUTF8(f.Search[:maxSearch], "")
	}
	return f
}

// Place is where a merchant stands in the list.
type Place struct {
	Bound bool
	ID    string
}

// Place is where it stands in the list.
func (l Listed) Place() Place { return Place{len(l.Bindings) > 0, l.ID} }
