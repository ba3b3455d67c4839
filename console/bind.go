package console

import (
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// Codes, and who is bound by them.

var codeRoutes = []route{
	{"POST", "/merchants/{realm}/of/{id}/unbind", bindMerchants, "unbind", (*Console).unbind},
	{"POST", "/merchants/{realm}/of/{id}/codes", bindMerchants, "code_make", (*Console).makeCode},
	{"GET", "/merchants/{realm}/codes", bindMerchants, "", (*Console).codesPage},
	{"POST", "/merchants/{realm}/codes", bindMerchants, "codes_make", (*Console).makeCodes},
	{"GET", "/merchants/{realm}/of/{id}/codes/{code}", seeMerchants, "", (*Console).codePage},
	{"GET", "/merchants/{realm}/of/{id}/codes/{code}/events", seeMerchants, "", (*Console).codeEvents},
	{"POST", "/merchants/{realm}/of/{id}/codes/{code}/cancel", bindMerchants, "code_cancel", (*Console).cancelCode},
	{"POST", "/merchants/{realm}/of/{id}/codes/{code}/replace", bindMerchants, "replace", (*Console).replace},
}

var codeWords = map[string]Text{
	"unbind":      {"解绑", "unbound"},
	"replace":     {"替换绑定", "replaced who is bound"},
	"codes_make":  {"批量生成绑定码", "made codes"},
	"code_make":   {"生成绑定码", "made a code"},
	"code_cancel": {"作废绑定码", "cancelled a code"},
}

type codeView struct {
	Realm    Realm
	Merchant merchant.Listed
	Code     merchant.Code
	// Image and Download are pictures of the code, of one that was just made.
	Image    template.HTML
	Download template.URL
}

// Lives that a code may be given.
var lives = map[string]time.Duration{"screen": merchant.OnScreen, "day": 24 * time.Hour, "mail": merchant.Mailed}

// undrawn is what the journal says of a code that has no picture.
var undrawn = Text{"二维码图片无法生成，仅有链接", "the image couldn't be drawn: there is the link alone"}

// makeCode makes a code. It is shown this once: whoever has it may bind himself.
func (c *Console) makeCode(v *visit) error {
	realm, m, err := v.merchant()
	if err != nil {
		return err
	}
	code, err := c.Merchants.MakeCode(v.ctx, merchant.Order{
		Realm: realm.Name, Merchant: m.ID, AppID: v.r.PostFormValue("appid"), Life: lives[v.r.PostFormValue("life")], By: v.staff.Actor(),
	})
	if err != nil {
		return err
	}
	view := codeView{Realm: realm, Merchant: m, Code: code}
	// The code is made, and the older one worth nothing: without a picture its link is good.
	if svg, png, err := c.Draw(code.URL); err != nil {
		c.Log.ErrorContext(v.ctx, "drawing a code", "error", err)
		v.ended("done", undrawn)
	} else {
		view.Image, view.Download = template.HTML(svg), template.URL("data:image/png;base64,"+base64.StdEncoding.EncodeToString(png))
	}
	return v.page(http.StatusOK, "code", view)
}

// code is the one that the address names, with its merchant.
func (v *visit) code() (Realm, merchant.Listed, merchant.Code, error) {
	realm, m, err := v.merchant()
	if err != nil {
		return realm, m, merchant.Code{}, err
	}
	code, err := v.Merchants.Code(v.ctx, realm.Name, v.r.PathValue("code"))
	if err == nil && code.Merchant != m.ID {
		err = notFound
	}
	return realm, m, code, err
}

func (c *Console) codePage(v *visit) error {
	realm, m, code, err := v.code()
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "code", codeView{Realm: realm, Merchant: m, Code: code})
}

func stateText(s merchant.State) Text {
	en, zh := s.Say()
	return Text{zh, en}
}

// ends are what staff make of a code that does nothing any more.
var ends = map[merchant.State]Text{
	merchant.Bound:      {"此码已使用，再次扫描不起作用。", "This code is used up: another scan of it does nothing."},
	merchant.Expired:    {"有效期内无人扫码，请重新生成。", "Nobody scanned it in time: make a new one."},
	merchant.Superseded: {"已有更新的绑定码，请使用新码。", "There is a newer code: use that one."},
	merchant.Cancelled:  {"此码已作废，需要时请重新生成。", "It was cancelled: make a new one if you need it."},
}

// about says what there is to say of how a code stands.
func about(code merchant.Code) Text {
	if code.Reason != merchant.ReasonNone {
		return reasonText(code.Reason)
	}
	return ends[code.State]
}

func reasonText(r merchant.Reason) Text {
	en, zh := r.Staff()
	return Text{zh, en}
}

// codeEvents tells how a code stands as long as that may change (server-sent events). The
// scan may come to any gateway, so the facts are looked at.
func (c *Console) codeEvents(v *visit) error {
	if _, _, _, err := v.code(); err != nil {
		return err
	}
	return v.live(func() ([]byte, bool, error) {
		_, _, code, err := v.code()
		over := code.State != merchant.Waiting && code.State != merchant.Scanned
		return v.told(code, over), !over, err
	})
}

// told is what a page is told of a code.
func (v *visit) told(code merchant.Code, over bool) []byte {
	say := func(t Text) string {
		if v.lang == "en" {
			return t.EN
		}
		return t.ZH
	}
	person := ""
	if code.OpenID != "" {
		person = Masked(code.OpenID)
	}
	text, _ := json.Marshal(map[string]any{
		"state": code.State, "name": say(stateText(code.State)), "reason": say(about(code)), "person": person, "over": over,
	})
	return text
}

func (c *Console) cancelCode(v *visit) error {
	realm, m, code, err := v.code()
	if err == nil {
		_, err = c.Merchants.Cancel(v.ctx, realm.Name, code.ID, v.staff.Actor())
	}
	if err != nil {
		return err
	}
	return v.toMerchant(realm.Name, m.ID, "code_cancel")
}

func (c *Console) replace(v *visit) error {
	realm, m, code, err := v.code()
	if err == nil {
		_, err = c.Merchants.Replace(v.ctx, merchant.Replacement{Realm: realm.Name, Code: code.ID, Version: v.number("version"), Slot: v.number("slot"), By: v.staff.Actor()})
	}
	if err != nil {
		return c.overtaken(v, err)
	}
	return v.toMerchant(realm.Name, m.ID, "replace")
}

func (c *Console) unbind(v *visit) error {
	realm, m, err := v.merchant()
	if err != nil {
		return err
	}
	b := merchant.Binding{Merchant: m.ID, AppID: v.r.PostFormValue("appid"), Slot: v.number("slot"), Code: v.r.PostFormValue("code")}
	if err := c.Merchants.Unbind(v.ctx, realm.Name, b, v.staff.Actor()); err != nil {
		return c.overtaken(v, err)
	}
	return v.toMerchant(realm.Name, m.ID, "unbind")
}
