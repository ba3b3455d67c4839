package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

var merchantRoutes = []route{
	{"GET", "/merchants", seeMerchants, "", (*Console).merchantsHome},
	{"GET", "/merchants/{realm}", seeMerchants, "", (*Console).merchantsPage},
	{"POST", "/merchants/{realm}", editMerchants, "merchant_add", (*Console).createMerchant},
	{"GET", "/merchants/{realm}/new", editMerchants, "", (*Console).newMerchantPage},
	{"GET", "/merchants/{realm}/import", editMerchants, "", (*Console).importPage},
	{"POST", "/merchants/{realm}/import", editMerchants, merchantImport, (*Console).importMerchants},
	{"GET", "/merchants/{realm}/of/{id}", seeMerchants, "", (*Console).merchantPage},
	{"GET", "/merchants/{realm}/of/{id}/edit", editMerchants, "", (*Console).editPage},
	{"POST", "/merchants/{realm}/of/{id}/edit", editMerchants, "merchant_edit", (*Console).editMerchant},
	{"POST", "/merchants/{realm}/of/{id}/disable", editMerchants, "merchant_disable", (*Console).disableMerchant},
	{"POST", "/merchants/{realm}/of/{id}/enable", editMerchants, "merchant_enable", (*Console).enableMerchant},
}

var merchantWords = map[string]Text{
	"merchant_add":           {"新增商户", "added a merchant"},
	"merchant_edit":          {"编辑商户", "edited a merchant"},
	merchantImport:           {"导入商户", "imported merchants"},
	"merchant_disable":       {"停用商户", "disabled a merchant"},
	"merchant_enable":        {"启用商户", "enabled a merchant"},
	merchant.EventMade:       {"新增", "added"},
	merchant.EventEdited:     {"编辑", "edited"},
	merchant.EventCode:       {"生成绑定码", "code made"},
	merchant.EventCancelled:  {"绑定码作废", "code cancelled"},
	merchant.EventSuperseded: {"绑定码被取代", "code superseded"},
	merchant.EventBound:      {"绑定", "bound"},
	merchant.EventRefused:    {"扫码未能绑定", "scan refused"},
	merchant.EventUnbound:    {"解绑", "unbound"},
	merchant.EventReplaced:   {"绑定被替换", "replaced"},
	merchant.EventNotice:     {"通知", "notice"},
	merchant.EventErased:     {"绑定者已被删除", "who was bound was erased"},
}

// Merchants is where staff deal with merchants; a [merchant.Desk] does.
type Merchants interface {
	Create(ctx context.Context, m merchant.Merchant, by string) (merchant.Merchant, error)
	Edit(ctx context.Context, m merchant.Merchant, by string) (merchant.Merchant, error)
	Disable(ctx context.Context, realm, id string, version int, by string) (merchant.Merchant, error)
	Enable(ctx context.Context, realm, id string, version int, by string) (merchant.Merchant, error)
	Get(ctx context.Context, realm, id string) (merchant.Listed, error)
	List(ctx context.Context, f merchant.Filter) (page []merchant.Listed, before, after bool, err error)
	Count(ctx context.Context, f merchant.Filter) (int64, error)
	History(ctx context.Context, realm, id string, before int64, limit int) ([]merchant.Event, error)
	Import(ctx context.Context, realm string, in io.Reader, by string, report func(merchant.Imported)) error
	MakeCode(ctx context.Context, o merchant.Order) (merchant.Code, error)
	Code(ctx context.Context, realm, id string) (merchant.Code, error)
	CodesOf(ctx context.Context, realm, merchant string) ([]merchant.Code, error)
	Cancel(ctx context.Context, realm, id, by string) (merchant.Code, error)
	Unbind(ctx context.Context, realm string, b merchant.Binding, by string) error
	Replace(ctx context.Context, r merchant.Replacement) (merchant.Code, error)
}

// Realm is one whose merchants are kept here.
type Realm struct {
	Name     string
	Accounts []string // app ids of those that make codes
}

// realm is the one that the address names.
func (v *visit) realm() (Realm, error) {
	for _, r := range v.Realms {
		if r.Name == v.r.PathValue("realm") {
			return r, nil
		}
	}
	return Realm{}, notFound
}

// merchant is whom the address names.
func (v *visit) merchant() (Realm, merchant.Listed, error) {
	r, err := v.realm()
	if err != nil {
		return r, merchant.Listed{}, err
	}
	m, err := v.Merchants.Get(v.ctx, r.Name, v.r.PathValue("id"))
	return r, m, err
}

