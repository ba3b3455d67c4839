package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

// says fails unless a page holds all of these, and none behind "not".
func (a answer) says(t *testing.T, words ...string) {
	t.Helper()
	want := true
	for _, w := range words {
		if w == "not" {
			want = false
		} else if strings.Contains(a.body, w) != want {
			t.Errorf("that it says %q is %t: %d %s", w, !want, a.status, a.body)
		}
	}
}

func TestOperate_attackers(t *testing.T) {
	t.Parallel()
	k := start(t)
	k.did.jobs = []console.Job{{ID: "j1", Kind: nasty, State: "failed", Error: nasty, By: nasty}}
	b := k.staff(t, "root", console.Administrator)
	for _, path := range []string{
		"/messages/main?state=failed", "/quota", "/events/main", "/events/main/lines/orders", "/pushes/wx01", "/pushes/wx01/dead?target=crm",
		"/jobs", "/jobs/j1", "/jobs/live/events", "/audit/main", "/audit/main?before=2",
	} {
		t.Run("nothing stored is markup in, and no openid whole on, "+path, func(t *testing.T) {
			a := b.get(path)
			if a.status != http.StatusOK {
				t.Fatalf("answered %d %s", a.status, a.body)
			}
			a.says(t, "not", "<script>alert", "<img src=x", openID)
		})
	}
	t.Run("what is in the address and makes no sense is refused, and shown as text", func(t *testing.T) {
		for path, status := range map[string]int{
			"/messages/main?state=nonsense": 404, "/messages/main?kind=x": 404, "/messages/main?appid=wx99": 404, "/messages/nowhere": 404,
			"/events/nowhere": 404, "/events/main/lines/elsewhere": 404, "/pushes/wx99": 404, "/pushes/wx01?state=x": 404, "/jobs/j9": 404,
			"/audit/nowhere": 404, "/audit/main?op=x": 404, "/audit/main?user=%20%00": 400, "/audit/main?from=yesterday": 400, "/journal?what=x": 404, "/journal?staff=%3Cb%3E": 404,
			"/pushes/wx01?type=%3Cscript%3E": 200, "/audit/main?actor=%22%3E%3Cscript%3E": 200, "/messages/main?before=%00%ff": 200,
		} {
			a := b.get(path)
			if a.status != status {
				t.Errorf("%s is answered %d %s", path, a.status, a.body)
			}
			a.says(t, "not", "<script>", "\"><script")
		}
	})
	t.Run("nothing is done without the word of a page", func(t *testing.T) {
		_, before := k.did.told()
		for _, path := range []string{
			"/messages/main/f1/resend", "/messages/main/q1/cancel", "/quota/wx01/clear", "/quota/wx01/resume", "/events/main/lines/orders/replay",
			"/pushes/wx01/replay", "/jobs", "/jobs/j1/cancel", "/jobs/j1/resume", "/audit/main/verify",
		} {
			if a := b.postWith(strings.Repeat("0", 64), path, "sure", "1"); a.status != http.StatusForbidden {
				t.Errorf("%s is answered %d", path, a.status)
			}
		}
		if last, after := k.did.told(); after != before {
			t.Errorf("done was %s", last)
		}
	})
}

