package caddymodule

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// consumer is a line of business that may be down.
type consumer struct {
	*httptest.Server
	down atomic.Bool
	got  chan string
}

func startConsumer(t *testing.T) *consumer {
	t.Helper()
	c := &consumer{got: make(chan string, 100)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		c.got <- r.Header.Get("Webhook-Id")
	}))
	t.Cleanup(c.Close)
	return c
}

// hears waits for an event.
func (c *consumer) hears(t *testing.T, id string) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		select {
		case got := <-c.got:
			if got == id {
				return
			}
		case <-late:
			t.Fatalf("it never hears of %s", id)
		}
	}
}

// startWatched starts a gateway with console, API and pushes, whose events go to a line of
// business.
func startWatched(t *testing.T, c *consumer) *gateway {
	t.Helper()
	return startChannels(t, append(broadcasting(c.URL), withConsole...)...)
}

// dies has an event that the line of business doesn't take become a dead letter.
func (g *gateway) dies(t *testing.T, c *consumer) {
	t.Helper()
	stands := func(want func(console.Line) bool) func() bool {
		return func() bool {
			lines, err := consoleEvents{g.app}.Lines(t.Context())
			return err == nil && len(lines) == 1 && want(lines[0])
		}
	}
	eventually(t, "all that came before is delivered", stands(func(l console.Line) bool { return l.Behind == 0 }))
	c.down.Store(true)
	if err := g.app.facts().Apply(t.Context(), retirement("v1", "r1", g.now())); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event is parked", stands(func(l console.Line) bool { return l.Parked == 1 }))
	g.advance(73 * time.Hour)
	eventually(t, "it is a dead letter", stands(func(l console.Line) bool { return l.Dead == 1 }))
}

