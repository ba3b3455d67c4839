package identity

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// decideOn loads and decides one claim.
func decideOn(t *testing.T, f *facts, c Claim) (Change, Answer, error) {
	t.Helper()
	known, err := f.Load(t.Context(), Query{Realm: c.Realm, Openid: c.Openid, Unionid: c.Unionid, User: c.User})
	if err != nil {
		t.Fatal(err)
	}
	return decide(known, c, Policies{}, guestG{}, day(20))
}

func claimOfN(user string, kind Kind, born time.Time) Claim {
	return Claim{Realm: "r", Openid: openidO, Unionid: unionidN, User: user, UserKind: kind, UserBorn: born, Via: "scan", Trace: "t9"}
}

func TestReplacedEvent(t *testing.T) {
	t.Parallel()
	change, _, err := decideOn(t, scene("gvw", "N is w", "O has g"), claimOfN("", "", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	want := []Event{{
		ID: "w.first", Realm: "r", Type: EventReplaced, Phase: PhaseFirst, Old: "w", New: "g", Via: "scan", Cause: "D",
		Subject: "S", AppID: "wx1", At: day(20), Trace: "t9",
	}}
	if !reflect.DeepEqual(change.Events, want) {
		t.Errorf("events %+v, want %+v", change.Events, want)
	}
}

func TestMismatchAtLoginIsListed(t *testing.T) {
	t.Parallel()
	c := claimOfN("", "", time.Time{})
	c.Unionid = unionidM
	change, _, err := decideOn(t, scene("gvw", "N is w", "O has N"), c)
	want := &ConflictRow{Realm: "r", Code: CodeUnionIDMismatch, Openid: openidO, Subject: "S", Have: "uN", Got: "uM", At: day(20)}
	if err != nil || !reflect.DeepEqual(change.Conflict, want) {
		t.Errorf("conflict %+v, %v", change.Conflict, err)
	}
}

func TestVirtualIDIsNeverALogin(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*facts{
		"a guest with a row":                 scene("gvw", "M is v"),
		"the guest of an openid":             scene("gvw", "P has v"),
		"a guest who became somebody (K5)":   scene("gvw", "v is gone into y, F is y"),
		"the guest of the very openid":       scene("gvw", "O has g"),
		"the guest that the unionid is now":  scene("gvw", "N is w"),
		"a guest beside another real user x": scene("gvw", "N is x", "M is v"),
	} {
		user := map[string]string{"the guest of the very openid": "g", "the guest that the unionid is now": "w"}[name]
		if user == "" {
			user = "v"
		}
		if change, answer, err := decideOn(t, f, claimOfN(user, Real, time.Time{})); err == nil || !change.Empty() {
			t.Errorf("%s, named as real, became %+v", name, answer.User)
		}
	}
}

func TestWorthlessCookies(t *testing.T) {
	t.Parallel()
	preview := ephemeralID([]byte("key"), openidP)
	for name, c := range map[string]Claim{
		"the id of a preview leaves no trace (I11)":      claimOfN(preview, Virtual, day(1)),
		"a guest without a birth doesn't outrank others": claimOfN("v", Virtual, time.Time{}),
	} {
		change, answer, err := decideOn(t, scene("gvw", "O has g"), c)
		if err != nil || answer.User.ID != "g" || writes(change) != "O→N N→g +g" || len(change.Events) > 0 {
			t.Errorf("%s: user %s, writes %q, %v", name, answer.User.ID, writes(change), err)
		}
	}
}

func TestTwinsAreOrderedByID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ cookie, want string }{{"a", "a"}, {"z", "g"}} {
		// g is born on the first day, and so is the cookie's guest.
		_, answer, err := decideOn(t, scene("gvw", "O has g"), claimOfN(tt.cookie, Virtual, day(1)))
		if err != nil || answer.User.ID != tt.want {
			t.Errorf("g and %s: %s lives, %v", tt.cookie, answer.User.ID, err)
		}
	}
}

func TestBirthIsKeptAsTheStoreKeepsIt(t *testing.T) {
	t.Parallel()
	born := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.FixedZone("CST", 8*3600))
	change, _, err := decideOn(t, scene("gvw"), claimOfN("v", Virtual, born))
	if err != nil || len(change.Users) != 1 || change.Users[0].Born != born.UTC().Truncate(time.Microsecond) {
		t.Errorf("%+v, %v", change.Users, err)
	}
}

