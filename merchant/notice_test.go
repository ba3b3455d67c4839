package merchant_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// notices are a house with a template.
func notices(t testing.TB, on engine) (*house, merchant.NoticeOrder) {
	t.Helper()
	h := newHouse(t, on)
	x, err := h.sim.AddTemplate(account, wechatsim.Template{Title: "对账通知", Content: "{{first.DATA}}\n店铺：{{thing1.DATA}}\n金额：{{amount2.DATA}}\n{{remark.DATA}}"})
	h.must(err)
	h.must(h.outbox.Sync(t.Context(), account))
	return h, merchant.NoticeOrder{
		Realm: "shop", AppID: account, Template: x.ID, By: staff,
		Content: merchant.Content{Data: map[string]string{"thing1": "旗舰店", "amount2": "39.8元"}, URL: "https://shop.example/bill"},
	}
}

// send sends a notice and lets it go.
func (h *house) send(o merchant.NoticeOrder) (merchant.Notice, int64) {
	h.t.Helper()
	n, count, err := h.Send(h.t.Context(), o)
	h.must(err)
	h.must(h.Step(h.t.Context()))
	return n, count
}

// stands is where the recipients of a notice stand.
func (h *house) stands(n merchant.Notice) string {
	h.t.Helper()
	var list []string
	for r, err := range h.Recipients(h.t.Context(), "shop", n.ID) {
		h.must(err)
		list = append(list, fmt.Sprint(r.Merchant, "/", r.Slot, " ", r.State, r.Fault))
		if en, zh := r.Says(); r.Fault != "" && (en == "" || zh == "") {
			h.t.Errorf("of %s people are told %q, %q", r.Fault, en, zh)
		}
	}
	return strings.Join(list, ", ")
}

func (h *house) wantStand(n merchant.Notice, want string) {
	h.t.Helper()
	if got := h.stands(n); got != want {
		h.t.Errorf("the recipients are %q, want %q", got, want)
	}
}

func TestNotice(t *testing.T) {
	t.Parallel()
	t.Run("a form has the fields of its template, and a preview shows what WeChat will", func(t *testing.T) { t.Parallel(); forms(t) })
	t.Run("a notice arrives on the phone", func(t *testing.T) { t.Parallel(); arriving(t) })
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("some get it, and of the others it is known why not", func(t *testing.T) { t.Parallel(); selected(t, on) })
		t.Run("all who are bound get it, however many, once", func(t *testing.T) { t.Parallel(); everybody(t, on) })
		t.Run("what waits is taken back from who is unbound, and from all", func(t *testing.T) { t.Parallel(); takenBack(t, on) })
		t.Run("who is unbound while a notice is filled gets nothing", func(t *testing.T) { t.Parallel(); filledMeanwhile(t, on) })
		t.Run("who could not be reached is tried again", func(t *testing.T) { t.Parallel(); resent(t, on) })
		t.Run("what is old is swept", func(t *testing.T) { t.Parallel(); swept(t, on) })
	})
}

