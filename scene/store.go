package scene

import (
	"context"
	"time"
)

// Store keeps codes and their scans. One that can't be reached answers with
// identity.ErrUnavailable.
type Store interface {
	// PutScene reserves a code, by the digest of its scene. A permanent one counts from
	// now on; where most are there already nothing is written. A scene that is another
	// code's is identity.ErrConflict.
	PutScene(ctx context.Context, c Code, mark []byte, most int64) (left bool, err error)
	// SettleScene writes what WeChat has made of a code. With supersede all others of
	// its maker for the same realm, purpose and ref are revoked in the same transaction.
	SettleScene(ctx context.Context, c Code, supersede bool) error
	// DropScene forgets a code that WeChat didn't make.
	DropScene(ctx context.Context, c Code) error
	// Scene finds a code by its id.
	Scene(ctx context.Context, realm, id string) (Code, bool, error)
	// Scenes lists codes, the newest first.
	Scenes(ctx context.Context, f Filter) ([]Code, error)
	// PermanentScenes counts the permanent codes of an account.
	PermanentScenes(ctx context.Context, appID string) (int64, error)
	// RevokeScene revokes a code; false if there is no such one. One that is revoked
	// stays so since the first time.
	RevokeScene(ctx context.Context, realm, id string, at time.Time) (bool, error)

	// RecordScan finds the code of a scan and records the scan, in one transaction,
	// with what [Judge] says of it. For an event that is recorded it returns what was
	// said then; done says that it was acted on. It keeps the newest scans of a code,
	// and forgets the others. Where there is no such code the outcome is [Foreign], and
	// nothing is written.
	RecordScan(ctx context.Context, mark []byte, s Scan, grace time.Duration, keep int64) (c Code, o Outcome, done bool, err error)
	// EndScan writes that a scan was acted on.
	EndScan(ctx context.Context, c Code, key string) error
	// Scans lists the newest scans of a code.
	Scans(ctx context.Context, realm, id string, limit int) ([]Recorded, error)
	// EraseScans forgets who of an account made scans, and says how many.
	EraseScans(ctx context.Context, appID, openID string) (int64, error)
	// SweepScenes takes away at most limit temporary codes that expired before a
	// moment, with their scans. more says that there may be others.
	SweepScenes(ctx context.Context, before time.Time, limit int) (more bool, err error)
}

// Filter picks codes of a realm. Empty fields pick all.
type Filter struct {
	Realm   string // required
	Purpose string
	Ref     string // only with Purpose
	// Before is the id of the last code of the page before; empty for the first.
	Before string
	Limit  int // 1 to 1000
}

// Recorded is a scan on record.
type Recorded struct {
	OpenID   string // empty after it was erased
	Followed bool
	At       time.Time
	Outcome  Outcome
	Done     bool
}
