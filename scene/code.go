package scene

import (
	"crypto/sha256"
	"time"
)

// Code is a parametric QR code.
type Code struct {
	ID    string // grows with time
	AppID string
	Realm string
	// Scene is what WeChat pushes when the code is scanned. It, Ticket and URL are
	// empty of a secret code, except in what [Registry.Make] returns.
	Scene   string
	Ticket  string // for WeChat's image of it
	URL     string // what the code says, to draw it
	Purpose string // what a scan does
	Ref     string // whom or what it is about, such as a merchant's id
	Maker   string
	// Permanent codes live for ever, and WeChat gives an account 100,000 of them.
	Permanent bool
	Secret    bool
	// Single codes are spent with the first scan.
	Single bool

	Made    time.Time
	Expires time.Time // zero if permanent
	Revoked time.Time // zero if it is not
	Used    time.Time // of a single code: when it was spent
	UsedBy  string    // ... and by which event
	// Scans counts events, and LastScan is the newest of them.
	Scans    int64
	LastScan time.Time
}

// Scan is a scan as WeChat pushes it.
type Scan struct {
	AppID  string
	OpenID string
	// Scene is without WeChat's prefix for those who follow by the scan.
	Scene  string
	Ticket string
	// Followed says that whoever scanned follows since this very scan.
	Followed bool
	At       time.Time // as WeChat says
	Key      string    // names the event: the same one for every copy of it
}

// Outcome is what a scan came to.
type Outcome string

const (
	Good    Outcome = "good"    // the purpose acts
	Expired Outcome = "expired" // it was scanned after its life
	Revoked Outcome = "revoked"
	Used    Outcome = "used"    // a single code, by an event before
	Foreign Outcome = "foreign" // not ours
)

// Judge says what a new scan of a code comes to. What counts is when WeChat says that
// it was scanned, not when we hear of it; grace is for the difference of the clocks. A
// revoked code does nothing any more, whenever it was scanned.
func Judge(c Code, s Scan, grace time.Duration) Outcome {
	switch {
	case !c.Revoked.IsZero():
		return Revoked
	case !c.Expires.IsZero() && s.At.After(c.Expires.Add(grace)):
		return Expired
	case c.Single && c.UsedBy != "" && c.UsedBy != s.Key:
		return Used
	}
	return Good
}

// Mark is the digest by which a scene is found. Of a secret one nothing else is kept.
func Mark(appID, scene string) []byte {
	sum := sha256.Sum256([]byte(appID + "\x00" + scene))
	return sum[:]
}
