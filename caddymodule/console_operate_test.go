package caddymodule

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// tagged is what somebody outside may have us keep.
const tagged = `<img src=x onerror=alert(1)>`

func TestConsole_operate(t *testing.T) {
	t.Parallel()
	c := startConsumer(t)
	g := startWatched(t, c)
	m := g.notified(t)
	g.pushed(t)
	g.dies(t, c)
	viewer, op, root := g.worker(t, "viewer", console.Viewer), g.worker(t, "op", console.Operator), g.worker(t, "root", console.Administrator)
	t.Run("a message that failed says why, and is sent again", func(t *testing.T) {
		hides(t, viewer.want("/messages/main?state=failed&kind=template&appid="+appA, "Order", "WeChat refuses it", "invalid argument"), "Green tea")
		op.want("/messages/main?state=failed", "39.8元 · Green tea")
		if _, text := op.ask("/messages/main?kind=custom", nil); strings.Contains(text, m.ID) {
			t.Error("a notice is among messages of customer service")
		}
		viewer.does(403, "/messages/main/"+m.ID+"/resend")
		op.does(403, "/messages/main/"+m.ID+"/resend", "word", "forged")
		op.does(404, "/messages/other/"+m.ID+"/resend")
		op.does(303, "/messages/main/"+m.ID+"/resend")
		eventually(t, "it arrives again", func() bool { return len(g.got("ming", "template")) == 2 })
		if text := op.does(409, "/messages/main/"+m.ID+"/resend"); !strings.Contains(text, "state doesn&#39;t allow it") {
			t.Errorf("again is answered %s", text)
		}
	})
	t.Run("a quota is cleared by administrators alone, and WeChat's refusal is said", func(t *testing.T) {
		root.want("/quota", "cgi-bin/message/template/send")
		op.does(403, "/quota/"+appA+"/clear", "sure", "1")
		root.does(400, "/quota/"+appA+"/clear")
		for range 10 {
			root.does(303, "/quota/"+appA+"/clear", "sure", "1")
		}
		if text := root.does(502, "/quota/"+appA+"/clear", "sure", "1"); !strings.Contains(text, "too often in this month") {
			t.Errorf("the eleventh time is answered %s", text)
		}
		root.does(409, "/quota/"+appSub+"/clear", "sure", "1")
		op.does(303, "/quota/"+appA+"/resume")
	})
	t.Run("a line that was down gets what it has missed", func(t *testing.T) {
		viewer.want("/events/main", "orders", "dead letters 1", "id replaced", "r1")
		viewer.want("/events/main/lines/orders", "v1.first", "it answered HTTP 500")
		c.down.Store(false)
		viewer.does(403, "/events/main/lines/orders/replay")
		op.does(303, "/events/main/lines/orders/replay", "event", "v1.first")
		c.hears(t, "v1.first")
		eventually(t, "nothing is left", func() bool {
			_, text := viewer.ask("/events/main/lines/orders", nil)
			return strings.Contains(text, "No dead letters") && strings.Contains(text, "To be tried again</dt><dd>0<")
		})
		op.does(409, "/events/main/lines/orders/replay", "event", "v1.first")
	})
	t.Run("the log of pushes says how each stands", func(t *testing.T) {
		at := "/pushes/" + appA
		viewer.want(at, "event:subscribe", "handed on", "crm", "dead letters 1", "event:scan")
		if text := viewer.want(at + "?state=dead&type=event:scan"); strings.Contains(text, "<strong>event:subscribe") {
			t.Errorf("the filter lets through %s", text)
		}
		viewer.want(at+"/dead?target=crm", "it didn&#39;t answer in time")
		viewer.does(403, at+"/replay", "target", "crm")
		op.does(303, at+"/replay", "target", "crm")
		op.does(409, at+"/replay", "target", "crm", "key", "nothing")
	})
	t.Run("a job is started once, and shown until it is done", func(t *testing.T) {
		viewer.does(403, "/jobs", "kind", "followers", "appid", appA)
		op.does(303, "/jobs", "kind", "followers", "appid", appA)
		eventually(t, "it is done", func() bool { _, text := viewer.ask("/jobs", nil); return strings.Contains(text, `tag good">done`) })
		op.does(400, "/jobs", "kind", "nonsense", "appid", appA)
		op.does(409, "/jobs", "kind", "followers", "appid", appSub)
		op.does(404, "/jobs/nothing/cancel")
		viewer.want("/jobs/live/events", "data: ", "staff:op")
		if list, err := g.app.jobs.List(t.Context(), appA, job.Job{}, 1); err != nil || len(list) != 1 {
			t.Errorf("there are %+v, %v", list, err)
		} else {
			viewer.want("/jobs/"+list[0].ID, ">"+node()+"<")
		}
	})
}

