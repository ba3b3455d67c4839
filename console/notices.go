package console

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

var noticeRoutes = []route{
	{"GET", "/merchants/{realm}/notices", seeMerchants, "", (*Console).noticesPage},
	{"POST", "/merchants/{realm}/notices", notifyMerchants, "notice_send", (*Console).sendNotice},
	{"GET", "/merchants/{realm}/notices/new", notifyMerchants, "", (*Console).composePage},
	{"GET", "/merchants/{realm}/notices/{notice}", seeMerchants, "", (*Console).noticePage},
	{"GET", "/merchants/{realm}/notices/{notice}/recipients.csv", seeMerchants, "", (*Console).noticeTable},
	{"POST", "/merchants/{realm}/notices/{notice}/resend", notifyMerchants, "notice_resend", (*Console).resendNotice},
	{"POST", "/merchants/{realm}/notices/{notice}/cancel", notifyMerchants, "notice_cancel", (*Console).cancelNotice},
}

var noticeWords = map[string]Text{
	"notice_send":   {"发送通知", "sent a notice"},
	"notice_resend": {"重发通知", "sent a notice again"},
	"notice_cancel": {"取消通知", "cancelled a notice"},
}

// Notices is where staff send notices to merchants; a [merchant.Desk] does.
type Notices interface {
	Form(ctx context.Context, appID, template string) (merchant.Form, error)
	Send(ctx context.Context, o merchant.NoticeOrder) (merchant.Notice, int64, error)
	Notice(ctx context.Context, realm, id string) (merchant.Notice, error)
	Notices(ctx context.Context, realm, before string, limit int) ([]merchant.Notice, error)
	Read(n merchant.Notice) (merchant.Content, error)
	Recipients(ctx context.Context, realm, notice string) iter.Seq2[merchant.Recipient, error]
	Resend(ctx context.Context, realm, id string) (int64, error)
	CancelNotice(ctx context.Context, realm, id string) error
	WriteRecipients(ctx context.Context, w io.Writer, realm, id string) error
}

// Template is a template of an account, as WeChat has last listed it.
type Template struct{ ID, Title string }

type noticesView struct {
	Realm   Realm
	Notices []merchant.Notice
	Before  string // of the next page; empty at the end
}

func (c *Console) noticesPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	list, err := c.Notices.Notices(v.ctx, realm.Name, v.r.URL.Query().Get("before"), pageSize)
	if err != nil {
		return err
	}
	view := noticesView{Realm: realm, Notices: list}
	if len(list) == pageSize {
		view.Before = list[len(list)-1].ID
	}
	return v.page(http.StatusOK, "notices", view)
}

// composeView is a notice that is being written.
type composeView struct {
	Realm     Realm
	AppID     string
	Templates []Template // to choose from, before there is a form
	Form      merchant.Form
	Preview   merchant.Preview
	Data      map[string]string
	To        string // ids of merchants; empty for all
	URL, At   string
	Client    string
	Wrong     Text
}

// account is the one that is asked for, if the realm has it; otherwise its first one.
func (r Realm) account(appID string) string {
	if len(r.Accounts) > 0 && !slices.Contains(r.Accounts, appID) {
		return r.Accounts[0]
	}
	return appID
}

func (c *Console) composePage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	if len(realm.Accounts) == 0 {
		return refuse(http.StatusNotFound, "该域没有可发送通知的公众号", "No account of this realm sends notices")
	}
	q := v.r.URL.Query()
	view := composeView{Realm: realm, AppID: realm.account(q.Get("appid")), To: q.Get("to"), Data: map[string]string{}}
	template := q.Get("template")
	if template == "" {
		if view.Templates, err = c.Templates(v.ctx, view.AppID); err != nil {
			return err
		}
		return v.page(http.StatusOK, "compose", view)
	}
	if view.Form, err = c.Notices.Form(v.ctx, view.AppID, template); err != nil {
		return err
	}
	view.Preview = view.Form.Preview(view.Data)
	id := make([]byte, 12)
	c.Random(id)
	view.Client = hex.EncodeToString(id)
	return v.page(http.StatusOK, "compose", view)
}

