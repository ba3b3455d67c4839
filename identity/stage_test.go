package identity

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// stage is a centre on facts of its own, whose clock moves on by an hour with each
// call.
type stage struct {
	*testing.T
	*facts
	centre *Centre
	now    time.Time
	policy Policies
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t, facts: newFacts(), now: day(1)}
	s.centre = newCentre(s.facts)
	s.centre.Now = func() time.Time { s.now = s.now.Add(time.Hour); return s.now }
	s.centre.Policies = func(string) Policies { return s.policy }
	return s
}

var operator = By{Actor: "command:test", Via: "command", Evidence: "a letter"}

func openidOf(word string) Openid {
	app, id, _ := strings.Cut(word, "/")
	return Openid{app, id}
}

// claim reads a claim: an openid "wx1/o1", or "wx1/" and "~b" for the guest of a
// browser; a subject "S" or a unionid "S/n1"; then what is brought along: a virtual
// user, a real one with !, a session with @, and "bind".
func (s *stage) claim(words string) Claim {
	fields := strings.Fields(words)
	c := Claim{Realm: "r", Openid: openidOf(fields[0]), Via: "web_login", Trace: "t1"}
	c.Subject, c.UnionID, _ = strings.Cut(fields[1], "/")
	for _, word := range fields[2:] {
		switch {
		case word == "bind":
			c.Bind = true
		case word[0] == '@':
			c.Session = word[1:]
		case word[0] == '~':
			c.Browser = User{ID: word[1:], Kind: Virtual, Born: day(1)}
		case strings.HasSuffix(word, "!"):
			c.User, c.UserKind = strings.TrimSuffix(word, "!"), Real
		default:
			c.User, c.UserKind, c.UserBorn = word, Virtual, day(1)
		}
	}
	return c
}

// resolve resolves a claim, which may not fail.
func (s *stage) resolve(words string) Answer {
	s.Helper()
	answer, err := s.centre.Resolve(s.Context(), s.claim(words))
	if err != nil {
		s.Fatalf("%s: %v", words, err)
	}
	return answer
}

// is resolves a claim to the user named.
func (s *stage) is(words, user string) Answer {
	s.Helper()
	answer := s.resolve(words)
	if answer.User.ID != user {
		s.Errorf("%s: user %s, want %s", words, answer.User.ID, user)
	}
	return answer
}

// refused resolves a claim, which must be a conflict.
func (s *stage) refused(words, code string) {
	s.Helper()
	_, err := s.centre.Resolve(s.Context(), s.claim(words))
	s.conflict(words, err, code)
}

func (s *stage) conflict(what string, err error, code string) {
	s.Helper()
	var conflict *Conflict
	if !errors.As(err, &conflict) || conflict.Code != code {
		s.Errorf("%s: error %v, want %s", what, err, code)
	}
}

func (s *stage) ok(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

// guest is the gen-th guest id of an openid.
func (s *stage) guest(openid string, gen int) string {
	key, _ := s.centre.GuestKey("r")
	return GuestID(key, openidOf(openid), gen)
}

// parted is the id of a unionid that was parted from a user.
func (s *stage) parted(unionid string, epoch int) string {
	key, _ := s.centre.GuestKey("r")
	n := openidOf(unionid)
	return partedID(key, Unionid{n.AppID, n.OpenID}, epoch)
}

// told are the events, "old→new" with the names of users as they are.
func (s *stage) told(from int) string {
	var w []string
	for _, e := range s.events[from:] {
		word := string(e.Type[len("userid."):]) + " " + e.Old
		if e.New != "" {
			word += "→" + e.New
		}
		w = append(w, word)
	}
	return strings.Join(w, ", ")
}

// unserved is a unionid that leads to nobody who lives (I2).
func (s *stage) unserved() string {
	for n, row := range s.unions {
		if u := s.users[row.User]; u.ID == "" || !u.Live() {
			return n.UnionID
		}
	}
	return ""
}