func TestConsole_audit(t *testing.T) {
	t.Parallel()
	g := startConsole(t)
	g.member(t, "ming", "m1")
	for i := range 3 {
		if err := g.app.telling().Block(t.Context(), "main", "m1", identity.By{Actor: "staff:root", Evidence: fmt.Sprint(tagged, i)}); err != nil {
			t.Fatal(err)
		}
		if err := g.app.telling().Unblock(t.Context(), "main", "m1", identity.By{Actor: "key:1", Evidence: "=1+1"}); err != nil {
			t.Fatal(err)
		}
	}
	op, root := g.worker(t, "op", console.Operator), g.worker(t, "root", console.Administrator)
	for _, path := range []string{"/audit/main", "/audit/main/records.csv"} {
		if resp, _ := op.ask(path, nil); resp.StatusCode != http.StatusForbidden {
			t.Errorf("an operator gets %s: %d", path, resp.StatusCode)
		}
	}
	op.does(403, "/audit/main/verify")
	text := root.want("/audit/main?user=m1&op=block&actor=staff:root", `href="/journal?staff=root"`, "evidence &lt;img")
	if n := strings.Count(text, "<strong>blocked"); n != 3 || strings.Contains(text, "<strong>unblocked") {
		t.Errorf("%d records are found: %s", n, text)
	}
	root.want("/audit/main?from="+g.now().Add(-time.Hour).In(g.app.zone).Format("2006-01-02T15:04"), "bound")
	if text := root.want("/audit/main?to=2020-01-01T00:00", "No records"); strings.Contains(text, "<strong>") {
		t.Errorf("before there was anything is %s", text)
	}
	if _, table := root.ask("/audit/main/records.csv?user=m1", nil); strings.Count(table, "\n") < 7 || strings.Contains(table, g.sim.OpenID("ming", appA)) {
		t.Errorf("the table is %s", table)
	}
	whole := root.does(200, "/audit/main/verify")
	head := regexp.MustCompile(`<code class="secret">([0-9a-f]{64})`).FindStringSubmatch(whole)
	if head == nil || !strings.Contains(whole, "records hold together") {
		t.Fatalf("the check says %s", whole)
	}
	if text := root.does(200, "/audit/main/verify", "head", head[1]); !strings.Contains(text, "the head that you have kept is record") {
		t.Errorf("with the head it says %s", text)
	}
	g.sql(t, `UPDATE audit SET actor = 'staff:op' WHERE realm = 'main' AND seq = 2`)
	if text := root.does(200, "/audit/main/verify"); !strings.Contains(text, "The chain is broken: record 2") {
		t.Errorf("of a record that was changed it says %s", text)
	}
	root.want("/journal?what=audit_verify&staff=root", "The chain is broken: record 2", "records hold together")
	if strings.Contains(g.logText(), "Green tea") {
		t.Error("the log tells what was sent")
	}
}

// TestConsole_messageWords holds the words of the console against those of the outbox.
func TestConsole_messageWords(t *testing.T) {
	t.Parallel()
	for _, s := range []message.State{message.Queued, message.Sent, message.Delivered, message.Blocked, message.Failed, message.Dropped, message.Cancelled} {
		if got := (console.Message{State: string(s)}).StateName(); got != inWords(s) {
			t.Errorf("%s is called %s, and %s elsewhere", s, got, inWords(s))
		}
	}
	for _, k := range []message.Kind{message.KindTemplate, message.KindSubscription, message.KindCustom} {
		if got := (console.Message{Kind: string(k)}).KindName(); got != inWords(k) {
			t.Errorf("%s is called %s, and %s elsewhere", k, got, inWords(k))
		}
	}
}
