package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// day is the n-th day of the tests' calendar.
func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

// The names of the decision table: O is the openid of the claim, N its unionid, g
// the guest of O, v and y a given virtual and real user, w and x the virtual and the
// real user that N leads to. M is another unionid of the same subject, F one of
// another subject.
var (
	openidO  = Openid{"wx1", "oO"}
	openidP  = Openid{"wx2", "oP"} // of another account, on record with N or with none
	unionidN = Unionid{"S", "uN"}
	unionidM = Unionid{"S", "uM"}
	unionidF = Unionid{"T", "uF"}
)

// scene is a state of the facts in the words of the table, applied in order. The
// births of g, v and w follow from born, the oldest first.
func scene(born string, words ...string) *facts {
	f := newFacts()
	birth := func(id string) time.Time { return day(1 + strings.Index(born, id)) }
	user := func(id string, k Kind) User { return User{ID: id, Kind: k, Born: birth(id), Version: 1} }
	link := func(n Unionid, u User) {
		f.users[u.ID] = u
		f.unions[n] = UnionRow{Unionid: n, User: u.ID, Version: 1}
	}
	for _, word := range words {
		switch word {
		case "O has g":
			f.openids[openidO] = OpenidRow{Openid: openidO, Guest: "g", Issued: birth("g"), Version: 1}
		case "O has N":
			f.openids[openidO] = OpenidRow{Openid: openidO, Unionid: unionidN, Version: 1}
		case "N is w":
			w := user("w", Virtual)
			w.Home = openidP
			link(unionidN, w)
			f.openids[openidP] = OpenidRow{Openid: openidP, Unionid: unionidN, Guest: "w", Issued: birth("w"), Version: 2}
		case "N is x":
			link(unionidN, user("x", Real))
		case "M is y":
			link(unionidM, user("y", Real))
		case "F is y":
			link(unionidF, user("y", Real))
		case "M is v":
			link(unionidM, user("v", Virtual))
		case "F is v":
			link(unionidF, user("v", Virtual))
		case "v is gone into y, F is y":
			link(unionidF, user("y", Real))
			v := user("v", Virtual)
			v.Parent, v.RetiredAt = "y", day(9)
			f.users["v"] = v
		case "P has v":
			f.openids[openidP] = OpenidRow{Openid: openidP, Guest: "v", Issued: birth("v"), Version: 1}
		default:
			panic(word)
		}
	}
	return f
}

// writes puts a change in the words of the table.
func writes(c Change) string {
	var w []string
	for _, o := range c.Openids {
		switch {
		case o.Version == 0 && o.Guest != "" && o.UnionID == "":
			w = append(w, "O:"+o.Guest)
		case o.Version == 0 && o.Guest != "":
			w = append(w, "O:"+o.Guest, "O→N")
		default:
			w = append(w, "O→N")
		}
	}
	for _, n := range c.Unions {
		w = append(w, "N→"+n.User)
	}
	for _, u := range c.Users {
		if u.Live() {
			w = append(w, "+"+u.ID)
		} else {
			w = append(w, u.ID+"⇒"+u.Parent)
		}
	}
	return strings.Join(w, " ")
}

func events(c Change) string {
	var w []string
	for _, e := range c.Events {
		w = append(w, e.Old+"→"+e.New)
	}
	return strings.Join(w, " ")
}

// guestG mints ids that can be read.
type guestG struct{}

func (guestG) guest(_ Openid, gen int) string     { return []string{"g", "g1", "g2"}[gen] }
func (guestG) parted(n Unionid, epoch int) string { return fmt.Sprintf("p%d", epoch) }
func (guestG) minted(id string) bool              { return minted(id) }
func (guestG) registered(n Unionid, _ int) string { return "minted-" + n.UnionID }

type decideCase struct {
	row    string
	name   string
	born   string // only this order of births; else both "gvw" and "wvg"
	facts  string // words of [scene], separated by "; "
	claim  string // "N", "M" or "-", then the given user, ! for a real one, "bind"
	user   string
	writes string
	events string
	notes  []Note
	code   string
}