func forms(t *testing.T) {
	h, o := notices(t, sqlite)
	h.merchant("m1")
	h.bound("m1", "ming")
	f, err := h.Form(t.Context(), account, o.Template)
	h.must(err)
	var labels []string
	for _, b := range f.Blanks {
		labels = append(labels, b.Key+"="+b.Label)
	}
	if got := strings.Join(labels, " "); got != "first= thing1=店铺 amount2=金额 remark=" {
		t.Errorf("the form is %q", got)
	}
	if p := f.Preview(o.Data); p.Title != "对账通知" || !slices.Equal(p.Lines, []merchant.Line{{Label: "店铺", Value: "旗舰店"}, {Label: "金额", Value: "39.8元"}}) {
		t.Errorf("the preview is %+v", p)
	}
	_, err = h.Form(t.Context(), account, "nothing")
	wantFault(t, err, merchant.FaultTemplate, "")
	o.Merchants = []string{"m1"}
	for field, change := range map[string]func(*merchant.NoticeOrder){
		"merchants":  func(o *merchant.NoticeOrder) { o.All = true },
		"not_before": func(o *merchant.NoticeOrder) { o.NotBefore = h.sim.Now().Add(400 * 24 * time.Hour) },
		"url":        func(o *merchant.NoticeOrder) { o.URL = "javascript:alert(1)" },
		"mini_path":  func(o *merchant.NoticeOrder) { o.MiniPath = "pages/a" },
		"client_id":  func(o *merchant.NoticeOrder) { o.ClientID = strings.Repeat("x", 65) },
	} {
		wrong := o
		change(&wrong)
		_, _, err := h.Send(t.Context(), wrong)
		wantFault(t, err, merchant.FaultField, field)
	}
	o.Data = map[string]string{"thing1": strings.Repeat("字", 21), "amount2": "1元"}
	_, _, err = h.Send(t.Context(), o)
	if fault := (*message.Fault)(nil); !errors.As(err, &fault) || fault.Code != message.FaultTooLong || fault.Field != "thing1" {
		t.Errorf("a field that is too long is %v", err)
	}
	if list, err := h.Notices(t.Context(), "shop", "", 10); len(list) != 0 || err != nil {
		t.Errorf("there are %+v, %v", list, err)
	}
}

func arriving(t *testing.T) {
	h, o := notices(t, sqlite)
	h.merchant("m1", boss)
	openID := h.sim.OpenID("ming", account)
	h.must(h.sim.Follow("ming", account, true))
	h.bound("m1", openID)
	o.Merchants = []string{"m1"}
	n, _ := h.send(o)
	h.shown("ming")
	got := h.sim.Chat("ming", account)
	last := got[len(got)-1]
	if last.URL != o.URL || len(last.Lines) == 0 || !strings.Contains(fmt.Sprint(last.Lines), "旗舰店") {
		t.Errorf("the phone shows %+v", last)
	}
	h.wantStand(n, "m1/0 sent")
	if c, err := h.Standing(t.Context(), "shop", n.ID); c[message.Sent] != 1 || err != nil {
		t.Errorf("counted are %v, %v", c, err)
	}
	if c, err := h.Read(n); c.Data["thing1"] != "旗舰店" || err != nil {
		t.Errorf("it says %+v, %v", c, err)
	}
	if bytes.Contains(n.Sealed, []byte("旗舰店")) {
		t.Error("what it says lies open")
	}
}

func selected(t *testing.T, on engine) {
	h, o := notices(t, on)
	for _, id := range []string{"a", "b", "c", "d"} {
		h.merchant(id, func(m *merchant.Merchant) { m.Persons, m.Name = 2, "=1+1" })
	}
	h.bound("a", "oa")
	h.bound("a", "ob")
	h.bound("c", "oc")
	c := h.get("c")
	_, err := h.Disable(t.Context(), "shop", "c", c.Version, staff)
	h.must(err)
	o.Merchants, o.ClientID = []string{"a", "b", "c", "x", "a"}, "mine"
	n, count := h.send(o)
	if count != 2 {
		t.Errorf("%d get it", count)
	}
	want := "a/0 queued, a/1 queued, b/-1 unbound, c/-1 disabled, x/-1 unknown_merchant"
	h.wantStand(n, want)
	again, count := h.send(o)
	if again.ID != n.ID {
		t.Errorf("the same again, to %d, is another one", count)
	}
	h.must(h.Fill(t.Context(), n))
	h.wantStand(n, want)
	if c, err := h.Standing(t.Context(), "shop", n.ID); c[message.Queued] != 2 || err != nil {
		t.Errorf("counted are %v, %v", c, err)
	}
	o.ClientID, o.Merchants = "", []string{"b", "c"}
	_, _, err = h.Send(t.Context(), o)
	wantFault(t, err, merchant.FaultNobody, "")
	if list, err := h.Notices(t.Context(), "shop", "", 10); len(list) != 1 || err != nil {
		t.Errorf("there are %d notices, %v", len(list), err)
	}
	var out bytes.Buffer
	h.must(h.WriteRecipients(t.Context(), &out, "shop", n.ID))
	rest, marked := strings.CutPrefix(out.String(), "\ufeff")
	rows, err := csv.NewReader(strings.NewReader(rest)).ReadAll()
	if h.must(err); !marked || len(rows) != 6 || rows[1][1] != "'=1+1" || rows[3][3] != "refused" || rows[3][6] == "" {
		t.Errorf("the table is %q", out.String())
	}
}

