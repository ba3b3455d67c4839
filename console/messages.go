package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The messages to WeChat, and what they cost of an account's quota.

var messageRoutes = []route{
	{"GET", "/messages", seeMessages, "", (*Console).messagesHome},
	{"GET", "/messages/{realm}", seeMessages, "", (*Console).messagesPage},
	{"POST", "/messages/{realm}/{id}/resend", sendMessages, "message_resend", (*Console).resendMessage},
	{"POST", "/messages/{realm}/{id}/cancel", sendMessages, "message_cancel", (*Console).cancelMessage},
	{"GET", "/quota", seeMessages, "", (*Console).quotaPage},
	{"POST", "/quota/{appid}/resume", sendMessages, "message_resume", (*Console).resumeMessages},
	{"POST", "/quota/{appid}/clear", clearQuota, "quota_clear", (*Console).clearQuota},
}

var messageWords = map[string]Text{
	"message_resend": {"重发消息", "sent a message again"},
	"message_cancel": {"取消消息", "took a message back"},
	"message_resume": {"恢复发送", "had waiting messages tried"},
	"quota_clear":    {"清零接口额度", "cleared an account's quota"},
}

// Messages is the outbox of messages to WeChat. What it refuses it says by [Refuse].
type Messages interface {
	// Messages lists those of a realm, the newest first.
	Messages(ctx context.Context, f MessageFilter) ([]Message, error)
	// Paused are the kinds of messages that accounts can't send for now.
	Paused(ctx context.Context) ([]Pause, error)
	// Resend queues one again that has failed; Cancel takes one back that isn't sent yet.
	Resend(ctx context.Context, realm, id string) error
	Cancel(ctx context.Context, realm, id string) error
	// Quotas are what the accounts have used today, as far as this gateway knows.
	Quotas(ctx context.Context) ([]Quota, error)
	// Resume has an account try at once what waits; ClearQuota first has WeChat begin its
	// day anew, which it allows ten times a month.
	Resume(ctx context.Context, appID string) error
	ClearQuota(ctx context.Context, appID string) error
}

// MessageFilter picks messages. Empty fields pick all.
type MessageFilter struct {
	Realm              string // required
	State, AppID, Kind string
	Before             string // id of the last one of the page before
	Limit              int
}

// Message is a message in the outbox.
type Message struct {
	ID, User, AppID, OpenID, Kind string
	// Title is the template's; Excerpt the beginning of what it says.
	Title, Excerpt string
	State, Detail  string
	Reason         Text
	Tries          int
	Made           time.Time
	Next           time.Time // the next attempt; zero unless it waits
	Ended          time.Time
	By             string
	// Fails says that it may be sent again, Waits that it may be taken back.
	Fails, Waits bool
}

// Quota is what an account has used of WeChat's APIs on this day of China's.
type Quota struct {
	AppID  string
	Clears bool // its quota can be cleared: the gateway knows its secret
	Used   []Used
}

// Used is what an API was used.
type Used struct {
	API                   string
	Today, Minute, Failed int64
	LastCode              int
	SpentUntil            time.Time // zero if WeChat takes calls
}

// messageStates are those of a message, and messageKinds the kinds, in the order of the
// form.
var (
	messageStates = []choice{
		{"queued", Text{"等待发送", "waiting to be sent"}},
		{"sent", Text{"已发出", "sent"}},
		{"delivered", Text{"已送达", "delivered"}},
		{"blocked", Text{"用户拒收", "refused by the user"}},
		{"failed", Text{"发送失败", "failed"}},
		{"dropped", Text{"未发送", "not sent"}},
		{"cancelled", Text{"已取消", "cancelled"}},
	}
	messageKinds = []choice{
		{"template", Text{"模板消息", "template messages"}},
		{"subscription", Text{"订阅通知", "subscription messages"}},
		{"custom", Text{"客服消息", "customer service messages"}},
	}
)

// choice is a value of a field, with its words.
type choice struct {
	Value string
	Name  Text
}

// wordsOf are the words of a value; itself if it has none.
func wordsOf(all []choice, value string) Text {
	for _, c := range all {
		if c.Value == value {
			return c.Name
		}
	}
	return Text{value, value}
}

// chosen is a field of the address that is empty or one of the choices.
func (v *visit) chosen(field string, all []choice) (string, error) {
	value := v.r.URL.Query().Get(field)
	if value == "" || slices.ContainsFunc(all, func(c choice) bool { return c.Value == value }) {
		return value, nil
	}
	return "", notFound
}

