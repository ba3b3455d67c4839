package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// What lines of business are told, and what they haven't taken.

var eventRoutes = []route{
	{"GET", "/events", seeEvents, "", (*Console).eventsHome},
	{"GET", "/events/{realm}", seeEvents, "", (*Console).eventsPage},
	{"GET", "/events/{realm}/lines/{id}", seeEvents, "", (*Console).linePage},
	{"POST", "/events/{realm}/lines/{id}/replay", replayEvents, "event_replay", (*Console).replayEvents},
}

var eventWords = map[string]Text{
	"event_replay": {"重发事件", "had events sent again"},
}

// Events are what lines of business are told.
type Events interface {
	// Lines tells how all lines of business stand.
	Lines(ctx context.Context) ([]Line, error)
	// Dead lists at most limit dead letters of a line behind a number, in order.
	Dead(ctx context.Context, realm, line string, after int64, limit int) ([]DeadEvent, error)
	// Replay has parked events of a line sent again now, dead letters among them: those
	// named, or all. It says how many.
	Replay(ctx context.Context, realm, line string, ids []string) (int, error)
	// Feed lists the events of a realm, the newest first, from before a number; zero for
	// the newest of all.
	Feed(ctx context.Context, realm string, before int64, limit int) ([]identity.Event, error)
}

// Line is how a line of business stands.
type Line struct {
	Realm, Name string
	Served      bool // false: it isn't in the configuration any more
	Cursor      int64
	Behind      int64     // events that it hasn't heard of
	Oldest      time.Time // when the oldest of them happened; zero if none
	Parked      int64     // that are tried again
	Dead        int64
	Tries       int // how often in a row it couldn't be reached
	Error       string
	Next        time.Time // left alone until then
}

// Fails says that its last delivery failed.
func (l Line) Fails() bool { return l.Error != "" }

// Reason is what that failed with.
func (l Line) Reason() Text { return failureText(l.Error) }

// Path is where its dead letters are.
func (l Line) Path() string { return "/events/" + l.Realm + "/lines/" + url.PathEscape(l.Name) }

// DeadEvent is an event that a line of business hasn't taken for days.
type DeadEvent struct {
	identity.Event
	Tries int
	Since time.Time // the first try
	Error string
}

// Reason is what the last try failed with.
func (d DeadEvent) Reason() Text { return failureText(d.Error) }

var eventTypes = []choice{
	{string(identity.EventReplaced), Text{"用户 ID 被取代", "id replaced"}},
	{string(identity.EventUnbound), Text{"解除绑定", "unbound"}},
	{string(identity.EventErased), Text{"用户被删除", "erased"}},
	{string(identity.EventBlocked), Text{"用户被封禁", "blocked"}},
	{string(identity.EventUnblocked), Text{"解除封禁", "unblocked"}},
	{string(identity.EventRebindAsked), Text{"申请换绑", "move asked for"}},
	{string(identity.EventRebindEnded), Text{"换绑结束", "move ended"}},
	{string(identity.EventConflict), Text{"身份冲突", "conflict"}},
}

// failures are what an attempt to hand something on fails with, by the codes that the
// gateway writes down.
var failures = []choice{
	{"unreachable", Text{"无法连接对方", "it can't be reached"}},
	{"timeout", Text{"对方超时未答复", "it didn't answer in time"}},
	{"private_address", Text{"地址为内网地址且未获允许", "its address is a private one that isn't allowed"}},
	{"address", Text{"地址有误", "its address is wrong"}},
	{"redirect", Text{"对方要求跳转", "it answered with a redirect"}},
	{"redis", Text{"无法写入 Redis", "Redis can't be written to"}},
	{"signing", Text{"无法签名，请检查密钥", "it can't be signed: check the secret"}},
	{"encoding", Text{"内容无法编码", "it can't be encoded"}},
	{"sealed", Text{"内容无法解密", "it can't be unsealed"}},
	{"no_subscriber", Text{"该订阅方已不在配置中", "the subscriber is configured no more"}},
	{"foreign_account", Text{"不是该公众号的推送", "it is about another account"}},
	{"nobody", Text{"没有用户信息", "it names nobody"}},
	{"panic", Text{"网关处理时出错，请查看日志", "the gateway stumbled over it: see its log"}},
	{"facts_unavailable", Text{"当时无法访问数据库", "the database couldn't be reached"}},
	{"other", Text{"其他错误，请查看网关日志", "something else: see the gateway's log"}},
}