// notified sends a member a notice, and has the outbox believe that it has failed.
func (g *gateway) notified(t *testing.T) message.Message {
	t.Helper()
	g.member(t, "ming", "m1")
	if err := g.sim.Follow("ming", appA, true); err != nil {
		t.Fatal(err)
	}
	g.settle(t)
	template := g.notice(t)
	if err := g.app.messages.Sync(t.Context(), appA); err != nil {
		t.Fatal(err)
	}
	m, err := g.app.messages.Send(t.Context(), message.Order{
		Realm: "main", User: "m1", PreferAppIDs: []string{appA}, Kind: message.KindTemplate, Template: template,
		Data: map[string]string{"thing4": "Green tea " + strings.Repeat("x", 10), "amount2": "39.8元"}, By: "key:" + tagged,
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the notice arrives", func() bool { return len(g.got("ming", "template")) == 1 })
	eventually(t, "it is noted as sent", func() bool {
		now, err := g.app.messages.Get(t.Context(), "main", m.ID)
		return err == nil && now.State == message.Sent
	})
	m, _, err = g.app.channelStore().ChangeMessage(t.Context(), "main", m.ID, g.now(), func(m *message.Message, _ bool) error {
		m.State, m.Reason, m.Detail, m.Ended = message.Failed, message.ReasonWeChat, "invalid argument "+tagged, g.now()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pushed has two pushes for a subscriber: one that it hasn't taken for days, and one that
// waits.
func (g *gateway) pushed(t *testing.T) {
	t.Helper()
	store, now, line := g.app.channelStore(), g.now(), inbox.Line{AppID: appA, Target: "crm"}
	for key, kind := range map[string]string{"k1": "event:scan", "k2": tagged} {
		p := inbox.Push{AppID: appA, Key: key, OpenID: g.sim.OpenID("ming", appA), Kind: kind, At: now, Came: now, Sealed: []byte{1}}
		if _, err := store.PutPush(t.Context(), p, []inbox.Delivery{{Target: "crm", Next: now.Add(time.Hour)}}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "nobody else has the line", func() bool {
		due, ok, err := store.TakePushes(t.Context(), line, "test", now.Add(time.Hour), now.Add(2*time.Hour), 1)
		if err != nil || !ok || len(due) != 1 {
			return false
		}
		due[0].Tries, due[0].Since, due[0].Error, due[0].Dead = 9, now, "timeout", true
		_, err = store.SettlePushes(t.Context(), line, "test", inbox.Settlement{Failed: due})
		return err == nil
	})
}

// operatePages are the pages of what staff watch, each with something on it.
func (g *gateway) operatePages(t *testing.T) map[string]map[string]string {
	t.Helper()
	g.pushed(t)
	pause := message.Pause{Lane: message.Lane{AppID: appA, Kind: message.KindSubscription}, Until: g.now().Add(time.Hour), Reason: message.ReasonQuota, Detail: "reach max api daily quota limit"}
	err := g.app.channelStore().PauseLane(t.Context(), pause, g.now())
	var j job.Job
	if err == nil {
		j, err = g.app.jobs.Start(t.Context(), job.Followers, appA, nil, "staff:ming")
	}
	if err != nil {
		t.Fatal(err)
	}
	return map[string]map[string]string{
		"/messages":                  {},
		"/messages/{realm}":          {"messages": "/messages/main", "messages-none": "/messages/other"},
		"/events/{realm}":            {"events": "/events/main", "events-none": "/events/other"},
		"/events/{realm}/lines/{id}": {"line": "/events/main/lines/gone"},
		"/pushes":                    {},
		"/pushes/{appid}":            {"pushes": "/pushes/" + appA, "pushes-none": "/pushes/" + appA + "?type=image"},
		"/pushes/{appid}/dead":       {"pushes-dead": "/pushes/" + appA + "/dead?target=crm"},
		"/jobs/{id}":                 {"job": "/jobs/" + j.ID},
		"/audit":                     {},
		"/audit/{realm}":             {"audit": "/audit/main"},
	}
}

// worker is somebody of the staff who is signed in, without a browser.
type worker struct {
	*gateway
	t            *testing.T
	cookie, word string
	known        string // the cookie by which his browser is known
}

// worker gives somebody a role and a password.
func (g *gateway) worker(t *testing.T, name string, role console.Role) *worker {
	t.Helper()
	code, err := g.app.newConsole().Add(t.Context(), name, role)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{gateway: g, t: t}
	resp, _ := w.ask("/setup", url.Values{"code": {code}, "password": {"correct horse battery"}, "again": {"correct horse battery"}})
	for _, c := range resp.Cookies() {
		if strings.HasSuffix(c.Name, "wsite-console") {
			w.cookie = c.Name + "=" + c.Value
		}
		if strings.Contains(c.Name, "-known-") {
			w.known = c.Name + "=" + c.Value
		}
	}
	_, me := w.ask("/me", nil)
	word := regexp.MustCompile(`name="word" value="([0-9a-f]{64})"`).FindStringSubmatch(me)
	if word == nil {
		t.Fatalf("he isn't signed in: %s", me)
	}
	w.word = word[1]
	return w
}

// ask asks for a page, or posts a form with the word of his pages.
func (w *worker) ask(path string, form url.Values) (*http.Response, string) {
	w.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
		if w.word != "" && !form.Has("word") {
			form.Set("word", w.word)
		}
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	at, _ := url.Parse(w.consoleAt(""))
	req.Host = at.Host
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("Cookie", w.cookie)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, string(text)
}

// want fails unless a page says all of these, and no markup of others nor a whole openid.
func (w *worker) want(path string, words ...string) string {
	w.t.Helper()
	resp, text := w.ask(path, nil)
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s is answered %d %s", path, resp.StatusCode, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			w.t.Errorf("%s doesn't say %q: %s", path, word, text)
		}
	}
	hides(w.t, text, tagged, w.sim.OpenID("ming", appA))
	return text
}

// does posts a form, and fails if that isn't answered so.
func (w *worker) does(status int, path string, pairs ...string) string {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	resp, text := w.ask(path, form)
	if resp.StatusCode != status {
		w.t.Errorf("%s is answered %d %s", path, resp.StatusCode, text)
	}
	return text
}