func everybody(t *testing.T, on engine) {
	h, o := notices(t, on)
	var want []string
	for i := range 23 {
		id := fmt.Sprintf("m%02d", i)
		h.merchant(id)
		h.bound(id, "o"+id)
		want = append(want, id+"/0 queued")
	}
	o.All = true
	n, count, err := h.Send(t.Context(), o)
	if h.must(err); count != 23 || !n.All {
		t.Errorf("%d get it", count)
	}
	// Who is cut off in the middle goes on later, on another node too.
	last := ""
	for _, want := range []string{"m05", "m11"} {
		last, err = h.store.CollectRecipients(t.Context(), n, last, 5)
		if h.must(err); last != want {
			t.Errorf("the last one is %q, want %q", last, want)
		}
	}
	listed, err := h.store.Recipients(t.Context(), "shop", n.ID, merchant.Recipient{Slot: -2}, 100)
	if h.must(err); len(listed) != 12 {
		t.Errorf("%d are listed", len(listed))
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := h.Fill(ended, n); err == nil {
		t.Error("it was filled by nobody")
	}
	open, err := h.store.OpenNotices(t.Context(), 10)
	h.must(err)
	done := make(chan error)
	for range 3 {
		go func() { done <- h.Fill(context.Background(), open[0]) }()
	}
	for range 3 {
		h.must(<-done)
	}
	h.must(h.Step(t.Context()))
	h.wantStand(n, strings.Join(want, ", "))
	h.merchant("late")
	h.bound("late", "late")
	h.must(h.Fill(t.Context(), must(h.Notice(t.Context(), "shop", n.ID))))
	h.wantStand(n, strings.Join(want, ", "))
	if left, err := h.store.OpenNotices(t.Context(), 10); len(left) != 0 || err != nil {
		t.Errorf("still open are %+v, %v", left, err)
	}
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

func takenBack(t *testing.T, on engine) {
	h, o := notices(t, on)
	h.merchant("a")
	h.merchant("b")
	a := h.bound("a", "oa")
	b := h.bound("b", "ob")
	o.All, o.NotBefore = true, h.sim.Now().Add(24*time.Hour)
	n, _ := h.send(o)
	h.wantStand(n, "a/0 queued, b/0 queued")
	if m := h.told("oa"); !m[0].Due.Equal(o.NotBefore.Truncate(time.Microsecond)) {
		t.Errorf("it is due at %v, and wanted at %v", m[0].Due, o.NotBefore)
	}
	h.must(h.Unbind(t.Context(), "shop", a, staff))
	h.wantStand(n, "a/0 cancelled, b/0 queued")
	later, _, err := h.Send(t.Context(), o) // and is unbound before it is filled
	h.must(err)
	o.All, o.Merchants = false, []string{"b"}
	picked, _, err := h.Send(t.Context(), o)
	h.must(err)
	h.must(h.Unbind(t.Context(), "shop", b, staff))
	h.must(h.Step(t.Context()))
	h.wantStand(n, "a/0 cancelled, b/0 cancelled")
	h.wantStand(later, "")
	h.wantStand(picked, "b/0 unbound")
	h.bound("b", "ob")
	last, _ := h.send(o)
	h.must(h.CancelNotice(t.Context(), "shop", last.ID))
	h.must(h.CancelNotice(t.Context(), "shop", last.ID))
	h.wantStand(last, "b/0 cancelled")
	wantFault(t, h.CancelNotice(t.Context(), "shop", "nothing"), merchant.FaultNotFound, "")
	_, err = h.Resend(t.Context(), "shop", last.ID)
	wantFault(t, err, merchant.FaultState, "")
	disabled, _ := h.send(o)
	unfilled, _, err := h.Send(t.Context(), o)
	h.must(err)
	m := h.get("b")
	off, err := h.Disable(t.Context(), "shop", "b", m.Version, staff)
	h.must(err)
	h.must(h.Step(t.Context()))
	h.wantStand(disabled, "b/0 cancelled")
	h.wantStand(unfilled, "b/0 disabled")
	_, err = h.Enable(t.Context(), "shop", "b", off.Version, staff)
	h.must(err)
	// A notice that is cancelled while it is filled is taken back by who fills it.
	race, _, err := h.Send(t.Context(), o)
	h.must(err)
	h.must(h.CancelNotice(t.Context(), "shop", race.ID))
	h.must(h.Fill(t.Context(), race))
	h.wantStand(race, "b/0 cancelled")
}

// slow is an outbox before which something happens while a notice is filled.
type slow struct {
	merchant.Messages
	first func()
}

func (s slow) Batch(ctx context.Context, b message.Bulk, rows iter.Seq2[message.Row, error]) (message.Counts, error) {
	var list []message.Row
	for row, err := range rows {
		if err != nil {
			return message.Counts{}, err
		}
		list = append(list, row)
	}
	s.first()
	return s.Messages.Batch(ctx, b, func(yield func(message.Row, error) bool) {
		for _, row := range list {
			if !yield(row, nil) {
				return
			}
		}
	})
}

func filledMeanwhile(t *testing.T, on engine) {
	h, o := notices(t, on)
	h.merchant("a")
	h.merchant("b")
	a := h.bound("a", "oa")
	h.bound("b", "ob")
	config := h.config
	config.Messages = slow{h.outbox, func() { h.must(h.Unbind(t.Context(), "shop", a, staff)) }}
	o.All = true
	n, _, err := h.Send(t.Context(), o)
	h.must(err)
	h.must(merchant.New(config).Step(t.Context()))
	h.wantStand(n, "a/0 cancelledunbound, b/0 queued")
}

func (h *house) follow(openID string, following bool) {
	h.t.Helper()
	h.must(h.store.SetFollower(h.t.Context(), follower.Follower{AppID: account, OpenID: openID, Following: following, At: h.sim.Now()}))
	h.sim.Advance(time.Minute)
}

func resent(t *testing.T, on engine) {
	h, o := notices(t, on)
	h.merchant("a")
	h.merchant("b")
	h.bound("a", "oa")
	h.bound("b", "ob")
	h.follow("oa", false)
	o.All = true
	n, _ := h.send(o)
	h.wantStand(n, "a/0 unreachable, b/0 queued")
	h.follow("ob", false)
	h.shown("nobody")
	h.wantStand(n, "a/0 unreachable, b/0 dropped")
	h.follow("oa", true)
	h.follow("ob", true)
	count, err := h.Resend(t.Context(), "shop", n.ID)
	if h.must(err); count != 2 {
		t.Errorf("%d get it again", count)
	}
	h.must(h.Step(t.Context()))
	h.wantStand(n, "a/0 queued, b/0 queued")
	if count, err := h.Resend(t.Context(), "shop", n.ID); count != 0 || err != nil {
		t.Errorf("%d get it once more, %v", count, err)
	}
}

func swept(t *testing.T, on engine) {
	h, o := notices(t, on)
	h.merchant("a")
	old := h.code("a")
	h.bound("a", "oa")
	o.All = true
	n, _ := h.send(o)
	h.must(h.Sweep(t.Context()))
	h.wantStand(n, "a/0 queued")
	h.sim.Advance(401 * 24 * time.Hour)
	h.must(h.Sweep(t.Context()))
	h.wantStand(n, "")
	_, err := h.Notice(t.Context(), "shop", n.ID)
	wantFault(t, err, merchant.FaultNotFound, "")
	_, err = h.Code(t.Context(), "shop", old.ID)
	wantFault(t, err, merchant.FaultNotFound, "")
	h.wantBound("a", "oa")
}