func TestOperate(t *testing.T) {
	t.Parallel()
	k := start(t)
	viewer, op, root := k.staff(t, "viewer", console.Viewer), k.staff(t, "op", console.Operator), k.staff(t, "root", console.Administrator)
	did := func(t *testing.T, a answer, want string) {
		t.Helper()
		if last, _ := k.did.told(); last != want || a.status != http.StatusSeeOther {
			t.Errorf("done was %q, want %q; answered %d %s", last, want, a.status, a.body)
		}
	}
	t.Run("a message says why it failed, in both languages, and what it says is for who deals with it", func(t *testing.T) {
		const at = "/messages/main?state=failed"
		op.get(at).says(t, "WeChat refuses it", "Green tea", "Order &lt;script", "Send again", "oAB…Z1", "used up", "tries", "not", "Clear the quota")
		viewer.get(at).says(t, "WeChat refuses it", "Order &lt;script", "not", "Green tea", "Send again", "Cancel")
		zh := k.staff(t, "zh", console.Operator)
		zh.header.Set("Accept-Language", "zh")
		zh.get(at).says(t, "微信拒绝发送", "发送失败", "重发", "额度已用完", "下次尝试")
		did(t, op.post("/messages/main/f1/resend"), "resend main/f1")
		did(t, op.post("/messages/main/q1/cancel"), "cancel main/q1")
		op.get("/messages/main").says(t, "before=m49")
	})
	t.Run("what the gateway refuses is said, and stands in the journal", func(t *testing.T) {
		k.did.fails = console.Refuse(http.StatusConflict, "不行", "It can't be")
		defer func() { k.did.fails = nil }()
		op.post("/messages/main/f1/resend").says(t, "It can&#39;t be")
		root.get("/journal?what=message_resend").says(t, "refused: It can&#39;t be", "main/f1")
	})
	t.Run("a quota is cleared by an administrator who is sure", func(t *testing.T) {
		viewer.get("/quota").says(t, ">17<", "used up until", "not", "Clear the quota", "Try waiting")
		op.get("/quota").says(t, "Try waiting", "not", "Clear the quota")
		root.get("/quota").says(t, "Clear the quota", "ten times a month")
		if a := root.post("/quota/wx01/clear"); a.status != http.StatusBadRequest {
			t.Errorf("who isn't sure is answered %d", a.status)
		}
		did(t, root.post("/quota/wx01/clear", "sure", "1"), "clear wx01")
		did(t, op.post("/quota/wx01/resume"), "resume wx01")
		if a := root.post("/quota/wx99/clear", "sure", "1"); a.status != http.StatusNotFound {
			t.Errorf("of no account it answers %d", a.status)
		}
	})
	t.Run("a line that is down shows its dead letters, which are sent again", func(t *testing.T) {
		viewer.get("/events/main").says(t, "orders", "it answered HTTP 503", "dead letters 1", "id replaced", "v1", `="?before=8`, "not", "elsewhere")
		viewer.get("/events/main?before=8").says(t, "gone", "not", `="?before=`)
		viewer.get("/events/main/lines/orders").says(t, "it didn&#39;t answer in time", "v1", "not", "Send again")
		op.get("/events/main/lines/orders").says(t, "Send again", "Send all again")
		did(t, op.post("/events/main/lines/orders/replay", "event", "v1.first"), "replay main/orders[v1.first]")
		did(t, op.post("/events/main/lines/orders/replay"), "replay main/orders[]")
		root.get("/journal?what=event_replay").says(t, "main/orders", "op</a>")
	})
	t.Run("the log of pushes says what is left to be done, and a dead one is handed on again", func(t *testing.T) {
		viewer.get("/pushes/wx01").says(t, "crm", "it can&#39;t be reached", "hasn&#39;t been looked at", "before=5", "handed on", "not", "Hand on again")
		op.get("/pushes/wx01").says(t, "Hand on again", `value="k9"`, "not", `value="k8"`)
		viewer.get("/pushes/wx01/dead?target=crm").says(t, "it answered HTTP 500", "not", "Hand")
		did(t, op.post("/pushes/wx01/replay", "target", "crm", "key", "k9"), "push wx01/crm/k9")
		did(t, op.post("/pushes/wx01/replay", "target", "crm"), "push wx01/crm/")
		if a := op.post("/pushes/wx01/replay", "key", "gone"); a.status != http.StatusConflict {
			t.Errorf("of one that is no more it answers %d", a.status)
		}
		if a := viewer.get("/pushes"); a.header.Get("Location") != "/pushes/wx01" {
			t.Errorf("the first page is %d %s", a.status, a.header.Get("Location"))
		}
	})
	t.Run("a job is started, cancelled and let go on", func(t *testing.T) {
		did(t, op.post("/jobs", "kind", "migrate", "appid", "wx01", "from", " wx02 "), "start migrate wx01 wx02 staff:op")
		did(t, op.post("/jobs/j1/cancel"), "end j1")
		did(t, op.post("/jobs/j1/resume"), "go on j1")
		op.get("/jobs").says(t, "Start a job", "data-live")
		viewer.get("/jobs").says(t, "not", "Start a job", "<form method=\"post\" action=\"/jobs")
		op.get("/jobs/j1").says(t, "5 / 10", "web-1/4711", "Go on where it stopped", "oA…Z1", "not", "Cancel the job")
		root.get("/journal?what=job_start").says(t, "wx01")
	})
}

func TestOperate_jobsLive(t *testing.T) {
	t.Parallel()
	k := start(t)
	b := k.staff(t, "op", console.Operator)
	k.did.jobs = []console.Job{{ID: "j1", Kind: "followers", State: "done", Done: 3, Total: 3, Started: time.Unix(1_800_000_000, 0)}}
	a := b.get("/jobs/live/events")
	a.says(t, "retry: 10000", "data: <ul", "take stock of followers", "3 / 3", "not", "<html", "Cancel")
	for _, line := range strings.Split(strings.TrimSpace(a.body), "\n") {
		if !strings.HasPrefix(line, "data: ") && !strings.HasPrefix(line, "retry: ") {
			t.Errorf("a line of the stream is %q", line)
		}
	}
	if kind := a.header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("it is %s", kind)
	}
}
