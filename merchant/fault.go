package merchant

import (
	"errors"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// Codes of a [Fault].
const (
	FaultField    = "bad_field" // Field is wrong, and Limit says what it may be
	FaultNotFound = "not_found"
	FaultTaken    = "id_taken"      // another merchant has this id
	FaultDisabled = "disabled"      // the merchant is
	FaultAccount  = "wrong_account" // the realm has no such account
	FaultState    = "wrong_state"   // it stands in another state than it must: Limit says in which
	FaultIdentity = "identity"      // the identity centre refuses: Limit says why
	FaultTemplate = "unknown_template"
	FaultNobody   = "nobody" // a notice to nobody
	FaultTable    = "bad_table"
	FaultBound    = "bound"   // somebody is, and codes are made for who isn't
	FaultCutOff   = "cut_off" // what came before it has failed

	// What WeChat refuses.
	FaultPermission = "wechat_permission"
	FaultQuota      = "wechat_quota"
	FaultWeChat     = "wechat_refused" // Limit is what can be done about it
	FaultBusy       = "wechat_busy"
)

// Fault is something that staff want and that is refused. Nothing was changed.
type Fault struct {
	Code  string
	Field string
	Limit string
}

func (f *Fault) Error() string { en, _ := f.Say(); return en }

// ends says whether the next one would be refused as well.
func (f *Fault) ends() bool {
	return slices.Contains([]string{FaultPermission, FaultQuota, FaultWeChat, FaultBusy, FaultCutOff}, f.Code)
}

// ErrChanged says that somebody else was faster. See [Changed].
var ErrChanged = errors.New("somebody else has changed this meanwhile")

// Changed is an edit that was made from an older version. Nothing was changed.
type Changed struct {
	Current Merchant
	// By lists what changed since the version that was edited.
	By []Difference
}

func (c *Changed) Error() string { return ErrChanged.Error() }

// Is says that it is [ErrChanged].
func (c *Changed) Is(err error) bool { return err == ErrChanged }

// wechatFault says in our words what WeChat refuses; other errors are as they were.
func wechatFault(err error) error {
	var e *wechat.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Code == 48001:
		return errors.Join(&Fault{Code: FaultPermission}, err)
	case e.Code == 45009 || e.Code == 45011:
		return errors.Join(&Fault{Code: FaultQuota}, err)
	case e.Class == wechat.ClassRetry || e.Class == wechat.ClassRefresh:
		return errors.Join(&Fault{Code: FaultBusy}, err)
	}
	return errors.Join(&Fault{Code: FaultWeChat, Limit: e.Hint}, err)
}
