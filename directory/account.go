package directory

import (
	"regexp"
)

// AccountKind is what an account may do in WeChat (wechat-api.md §1.1).
type AccountKind string

const (
	Service      AccountKind = "service"      // 服务号: signs visitors in silently
	Subscription AccountKind = "subscription" // 订阅号: has no web login, so its visitors stay guests
)

// Account is an Official Account.
type Account struct {
	// The account's app id: `wx` and 16 lower-case hexadecimal digits.
	AppID string `json:"app_id,omitempty"`

	// What WeChat calls it: `service` signs visitors in silently; with
	// `subscription`, which has no web login, visitors stay guests.
	// Default: `service`.
	Kind AccountKind `json:"kind,omitempty"`

	// The account's app secret. Needed for a service account.
	// Placeholders: yes, at start; use one, so that the secret stands in no file.
	Secret string `json:"secret,omitempty"`

	// The open-platform account that this account is bound to, under a name of
	// your choice. Accounts of one subject share unionids: a visitor known
	// through one of them is known through all. Default: none; the account is
	// then its own subject, and an openid is all there is to know.
	Subject string `json:"subject,omitempty"`

	// The code of WeChat's domain check: 16 letters and digits. The file
	// `/MP_verify_<code>.txt` is then answered on every host.
	Verify string `json:"verify,omitempty"`
}

// Openable says whether visitors can be signed in through the account.
func (a *Account) Openable() bool { return a.Kind == Service }

// SubjectOrSelf is the scope of the account's unionids: its subject, or itself
// where it has none.
func (a *Account) SubjectOrSelf() string {
	if a.Subject == "" {
		return a.AppID
	}
	return a.Subject
}

// Linkable says whether a visitor's unionid can be asked for: without an open
// platform there is none.
func (a *Account) Linkable() bool { return a.Openable() && a.Subject != "" }

var (
	appIDForm  = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	ptidForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
	verifyForm = regexp.MustCompile(`^[A-Za-z0-9]{16}$`)
)

// ValidAppID says whether s has the form of an app id.
func ValidAppID(s string) bool { return appIDForm.MatchString(s) }

// ValidPTID says whether s has the form of a site's id.
func ValidPTID(s string) bool { return ptidForm.MatchString(s) }

func (a *Account) check() *Fault {
	fault := func(field, message string) *Fault { return &Fault{"account", a.AppID, field, message} }
	switch {
	case !ValidAppID(a.AppID):
		return fault("", "an app id is `wx` and 16 of 0-9a-f")
	case a.Kind != Service && a.Kind != Subscription:
		return fault("kind", "a kind is `service` or `subscription`")
	case a.Openable() && a.Secret == "":
		return fault("secret", "a service account needs its `secret` to sign visitors in")
	case a.Subject != "" && !nameForm.MatchString(a.Subject):
		return fault("subject", "a subject is named with 1 to 64 of A-Za-z0-9._-")
	case ValidAppID(a.Subject):
		return fault("subject", "a subject may not look like an app id, which stands for an account without one")
	case a.Verify != "" && !verifyForm.MatchString(a.Verify):
		return fault("verify", "a verify code is the 16 letters and digits between `MP_verify_` and `.txt`")
	}
	return nil
}
