package console

import (
	"net/http"
	"slices"
)

// How WeChat accounts stand.

var accountRoutes = []route{
	{"GET", "/accounts", seeAccounts, "", (*Console).accountsPage},
	{"POST", "/accounts/{appid}/check", checkAccount, "account_check", (*Console).check},
}

var accountWords = map[string]Text{
	"account_check": {"检查公众号", "checked an account"},
}

type accountsView struct{ Accounts []Account }

// Alarms counts what somebody has to look after.
func (a Account) Alarms() int {
	n := len(a.Paused)
	for _, t := range a.Tokens {
		if t.Alarm != "" {
			n++
		}
	}
	return n
}

func (c *Console) accountsPage(v *visit) error {
	all, err := c.Accounts.Accounts(v.ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b Account) int { return b.Alarms() - a.Alarms() })
	return v.page(http.StatusOK, "accounts", accountsView{all})
}

type checkView struct {
	AppID    string
	Findings []Finding
}

// check tries an account, which asks WeChat.
func (c *Console) check(v *visit) error {
	appID := v.r.PathValue("appid")
	findings, err := c.Accounts.Check(v.ctx, appID)
	if err != nil {
		return err
	}
	if findings == nil {
		return notFound
	}
	return v.page(http.StatusOK, "check", checkView{appID, findings})
}