// merchantFault says in our words what is refused about a merchant; nil if it is
// something else.
func merchantFault(err error) *fault {
	var f *merchant.Fault
	switch {
	case errors.As(err, &f):
		en, zh := f.Say()
		status := http.StatusBadRequest
		switch f.Code {
		case merchant.FaultNotFound:
			status = http.StatusNotFound
		case merchant.FaultTaken, merchant.FaultState, merchant.FaultDisabled, merchant.FaultIdentity:
			status = http.StatusConflict
		case merchant.FaultQuota, merchant.FaultBusy:
			status = http.StatusServiceUnavailable
		}
		return refuse(status, zh, en)
	case errors.Is(err, merchant.ErrChanged):
		return refuse(http.StatusConflict, "其他人刚刚修改过，请返回刷新后重试", "Somebody else has changed this meanwhile: go back, reload it and decide again")
	}
	return nil
}

// Masked is as much of an openid as tells two apart.
func Masked(openID string) string { return identity.Mask(openID) }

type merchantsView struct {
	Realm         Realm
	Realms        []Realm
	Filter        merchant.Filter
	Total         int64
	List          []merchant.Listed
	Before, After string // addresses of the pages beside
}

func (c *Console) merchantsHome(v *visit) error {
	if len(c.Realms) == 0 {
		return notFound
	}
	return v.to("/merchants/" + c.Realms[0].Name)
}

// merchantsPage lists merchants, those first whom nobody is bound to.
func (c *Console) merchantsPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	f := merchant.Filter{
		Realm: realm.Name, Shown: merchant.Shown(q.Get("shown")), Status: merchant.Status(q.Get("status")), Search: q.Get("q"),
		Backward: q.Get("back") != "", Limit: 50,
	}
	if !slices.Contains([]merchant.Shown{merchant.ShowAll, merchant.ShowUnbound, merchant.ShowBound, merchant.ShowUnfollowed}, f.Shown) ||
		!slices.Contains([]merchant.Status{"", merchant.Normal, merchant.Disabled}, f.Status) {
		return notFound
	}
	if group, id, ok := strings.Cut(q.Get("from"), "."); ok {
		f.From = merchant.Place{Bound: group == "bound", ID: strings.ToValidUTF8(strings.ReplaceAll(id, "\x00", ""), "")}
	}
	list, before, after, err := c.Merchants.List(v.ctx, f)
	if err != nil {
		return err
	}
	total, err := c.Merchants.Count(v.ctx, f)
	if err != nil {
		return err
	}
	view := merchantsView{Realm: realm, Realms: c.Realms, Filter: f, Total: total, List: list}
	if before && len(list) > 0 {
		view.Before = beside(f, list[0].Place(), true)
	}
	if after && len(list) > 0 {
		view.After = beside(f, list[len(list)-1].Place(), false)
	}
	return v.page(http.StatusOK, "merchants", view)
}

// beside is the address of the page before or behind a place.
func beside(f merchant.Filter, at merchant.Place, back bool) string {
	q := url.Values{}
	q.Set("shown", string(f.Shown))
	q.Set("status", string(f.Status))
	q.Set("q", f.Search)
	q.Set("from", map[bool]string{true: "bound.", false: "unbound."}[at.Bound]+at.ID)
	if back {
		q.Set("back", "1")
	}
	return "?" + q.Encode()
}

type merchantView struct {
	Realm    Realm
	Merchant merchant.Listed
	Codes    []merchant.Code
	History  []merchant.Event
}

func (c *Console) merchantPage(v *visit) error {
	realm, m, err := v.merchant()
	if err != nil {
		return err
	}
	codes, err := c.Merchants.CodesOf(v.ctx, realm.Name, m.ID)
	if err != nil {
		return err
	}
	history, err := c.Merchants.History(v.ctx, realm.Name, m.ID, 0, 100)
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "merchant", merchantView{realm, m, codes[:min(len(codes), 10)], history})
}

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
	v.came = "refused: " + f.EN
	return v.page(f.status, "edit", view)
}

// toMerchant sends the browser to the page of a merchant.
func (v *visit) toMerchant(realm, id, done string) error {
	return v.to(merchantPath(realm, id) + "?done=" + done)
}

func merchantPath(realm, id string) string {
	return "/merchants/" + realm + "/of/" + url.PathEscape(id)
}

func (c *Console) disableMerchant(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	m, err := c.Merchants.Disable(v.ctx, realm.Name, v.r.PathValue("id"), v.number("version"), v.staff.Actor())
	if err != nil {
		return err
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
		return err
	}
	return v.toMerchant(realm.Name, m.ID, "saved")
}
