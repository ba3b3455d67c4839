package console

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

var noticeRoutes = []route{
	{"GET", "/merchants/{realm}/notices", seeMerchants, "", (*Console).noticesPage},
	{"POST", "/merchants/{realm}/notices", notifyMerchants, "notice_send", (*Console).sendNotice},
	{"GET", "/merchants/{realm}/notices/new", notifyMerchants, "", (*Console).composePage},
	{"GET", "/merchants/{realm}/notices/{notice}", seeMerchants, "", (*Console).noticePage},
	{"GET", "/merchants/{realm}/notices/{notice}/events", seeMerchants, "", (*Console).noticeEvents},
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
	Now     time.Time
	Notices []merchant.Notice
	Before  string // of the next page; empty at the end
}

func (c *Console) noticesPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	list, err := c.Notices.Notices(v.ctx, realm.Name, plain(v.r.URL.Query().Get("before")), pageSize)
	if err != nil {
		return err
	}
	view := noticesView{Realm: realm, Now: c.Now(), Notices: list}
	if len(list) == pageSize {
		view.Before = list[len(list)-1].ID
	}
	return v.page(http.StatusOK, "notices", view)
}

func noticePath(realm, id string) string {
	return "/merchants/" + realm + "/notices/" + url.PathEscape(id)
}

// shownRecipients is how many recipients the page of a notice shows; the table has all.
const shownRecipients = 150

type noticeView struct {
	Realm      Realm
	Now        time.Time
	Notice     merchant.Notice
	Content    merchant.Content
	Lines      []merchant.Line
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
	view, err := v.recipients()
	if err != nil {
		return err
	}
	if view.Content, err = c.Notices.Read(view.Notice); err != nil {
		return err
	}
	view.Lines = c.linesOf(v, view.Notice, view.Content)
	return v.page(http.StatusOK, "notice", view)
}

// recipients are those of the notice that the address names.
func (v *visit) recipients() (noticeView, error) {
	realm, n, err := v.notice()
	view := noticeView{Realm: realm, Now: v.Now(), Notice: n}
	if err != nil {
		return view, err
	}
	for r, err := range v.Notices.Recipients(v.ctx, realm.Name, n.ID) {
		if err != nil {
			return view, err
		}
		if view.More = len(view.Recipients) == shownRecipients; view.More {
			break
		}
		view.Recipients = append(view.Recipients, r)
	}
	return view, nil
}

// noticeEvents tells how it stands with who shall get a notice.
func (c *Console) noticeEvents(v *visit) error {
	return v.live(func() ([]byte, bool, error) {
		view, err := v.recipients()
		if err != nil {
			return nil, false, err
		}
		var body bytes.Buffer
		err = c.pages[v.lang]["notice"].ExecuteTemplate(&body, "live", shown{Lang: v.lang, Word: v.word, Staff: v.staff, View: view})
		moves := slices.ContainsFunc(view.Recipients, func(r merchant.Recipient) bool { return r.Fault == "" && (r.State == "" || r.State == "queued") })
		return body.Bytes(), moves && !view.Notice.Due.After(view.Now), err
	})
}

// linesOf are what a notice says, by the labels of its template. Where that is gone they are
// named as WeChat does.
func (c *Console) linesOf(v *visit, n merchant.Notice, content merchant.Content) []merchant.Line {
	var lines []merchant.Line
	form, err := c.Notices.Form(v.ctx, n.AppID, n.Template)
	if err == nil {
		for _, b := range form.Blanks {
			if text, given := content.Data[b.Key]; given {
				lines = append(lines, merchant.Line{Label: cmp.Or(b.Label, b.Key), Value: text})
			}
		}
		return lines
	}
	for _, key := range slices.Sorted(maps.Keys(content.Data)) {
		lines = append(lines, merchant.Line{Label: key, Value: content.Data[key]})
	}
	return lines
}

// word is a word with how a page shows it: good, bad, warn, or as it is.
type word struct {
	Text
	Class string
}

// noticeState says how a notice stands.
func noticeState(n merchant.Notice, now time.Time) word {
	switch {
	case !n.Cancelled.IsZero():
		return word{Text{"已取消", "cancelled"}, "bad"}
	case n.Due.After(now):
		return word{Text{"定时发送", "scheduled"}, "warn"}
	case n.Filled:
		return word{Text{"已交付发送", "on its way"}, "good"}
	}
	return word{Text{"准备中", "being prepared"}, ""}
}

// standing says how it stands with somebody who shall get a notice.
func standing(r merchant.Recipient) word {
	if r.Fault != "" {
		return word{Text{"未发送", "not sent"}, "bad"}
	}
	en, zh := r.State.Say()
	if zh == "" {
		return word{Text{"准备中", "being prepared"}, ""}
	}
	class := map[string]string{"delivered": "good", "sent": "good", "failed": "bad", "blocked": "bad", "dropped": "bad", "cancelled": "warn"}
	return word{Text{zh, en}, class[string(r.State)]}
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
	if err := c.Notices.WriteRecipients(v.ctx, v.w, realm.Name, n.ID); err != nil {
		// The table has begun: that it was cut off shows by how the answer ends.
		v.Log.ErrorContext(v.ctx, "writing the recipients of a notice as a table", "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
