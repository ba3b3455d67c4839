package console

import (
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// mostPicked is how many merchants a notice is sent to at most, unless it is to all.
const mostPicked = 1000

// composeView is a notice that is being written.
type composeView struct {
	Realm     Realm
	AppID     string
	Templates []Template // to choose from, before there is a form
	Form      merchant.Form
	Preview   merchant.Preview
	Data      map[string]string
	Query     template.URL // of the page, without a template
	To        string       // ids of merchants; empty for all
	Unbound   int          // how many of who was picked are bound to nobody there
	URL, At   string
	All       bool  // it goes to all who are bound, which has to be confirmed
	Bound     int64 // ... so many in the realm
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
	if q.Has("id") || q.Has("all") || q.Has("shown") {
		list, err := v.picked(realm, mostPicked)
		if err != nil {
			return err
		}
		for _, m := range list {
			view.To += m.ID + " "
			if !boundAt(m, view.AppID) {
				view.Unbound++
			}
		}
		view.To = strings.TrimSpace(view.To)
	}
	id := q.Get("template")
	if id == "" {
		q.Set("appid", view.AppID)
		view.Query = template.URL(q.Encode())
		if view.Templates, err = c.Templates(v.ctx, view.AppID); err != nil {
			return err
		}
		return v.page(http.StatusOK, "compose", view)
	}
	if view.Form, err = c.Notices.Form(v.ctx, view.AppID, id); err != nil {
		return err
	}
	view.Preview = view.Form.Preview(view.Data)
	client := make([]byte, 12)
	c.Random(client)
	view.Client = hex.EncodeToString(client)
	return v.page(http.StatusOK, "compose", view)
}

// due is when it shall go; zero for at once.
func (v composeView) due(zone *time.Location) (time.Time, error) {
	if v.At == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation("2006-01-02T15:04", v.At, zone)
	if err != nil {
		return at, refuse(http.StatusBadRequest, "时间有误", "That is no time")
	}
	return at, nil
}

// confirms shows a notice to all again, with how many they are, unless that was confirmed or
// there is nobody.
func (v *visit) confirms(view composeView) (asked bool, err error) {
	if v.r.PostFormValue("sure") != "" {
		return false, nil
	}
	view.Bound, err = v.Merchants.Count(v.ctx, merchant.Filter{Realm: view.Realm.Name, Shown: merchant.ShowBound})
	if err != nil || view.Bound == 0 {
		return false, err
	}
	v.came, v.cameZH = "asked to confirm", "等待确认"
	return true, v.page(http.StatusOK, "compose", view)
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
	at, err := view.due(c.Zone)
	if err != nil {
		return err
	}
	o := merchant.NoticeOrder{
		Realm: realm.Name, AppID: view.AppID, Template: view.Form.Template.ID, Content: merchant.Content{Data: view.Data, URL: view.URL},
		Merchants: strings.Fields(view.To), All: field("all") != "", NotBefore: at, ClientID: view.Client, By: v.staff.Actor(),
	}
	if o.All {
		o.Merchants, view.All = nil, true
		if asked, err := v.confirms(view); asked || err != nil {
			return err
		}
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
	for _, b := range view.Form.Blanks {
		if b.Label != "" { // staff see that, and not WeChat's name
			en, zh = strings.ReplaceAll(en, strconv.Quote(b.Key), strconv.Quote(b.Label)), strings.ReplaceAll(zh, b.Key, "「"+b.Label+"」")
		}
	}
	view.Wrong = Text{zh, en}
	v.ended("refused", view.Wrong)
	return v.page(http.StatusBadRequest, "compose", view)
}