// StateName is what its state is called.
func (m Message) StateName() Text { return wordsOf(messageStates, m.State) }

// KindName is what its kind is called.
func (m Message) KindName() Text { return wordsOf(messageKinds, m.Kind) }

// Tone is the style of its state.
func (m Message) Tone() string {
	switch m.State {
	case "delivered", "sent":
		return "good"
	case "failed", "blocked", "dropped":
		return "bad"
	}
	return ""
}

type messagesView struct {
	Realm         Realm
	Realms        []Realm
	Accounts      []string
	States, Kinds []choice
	Filter        MessageFilter
	Paused        []Pause
	List          []Message
	Next          string // address of the next page; empty at the end
}

func (c *Console) messagesHome(v *visit) error { return v.firstRealm("/messages/") }

// realmLinks lead to the same page of other realms.
type realmLinks struct {
	Path string
	At   Realm
	All  []Realm
}

// firstRealm sends the browser to the page of the first realm.
func (v *visit) firstRealm(path string) error {
	if len(v.Realms()) == 0 {
		return notFound
	}
	return v.to(path + v.Realms()[0].Name)
}

func (c *Console) messagesPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	f := MessageFilter{Realm: realm.Name, AppID: q.Get("appid"), Before: plain(q.Get("before")), Limit: pageSize / 2}
	if f.State, err = v.chosen("state", messageStates); err != nil {
		return err
	}
	if f.Kind, err = v.chosen("kind", messageKinds); err != nil {
		return err
	}
	view := messagesView{Realm: realm, Realms: c.Realms(), States: messageStates, Kinds: messageKinds, Filter: f}
	if view.Accounts, err = v.accounts(f.AppID); err != nil {
		return err
	}
	if view.Paused, err = c.Messages.Paused(v.ctx); err != nil {
		return err
	}
	if view.List, err = c.Messages.Messages(v.ctx, f); err != nil {
		return err
	}
	if len(view.List) == f.Limit {
		view.Next = v.next("before", view.List[f.Limit-1].ID)
	}
	if !v.staff.Role.May(sendMessages) {
		for i := range view.List {
			view.List[i].Excerpt = "" // what it says is for who deals with it
		}
	}
	return v.page(http.StatusOK, "messages", view)
}

// plain is a text from an address that no database minds.
func plain(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
}

// accounts are the app ids of all accounts, among which one that is asked for must be.
func (v *visit) accounts(asked string) ([]string, error) {
	all := v.AppIDs()
	if asked != "" && !slices.Contains(all, asked) {
		return nil, notFound
	}
	return all, nil
}

func (c *Console) resendMessage(v *visit) error {
	return v.changeMessage("message_resend", c.Messages.Resend)
}

func (c *Console) cancelMessage(v *visit) error {
	return v.changeMessage("message_cancel", c.Messages.Cancel)
}

func (v *visit) changeMessage(done string, change func(ctx context.Context, realm, id string) error) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	if err := change(v.ctx, realm.Name, plain(v.r.PathValue("id"))); err != nil {
		return err
	}
	return v.to("/messages/" + realm.Name + "?done=" + done)
}

type quotaView struct {
	Quotas []Quota
	Paused []Pause
}

func (c *Console) quotaPage(v *visit) error {
	quotas, err := c.Messages.Quotas(v.ctx)
	if err != nil {
		return err
	}
	paused, err := c.Messages.Paused(v.ctx)
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "quota", quotaView{quotas, paused})
}

func (c *Console) resumeMessages(v *visit) error {
	return v.aboutAccount("message_resume", c.Messages.Resume)
}

// clearQuota has WeChat begin an account's day anew. That is asked for twice: WeChat
// allows it ten times a month.
func (c *Console) clearQuota(v *visit) error {
	if v.r.PostFormValue("sure") == "" {
		return refuse(http.StatusBadRequest, "请先勾选确认", "Tick the box first, to say that you are sure")
	}
	return v.aboutAccount("quota_clear", c.Messages.ClearQuota)
}

func (v *visit) aboutAccount(done string, do func(ctx context.Context, appID string) error) error {
	appID := v.r.PathValue("appid")
	if _, err := v.accounts(appID); err != nil {
		return err
	}
	if err := do(v.ctx, appID); err != nil {
		return err
	}
	return v.to("/quota?done=" + done)
}