func (tt decideCase) parse(born string) Claim {
	c := Claim{Realm: "r", Openid: openidO, Unionid: Unionid{Subject: "S"}, Via: "web_login", Trace: "t1"}
	for i, word := range strings.Fields(tt.claim) {
		switch {
		case i == 0 && word == "N":
			c.UnionID = unionidN.UnionID
		case i == 0 && word == "M":
			c.UnionID = unionidM.UnionID
		case i == 0:
		case word == "bind":
			c.Bind = true
		case strings.HasSuffix(word, "!"):
			c.User, c.UserKind = strings.TrimSuffix(word, "!"), Real
		default:
			c.User, c.UserKind, c.UserBorn = word, Virtual, day(1+strings.Index(born, word))
		}
	}
	return c
}

func (tt decideCase) scene(born string) *facts {
	if tt.facts == "" {
		return scene(born)
	}
	return scene(born, strings.Split(tt.facts, "; ")...)
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, tt := range decideTable {
		orders := []string{"gvw", "wvg"}
		if tt.born != "" {
			orders = []string{tt.born}
		}
		for _, born := range orders {
			t.Run(fmt.Sprintf("%s %s, born %s", tt.row, tt.name, born), func(t *testing.T) {
				t.Parallel()
				tt.run(t, born)
			})
		}
	}
}

func (tt decideCase) run(t *testing.T, born string) {
	f, claim, now := tt.scene(born), tt.parse(born), day(20)
	if tt.row == "A1" || tt.row == "C1" {
		now = day(1 + strings.Index(born, "g"))
	}
	known, err := f.Load(t.Context(), Query{Realm: claim.Realm, Openid: claim.Openid, Unionid: claim.Unionid, User: claim.User})
	if err != nil {
		t.Fatal(err)
	}
	change, answer, err := decide(known, claim, Policies{}, guestG{}, now)
	if tt.code != "" {
		var conflict *Conflict
		if !errors.As(err, &conflict) || conflict.Code != tt.code {
			t.Fatalf("error %v, want %s", err, tt.code)
		}
		if !change.Empty() || len(change.Events)+len(change.Stale) > 0 || answer.User.ID != "" {
			t.Errorf("a conflict changes something: %+v, answers %+v", change, answer)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if answer.User.ID != tt.user {
		t.Errorf("user %s, want %s", answer.User.ID, tt.user)
	}
	if linked := tt.row[0] != 'A'; linked && answer.UnionID != "uN" || !linked && answer.UnionID != "" {
		t.Errorf("unionid %q", answer.UnionID)
	}
	if got := writes(change); got != tt.writes {
		t.Errorf("writes %q, want %q", got, tt.writes)
	}
	if got := events(change); got != tt.events {
		t.Errorf("events %q, want %q", got, tt.events)
	}
	if !slices.Equal(answer.Notes, tt.notes) {
		t.Errorf("notes %q, want %q", answer.Notes, tt.notes)
	}
	for _, u := range change.Users {
		if !u.Live() && (!slices.Contains(change.Stale, u.ID) || !slices.Contains(answer.Prev, u.ID)) {
			t.Errorf("%s is retired, but stale are %q and prev is %q", u.ID, change.Stale, answer.Prev)
		}
	}
	tt.again(t, f, claim, change, answer)
}

// again repeats the claim on what it has changed (I9).
func (tt decideCase) again(t *testing.T, f *facts, claim Claim, change Change, answer Answer) {
	if err := f.Apply(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	known, err := f.Load(t.Context(), Query{Realm: claim.Realm, Openid: claim.Openid, Unionid: claim.Unionid, User: claim.User})
	if err != nil {
		t.Fatal(err)
	}
	change2, answer2, err := decide(known, claim, Policies{}, guestG{}, day(25))
	if err != nil {
		t.Fatal(err)
	}
	change2.Conflict = nil // the store lists it once
	if !change2.Empty() {
		t.Errorf("repeated, it writes %q", writes(change2))
	}
	if answer2.User.ID != answer.User.ID || answer2.UnionID != answer.UnionID ||
		!slices.Equal(answer2.Notes, answer.Notes) || len(answer2.Prev) != len(answer.Prev) {
		t.Errorf("repeated, the answer is %+v, was %+v", answer2, answer)
	}
}
