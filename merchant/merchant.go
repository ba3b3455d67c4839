package merchant

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Status says whether a merchant may be bound and gets notices.
type Status string

const (
	Normal   Status = "normal"
	Disabled Status = "disabled"
)

// Merchant is a merchant of a platform.
type Merchant struct {
	Realm string
	ID    string // the platform's own: 1 to 64 of A-Z, a-z, 0-9, _, - and dots
	Name  string // 1 to 100 characters
	// Login, Contact and Phone are for people: nobody logs in by them here. At most 64,
	// 64 and 32 characters.
	Login   string
	Contact string
	Phone   string
	Status  Status
	// Persons is how many may be bound to him at each account, 1 to 20.
	Persons int
	// User is his own id in the realm: who is bound first at an account is linked with
	// it. Empty for none.
	User  string
	Sites []string // ids of the sites that he owns, sorted; at most 100

	Registered time.Time // at the platform; zero if nobody knows
	LastLogin  time.Time // likewise
	Made       time.Time
	// Version counts changes; who edits says from which one.
	Version int
}

// Listed is a merchant with who is bound to him.
type Listed struct {
	Merchant
	Bindings []Binding
}

// Binding is a person who is bound to a merchant at an account.
type Binding struct {
	Merchant string
	AppID    string
	Slot     int // from 0
	OpenID   string
	// User is whom notices are addressed to; empty while the binding is only reserved.
	User  string
	Code  string // by which he was bound
	Bound time.Time
	// Following says whether he follows the account, if that is Known.
	Following bool
	Known     bool
}

const (
	maxPersons = 20
	maxSites   = 100
)

var (
	ids   = regexp.MustCompile(`^([A-Za-z0-9_\-]|\.{0,2}[A-Za-z0-9_\-])[A-Za-z0-9_.\-]{0,63}$`)
	sites = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
)

// tidy fills in defaults, and takes away what isn't kept: blanks around a text, and parts of
// microseconds.
func (m Merchant) tidy() Merchant {
	for _, text := range []*string{&m.ID, &m.Name, &m.Login, &m.Contact, &m.Phone, &m.User} {
		*text = strings.TrimSpace(*text)
	}
	for _, at := range []*time.Time{&m.Registered, &m.LastLogin, &m.Made} {
		if !at.IsZero() {
			*at = at.UTC().Truncate(time.Microsecond)
		}
	}
	if m.Status == "" {
		m.Status = Normal
	}
	if m.Persons == 0 {
		m.Persons = 1
	}
	m.Sites = slices.Clone(m.Sites)
	slices.Sort(m.Sites)
	m.Sites = slices.Compact(m.Sites)
	return m
}

// check judges what staff have entered.
func (m Merchant) check() *Fault {
	bad := func(field, limit string) *Fault { return &Fault{Code: FaultField, Field: field, Limit: limit} }
	switch {
	case m.Realm == "":
		return bad("realm", "it is required")
	case !ids.MatchString(m.ID):
		return bad("id", "1 to 64 letters, digits, dots, dashes and underscores")
	case m.Name == "" || !fits(m.Name, 100):
		return bad("name", "1 to 100 characters in one line")
	case !fits(m.Login, 64):
		return bad("login", "at most 64 characters in one line")
	case !fits(m.Contact, 64):
		return bad("contact", "at most 64 characters in one line")
	case !fits(m.Phone, 32):
		return bad("phone", "at most 32 characters in one line")
	case m.Status != Normal && m.Status != Disabled:
		return bad("status", "normal or disabled")
	case m.Persons < 1 || m.Persons > maxPersons:
		return bad("persons", "1 to 20")
	case m.User != "" && !identity.ValidUser(m.User):
		return bad("user", "1 to 64 visible ASCII characters")
	case len(m.Sites) > maxSites:
		return bad("sites", "at most 100")
	}
	for _, site := range m.Sites {
		if !sites.MatchString(site) {
			return bad("sites", "ids of sites")
		}
	}
	return nil
}

func fits(s string, most int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, unicode.IsControl)
}

// Search is what a search looks through, in small letters.
func (m Merchant) Search() string {
	return strings.ToLower(strings.Join([]string{m.Name, m.Login, m.Phone, m.Contact, m.ID}, "\n"))
}

// MaskedPhone shows as much of the phone as tells two apart.
func (m Merchant) MaskedPhone() string {
	digits := []rune(m.Phone)
	if len(digits) < 7 {
		return strings.Repeat("*", len(digits))
	}
	for i := 3; i < len(digits)-4; i++ {
		digits[i] = '*'
	}
	return string(digits)
}

// changed names the fields in which two merchants differ, each with both values; those
// that are personal by their names alone.
func changed(from, to Merchant) []Difference {
	var list []Difference
	add := func(field, was, is string, personal bool) {
		switch {
		case was == is:
		case personal:
			list = append(list, Difference{Field: field})
		default:
			list = append(list, Difference{field, was, is})
		}
	}
	add("name", from.Name, to.Name, false)
	add("login", from.Login, to.Login, true)
	add("contact", from.Contact, to.Contact, true)
	add("phone", from.Phone, to.Phone, true)
	add("status", string(from.Status), string(to.Status), false)
	add("persons", number(from.Persons), number(to.Persons), false)
	add("user", from.User, to.User, true)
	add("sites", strings.Join(from.Sites, " "), strings.Join(to.Sites, " "), false)
	add("registered", dated(from.Registered), dated(to.Registered), false)
	add("last_login", dated(from.LastLogin), dated(to.LastLogin), false)
	return list
}