// failureText says what an attempt failed with.
func failureText(code string) Text {
	if status, ok := strings.CutPrefix(code, "status_"); ok {
		return Text{"对方答复 HTTP " + status, "it answered HTTP " + status}
	}
	return wordsOf(failures, code)
}

// event is an event as a page shows it.
type event struct{ identity.Event }

// TypeName is what its type is called.
func (e event) TypeName() Text { return wordsOf(eventTypes, string(e.Type)) }

type eventsView struct {
	Realm  Realm
	Realms []Realm
	Lines  []Line
	Feed   []event
	Next   string
}

func (c *Console) eventsHome(v *visit) error { return v.firstRealm("/events/") }

func (c *Console) eventsPage(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	view := eventsView{Realm: realm, Realms: c.Realms()}
	all, err := c.Events.Lines(v.ctx)
	if err != nil {
		return err
	}
	for _, l := range all {
		if l.Realm == realm.Name {
			view.Lines = append(view.Lines, l)
		}
	}
	feed, err := c.Events.Feed(v.ctx, realm.Name, max(v.seq("before"), 0), pageSize/2)
	if err != nil {
		return err
	}
	for _, e := range feed {
		view.Feed = append(view.Feed, event{e})
	}
	if len(feed) > 0 && feed[len(feed)-1].Seq > 1 {
		view.Next = v.next("before", strconv.FormatInt(feed[len(feed)-1].Seq, 10))
	}
	return v.page(http.StatusOK, "events", view)
}

// line is the one that the address names.
func (v *visit) line() (Realm, Line, error) {
	realm, err := v.realm()
	if err != nil {
		return realm, Line{}, err
	}
	all, err := v.Events.Lines(v.ctx)
	if err != nil {
		return realm, Line{}, err
	}
	for _, l := range all {
		if l.Realm == realm.Name && l.Name == v.r.PathValue("id") {
			return realm, l, nil
		}
	}
	return realm, Line{}, notFound
}

type lineView struct {
	Realm Realm
	Line  Line
	Dead  []deadEvent
	Next  string
}

type deadEvent struct{ DeadEvent }

// TypeName is what its type is called.
func (d deadEvent) TypeName() Text { return event{d.Event}.TypeName() }

// linePage lists the dead letters of a line, the oldest first.
func (c *Console) linePage(v *visit) error {
	realm, l, err := v.line()
	if err != nil {
		return err
	}
	list, err := c.Events.Dead(v.ctx, realm.Name, l.Name, max(v.seq("after"), 0), pageSize)
	if err != nil {
		return err
	}
	view := lineView{Realm: realm, Line: l}
	for _, d := range list {
		view.Dead = append(view.Dead, deadEvent{d})
	}
	if len(list) == pageSize {
		view.Next = v.next("after", strconv.FormatInt(list[pageSize-1].Seq, 10))
	}
	return v.page(http.StatusOK, "line", view)
}

// replayEvents has the event that a form names sent again, or all that the line hasn't
// taken.
func (c *Console) replayEvents(v *visit) error {
	realm, l, err := v.line()
	if err != nil {
		return err
	}
	var ids []string
	if id := plain(v.r.PostFormValue("event")); id != "" {
		ids = []string{id}
	}
	n, err := c.Events.Replay(v.ctx, realm.Name, l.Name, ids)
	if err != nil {
		return err
	}
	if n == 0 {
		return refuse(http.StatusConflict, "没有需要重发的事件，可能已经送达", "There is nothing to be sent again: it may have been delivered meanwhile")
	}
	return v.to(l.Path() + "?done=event_replay")
}