func (c *Console) sendNotice(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	field := v.r.PostFormValue
	if !slices.Contains(realm.Accounts, field("appid")) {
		return notFound // never through another one than was shown
	}
	view := composeView{
		Realm: realm, AppID: field("appid"), Data: map[string]string{},
		To: field("to"), URL: field("url"), At: field("at"), Client: field("client"),
	}
	if view.Form, err = c.Notices.Form(v.ctx, view.AppID, field("template")); err != nil {
		return err
	}
	for _, b := range view.Form.Blanks {
		if text := field("data_" + b.Key); text != "" {
			view.Data[b.Key] = text
		}
	}
	view.Preview = view.Form.Preview(view.Data)
	at, err := time.ParseInLocation("2006-01-02T15:04", view.At, china)
	if view.At != "" && err != nil {
		return refuse(http.StatusBadRequest, "时间有误", "That is no time")
	}
	o := merchant.NoticeOrder{
		Realm: realm.Name, AppID: view.AppID, Template: view.Form.Template.ID, Content: merchant.Content{Data: view.Data, URL: view.URL},
		Merchants: strings.Fields(view.To), All: field("all") != "", NotBefore: at, ClientID: view.Client, By: v.staff.Actor(),
	}
	if o.All {
		o.Merchants = nil
	}
	n, _, err := c.Notices.Send(v.ctx, o)
	if err == nil {
		return v.to(noticePath(realm.Name, n.ID) + "?done=notice_send")
	}
	var said interface {
		error
		Say() (en, zh string)
	}
	if !errors.As(err, &said) {
		return err
	}
	en, zh := said.Say()
	view.Wrong, v.came = Text{zh, en}, "refused: "+en
	return v.page(http.StatusBadRequest, "compose", view)
}

func noticePath(realm, id string) string {
	return "/merchants/" + realm + "/notices/" + url.PathEscape(id)
}

// shownRecipients is how many recipients the page of a notice shows; the table has all.
const shownRecipients = 500

type noticeView struct {
	Realm      Realm
	Notice     merchant.Notice
	Content    merchant.Content
	Recipients []merchant.Recipient
	More       bool
}

// notice is the one that the address names.
func (v *visit) notice() (Realm, merchant.Notice, error) {
	realm, err := v.realm()
	if err != nil {
		return realm, merchant.Notice{}, err
	}
	n, err := v.Notices.Notice(v.ctx, realm.Name, v.r.PathValue("notice"))
	return realm, n, err
}

func (c *Console) noticePage(v *visit) error {
	realm, n, err := v.notice()
	if err != nil {
		return err
	}
	view := noticeView{Realm: realm, Notice: n}
	if view.Content, err = c.Notices.Read(n); err != nil {
		return err
	}
	for r, err := range c.Notices.Recipients(v.ctx, realm.Name, n.ID) {
		if err != nil {
			return err
		}
		if view.More = len(view.Recipients) == shownRecipients; view.More {
			break
		}
		view.Recipients = append(view.Recipients, r)
	}
	return v.page(http.StatusOK, "notice", view)
}

func recipientText(r merchant.Recipient) Text {
	en, zh := r.Says()
	return Text{zh, en}
}

func (c *Console) resendNotice(v *visit) error {
	realm, n, err := v.notice()
	if err == nil {
		_, err = c.Notices.Resend(v.ctx, realm.Name, n.ID)
	}
	if err != nil {
		return err
	}
	return v.to(noticePath(realm.Name, n.ID) + "?done=notice_resend")
}

func (c *Console) cancelNotice(v *visit) error {
	realm, n, err := v.notice()
	if err == nil {
		err = c.Notices.CancelNotice(v.ctx, realm.Name, n.ID)
	}
	if err != nil {
		return err
	}
	return v.to(noticePath(realm.Name, n.ID) + "?done=notice_cancel")
}

func (c *Console) noticeTable(v *visit) error {
	realm, n, err := v.notice()
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="notice-`+n.ID+`.csv"`)
	return c.Notices.WriteRecipients(v.ctx, v.w, realm.Name, n.ID)
}