func TestPrevIsBounded(t *testing.T) {
	t.Parallel()
	f := scene("gvw", "N is x", "O has g")
	for i := range 12 {
		id := "old" + string(rune('a'+i))
		f.users[id] = User{ID: id, Kind: Virtual, Born: day(1), Parent: "x", RetiredAt: day(2 + i), Version: 1}
	}
	_, answer, err := decideOn(t, f, claimOfN("", "", time.Time{}))
	if got := strings.Join(answer.Prev, " "); err != nil || got != "g oldl oldk oldj oldi oldh oldg oldf" {
		t.Errorf("prev %q, %v", got, err)
	}
}

// In openid mode the account is the subject and the openid is the unionid, so that
// every rule holds without an open platform.
func TestOpenidMode(t *testing.T) {
	t.Parallel()
	f := newFacts()
	resolve := func(user string, kind Kind, want, wantWrites string) {
		t.Helper()
		c := Claim{Realm: "r", Openid: openidO, Unionid: Unionid{Subject: openidO.AppID, UnionID: openidO.OpenID}, User: user, UserKind: kind}
		change, answer, err := decideOn(t, f, c)
		if err != nil || answer.User.ID != want || writes(change) != wantWrites || !answer.Linked() {
			t.Fatalf("user %s, writes %q, linked %t, %v", answer.User.ID, writes(change), answer.Linked(), err)
		}
		if err := f.Apply(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	resolve("", "", "g", "O:g O→N N→g +g")
	resolve("y", Real, "y", "N→y +y g⇒y")
	resolve("", "", "y", "")
	if n := (Unionid{"wx1", "oO"}); f.unions[n].User != "y" || f.openids[openidO].Unionid != n {
		t.Errorf("%+v", f.unions)
	}
}

func newCentre(f Store) *Centre {
	return &Centre{
		Store: f, PrevFor: time.Hour, Now: func() time.Time { return day(20) },
		GuestKey: func(realm string) ([]byte, error) { return []byte("key of " + realm), nil },
	}
}

// G1: the Store of this centre is nil, so that any use of it would panic.
func TestPreviewTouchesNothing(t *testing.T) {
	t.Parallel()
	c := claimOfN("y", Real, time.Time{})
	c.Snapshot = true
	first, err := newCentre(nil).Resolve(t.Context(), c)
	if err != nil || first.User.Kind != Virtual || !ephemeral(first.User.ID) || first.Linked() {
		t.Fatalf("%+v, %v", first, err)
	}
	c.User, c.UnionID = "", ""
	if again, err := newCentre(nil).Resolve(t.Context(), c); err != nil || again.User.ID != first.User.ID {
		t.Errorf("the same preview is another visitor: %+v, %v", again, err)
	}
}

func TestResolveDecidesAnewAfterALostRace(t *testing.T) {
	t.Parallel()
	f := newFacts()
	centre := newCentre(f)
	f.before = func() {
		if _, err := newCentre(f).Resolve(context.Background(), claimOfN("y", Real, time.Time{})); err != nil {
			t.Error(err)
		}
	}
	answer, err := centre.Resolve(t.Context(), claimOfN("", "", time.Time{}))
	if err != nil || answer.User.ID != "y" || f.applied != 2 {
		t.Errorf("%+v after %d writes, %v", answer.User, f.applied, err)
	}
	if _, err := centre.Resolve(t.Context(), claimOfN("", "", time.Time{})); err != nil || f.applied != 2 {
		t.Errorf("repeating it wrote, %v", err)
	}
}

// losing is a store whose every write comes too late.
type losing struct {
	Store
	err error
}

func (l losing) Apply(context.Context, Change) error { return l.err }

func TestResolveGivesUp(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for _, tt := range []struct{ apply, want error }{{ErrConflict, ErrUnavailable}, {broken, broken}} {
		answer, err := newCentre(losing{newFacts(), tt.apply}).Resolve(t.Context(), claimOfN("", "", time.Time{}))
		if !errors.Is(err, tt.want) || answer.User.ID != "" {
			t.Errorf("%v: answered %+v, %v", tt.apply, answer, err)
		}
	}
}

func TestNobodyIsRetiredIntoTheRetired(t *testing.T) {
	t.Parallel()
	f := scene("wvg", "N is w", "O has g")
	f.before = func() { // w becomes y between loading and writing
		c := claimOfN("y", Real, time.Time{})
		c.Openid = openidP
		if _, err := newCentre(f).Resolve(context.Background(), c); err != nil {
			t.Error(err)
		}
	}
	answer, err := newCentre(f).Resolve(t.Context(), claimOfN("", "", time.Time{}))
	if err != nil || answer.User.ID != "y" || f.users["g"].Parent != "y" {
		t.Errorf("%s, and g forwards to %s, %v", answer.User.ID, f.users["g"].Parent, err)
	}
}
