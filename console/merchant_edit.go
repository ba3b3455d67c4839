package console

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

type editView struct {
	Realm    Realm
	Merchant merchant.Merchant
	New      bool
	Wrong    Text
	// Changed is what somebody else has changed meanwhile.
	Changed []merchant.Difference
}

func (c *Console) newMerchantPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "edit", editView{Realm: realm, New: true, Merchant: merchant.Merchant{Persons: 1}})
}

func (c *Console) editPage(v *visit) error {
	realm, m, err := v.merchant()
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "edit", editView{Realm: realm, Merchant: m.Merchant})
}

// entered puts what somebody has entered into a merchant.
func (v *visit) entered(m merchant.Merchant) merchant.Merchant {
	m.Name, m.Login, m.Contact, m.Phone = v.r.PostFormValue("name"), v.r.PostFormValue("login"), v.r.PostFormValue("contact"), v.r.PostFormValue("phone")
	m.User, m.Sites = v.r.PostFormValue("user"), strings.Fields(v.r.PostFormValue("sites"))
	m.Persons, _ = strconv.Atoi(v.r.PostFormValue("persons"))
	m.Version = v.number("version")
	if m.Persons == 0 {
		m.Persons = -1 // refused, not filled in
	}
	return m
}

// number is a field with a number; zero if it is none.
func (v *visit) number(field string) int {
	n, _ := strconv.Atoi(v.r.PostFormValue(field))
	return n
}

func (c *Console) createMerchant(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	m := v.entered(merchant.Merchant{Realm: realm.Name, ID: v.r.PostFormValue("id")})
	made, err := c.Merchants.Create(v.ctx, m, v.staff.Actor())
	if err == nil {
		v.about += "/" + made.ID
	}
	return v.saved(realm, m, made, true, err)
}

func (c *Console) editMerchant(v *visit) error {
	realm, was, err := v.merchant()
	if err != nil {
		return err
	}
	m := v.entered(was.Merchant)
	made, err := c.Merchants.Edit(v.ctx, m, v.staff.Actor())
	return v.saved(realm, m, made, false, err)
}

// saved shows a merchant who was written, or the form again with what is wrong.
func (v *visit) saved(realm Realm, m, made merchant.Merchant, fresh bool, err error) error {
	if err == nil {
		return v.toMerchant(made.Realm, made.ID, "saved")
	}
	view := editView{Realm: realm, Merchant: m, New: fresh}
	var changed *merchant.Changed
	if errors.As(err, &changed) {
		view.Changed, view.Merchant.Version = changed.By, changed.Current.Version
	}
	f := merchantFault(err)
	if f == nil {
		return err
	}
	if view.Wrong = f.Text; changed != nil {
		view.Wrong = Text{"其他人刚刚修改过。下面列出了他的改动；再次保存会以您填写的内容为准", "Somebody else has changed this meanwhile, as listed below; saving again makes it what you have entered"}
	}
	v.ended("refused", f.Text)
	return v.page(f.status, "edit", view)
}

func (c *Console) disableMerchant(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	m, err := c.Merchants.Disable(v.ctx, realm.Name, v.r.PathValue("id"), v.number("version"), v.staff.Actor())
	if err != nil {
		return c.overtaken(v, err)
	}
	return v.toMerchant(realm.Name, m.ID, "saved")
}

func (c *Console) enableMerchant(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	m, err := c.Merchants.Enable(v.ctx, realm.Name, v.r.PathValue("id"), v.number("version"), v.staff.Actor())
	if err != nil {
		return c.overtaken(v, err)
	}
	return v.toMerchant(realm.Name, m.ID, "saved")
}
