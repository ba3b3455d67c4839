package merchant

import "github.com/caddy-wsite/caddy-wsite/scene"

// Reason says why a scan binds nobody. It is a stable word for programs; [Reason.Staff]
// and [Reason.Scanner] have the sentences for people.
type Reason string

const (
	ReasonNone       Reason = ""
	ReasonExpired    Reason = "expired"
	ReasonUsed       Reason = "used"
	ReasonSuperseded Reason = "superseded"
	ReasonCancelled  Reason = "cancelled"
	ReasonUnknown    Reason = "unknown"        // a code that isn't ours, or no longer there
	ReasonDisabled   Reason = "disabled"       // the merchant is
	ReasonFull       Reason = "merchant_bound" // the merchant has all the persons that he may have
	ReasonElsewhere  Reason = "person_bound"   // the scanner is bound to another merchant
	ReasonIdentity   Reason = "identity"       // the identity centre knows the scanner, or the merchant's user, as somebody else
)

// Conflict says whether staff may decide for the new one all the same.
func (r Reason) Conflict() bool { return r == ReasonFull || r == ReasonElsewhere }

// Verdict is what a scan comes to.
type Verdict struct {
	// State is what becomes of the code: [Scanned], or [Refused] with a Reason. It is
	// empty if the scan changes nothing about the code, and Reason says why.
	State  State
	Reason Reason
	// Slot is the one that is reserved. Again says that he has it already.
	Slot  int
	Again bool
}

// Judge says what a scan of a code comes to. held are who is bound to the code's merchant
// at the account, and elsewhere is whether the scanner is bound to another merchant of the
// realm there.
func Judge(c Code, m Merchant, held []Binding, elsewhere bool, s scene.Scan) Verdict {
	slot, again := place(held, s.OpenID)
	switch {
	case c.State == Superseded:
		return Verdict{Reason: ReasonSuperseded}
	case c.State == Cancelled:
		return Verdict{Reason: ReasonCancelled}
	case c.State == Expired:
		return Verdict{Reason: ReasonExpired}
	case c.State != Waiting:
		// Who scans again what has bound him is told that he is bound.
		return Verdict{Reason: ReasonUsed, Slot: slot, Again: again && c.State == Bound}
	case m.Status != Normal:
		return Verdict{State: Refused, Reason: ReasonDisabled}
	case again:
		return Verdict{State: Scanned, Slot: slot, Again: true}
	case elsewhere:
		return Verdict{State: Refused, Reason: ReasonElsewhere}
	case slot >= m.Persons || len(held) >= m.Persons:
		return Verdict{State: Refused, Reason: ReasonFull}
	}
	return Verdict{State: Scanned, Slot: slot}
}

// place is the slot that an openid has among who is bound, or else the first that is free.
func place(held []Binding, openID string) (slot int, again bool) {
	taken := map[int]bool{}
	for _, b := range held {
		if b.OpenID == openID {
			return b.Slot, true
		}
		taken[b.Slot] = true
	}
	for taken[slot] {
		slot++
	}
	return slot, false
}
