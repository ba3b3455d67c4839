package console

import (
	"net/http"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// Accounts of the facts, as administrators enter them.

var accountEditRoutes = []route{
	{"GET", "/accounts/new", configure, "", (*Console).newAccountPage},
	{"POST", "/accounts/new", configure, "account_add", (*Console).addAccount},
	{"GET", "/accounts/of/{appid}", seeAccounts, "", (*Console).accountPage},
	{"POST", "/accounts/of/{appid}", configure, "account_edit", (*Console).editAccount},
	{"POST", "/accounts/of/{appid}/delete", configure, "account_delete", (*Console).deleteAccount},
}

var accountEditWords = map[string]Text{
	"account_add": {"新增公众号", "added an account"}, "account_edit": {"编辑公众号", "edited an account"}, "account_delete": {"删除公众号", "took an account away"},
}

// accountView is an account in a form, or to be read where it can't be changed.
type accountView struct {
	directory.Entry
	Account directory.Account
	New     bool
	Kinds   []directory.AccountKind
	Modes   []string
	Wrong   Text
	Now     []difference // what is there now, where somebody else was faster
}

// PassThrough is what is passed through as it is typed, one in a line.
func (a accountView) PassThrough() string { return strings.Join(a.Account.PassThrough, "\n") }

// Mode is how pushes are written; empty for none.
func (a accountView) Mode() string {
	if a.Account.Push == nil {
		return ""
	}
	return a.Account.Push.Mode
}

func accountForm(kept directory.KeptAccount) accountView {
	return accountView{Entry: kept.Entry, Account: kept.Account, Kinds: directory.Kinds, Modes: directory.PushModes}
}

func (c *Console) newAccountPage(v *visit) error {
	view := accountForm(directory.KeptAccount{Account: directory.Account{Kind: directory.Service}})
	view.New = true
	return v.page(http.StatusOK, "account", view)
}

// account is the one that the address names.
func (v *visit) account() (directory.KeptAccount, error) {
	kept, found, err := v.Directory.Account(v.ctx, v.r.PathValue("appid"))
	if err == nil && !found {
		err = notFound
	}
	return kept, err
}

func (c *Console) accountPage(v *visit) error {
	kept, err := v.account()
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "account", accountForm(kept))
}

// enteredAccount is an account as it was typed.
func (v *visit) enteredAccount(appID string) directory.Account {
	value := func(name string) string { return strings.TrimSpace(v.r.FormValue(name)) }
	a := directory.Account{
		AppID: appID, Name: value("name"), Kind: directory.AccountKind(value("kind")), Secret: value("secret"), Subject: value("subject"), Verify: value("verify"), CallbackHost: value("callback_host"),
		MiniLoginPage: value("mini_login_page"), AccessToken: value("access_token"), ShareToken: value("share_token"), PassThrough: v.list("pass_through"),
	}
	if mode := value("push_mode"); mode != "" {
		a.Push = &directory.Push{Mode: mode, Token: value("push_token"), AESKeys: v.list("push_aes_keys")}
	}
	return a
}

func (c *Console) addAccount(v *visit) error {
	a := v.enteredAccount(strings.TrimSpace(v.r.FormValue("app_id")))
	if directory.ValidAppID(a.AppID) {
		v.about = a.AppID
	}
	return v.keptAccount(directory.KeptAccount{Account: a}, true, c.Directory.KeepAccount(v.ctx, a, 0, v.staff.Actor()))
}

func (c *Console) editAccount(v *visit) error {
	kept, err := v.account()
	if err != nil {
		return err
	}
	a := v.enteredAccount(kept.Account.AppID)
	a.Kind = kept.Account.Kind
	version := v.number64("version")
	return v.keptAccount(directory.KeptAccount{Entry: directory.Entry{Version: version}, Account: a}, false, c.Directory.KeepAccount(v.ctx, a, version, v.staff.Actor()))
}

// keptAccount shows the accounts after one was written, or the form again with what is
// wrong. Secrets have to be typed again: no page has them.
func (v *visit) keptAccount(entered directory.KeptAccount, fresh bool, err error) error {
	if err == nil {
		return v.to("/accounts/of/" + entered.Account.AppID + "?done=saved")
	}
	f := directoryFault(err)
	if f == nil {
		return err
	}
	entered.Account.Secret = ""
	if entered.Account.Push != nil {
		entered.Account.Push = &directory.Push{Mode: entered.Account.Push.Mode}
	}
	view := accountForm(entered)
	view.New, view.Wrong = fresh, f.Text
	if f == changedMeanwhile && !fresh {
		now, found, err := v.Directory.Account(v.ctx, entered.Account.AppID)
		if err != nil || !found {
			return cmpErr(err, f)
		}
		view.Entry, view.Now = now.Entry, differences(visible(entered.Account), visible(now.Account))
	}
	v.ended("refused", f.Text)
	return v.page(f.status, "account", view)
}

// visible is an account without the fields that no page shows.
func visible(a directory.Account) directory.Account {
	a.Secret = ""
	if a.Push != nil {
		a.Push = &directory.Push{Mode: a.Push.Mode}
	}
	return a
}

func (c *Console) deleteAccount(v *visit) error {
	if err := v.confirmed(v.r.PathValue("appid")); err != nil {
		return err
	}
	if err := c.Directory.DropAccount(v.ctx, v.r.PathValue("appid"), v.number64("version"), v.staff.Actor()); err != nil {
		return shownFault(err)
	}
	return v.to("/accounts?done=account_delete")
}
