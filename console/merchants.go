package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

var merchantRoutes = []route{
	{"GET", "/merchants", seeMerchants, "", (*Console).merchantsHome},
	{"GET", "/merchants/{realm}", seeMerchants, "", (*Console).merchantsPage},
	{"POST", "/merchants/{realm}/find", seeMerchants, "merchant_find", (*Console).findMerchants},
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
	"merchant_find":          {"查找商户", "looked for merchants"},
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
	MakeCodes(ctx context.Context, o merchant.Bulk, report func(merchant.MadeCode)) error
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
	for _, r := range v.Realms() {
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

type merchantView struct {
	Realm    Realm
	Merchant merchant.Listed
	Codes    []merchant.Code
	History  []merchant.Event
	// Wrong is why something was not done.
	Wrong Text
}

func (c *Console) merchantPage(v *visit) error { return c.showMerchant(v, http.StatusOK, Text{}) }

// overtaken shows the merchant as he is by now, if somebody else was faster.
func (c *Console) overtaken(v *visit, err error) error {
	if !errors.Is(err, merchant.ErrChanged) {
		return err
	}
	f := merchantFault(err)
	v.came = "refused: " + f.EN
	return c.showMerchant(v, f.status, Text{
		"其他人刚刚修改过，您的操作没有执行。下面是现在的情况和历史，请重新决定", "Somebody else was faster, and nothing was done. Below is how it stands now, and who did what: decide again",
	})
}

func (c *Console) showMerchant(v *visit, status int, wrong Text) error {
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
	return v.page(status, "merchant", merchantView{realm, m, codes[:min(len(codes), 10)], history, wrong})
}

// toMerchant sends the browser to the page of a merchant.
func (v *visit) toMerchant(realm, id, done string) error {
	return v.to(merchantPath(realm, id) + "?done=" + done)
}

func merchantPath(realm, id string) string {
	return "/merchants/" + realm + "/of/" + url.PathEscape(id)
}

// actor is who did something, as the history shows him.
func actor(who string) Text {
	switch who {
	case "wechat":
		return Text{"微信扫码", "a scan"}
	case "gateway":
		return Text{"网关", "the gateway"}
	}
	kind, name, _ := strings.Cut(who, ":")
	if kind == "key" {
		return Text{"接口密钥 " + name, "API key " + name}
	}
	return Text{who, who}
}
