package message_test

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

const (
	simAccount = "wx1a2b3c4d5e6f7081"
	simSecret  = "shared"
)

// world is an outbox whose WeChat is the simulator.
type world struct {
	*house
	sim    *wechatsim.Server
	client *wechat.Client
}

func newWorld(t testing.TB, on engine, options ...func(*message.Config)) *world {
	t.Helper()
	w := &world{sim: wechatsim.StartT(t)}
	w.client = newClient(t, w.sim.URL)
	w.house = newHouse(t, on, append([]func(*message.Config){func(c *message.Config) {
		c.WeChat, c.Now = w.client, w.sim.Now
		c.Call = bearing(w.client)
		c.Limiter = message.NewBuckets(1e6, 1e6, w.sim.Now)
	}}, options...)...)
	for _, p := range []string{"ming", "wang", "li"} {
		_, following := w.sim.Following(p, simAccount)
		w.people.set(p, message.Address{AppID: simAccount, OpenID: w.sim.OpenID(p, simAccount), Following: following, Known: true})
	}
	w.must(w.Sync(t.Context(), simAccount))
	return w
}

func newClient(t testing.TB, url string) *wechat.Client {
	t.Helper()
	c, err := wechat.NewClient(wechat.Config{OpenURL: url, MPURL: url, Hosts: []string{url}, Trip: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// bearing runs calls with the stable token of the simulator's account.
func bearing(c *wechat.Client) func(context.Context, string, func(context.Context, wechat.Bearer) error) error {
	return func(ctx context.Context, appID string, do func(context.Context, wechat.Bearer) error) error {
		token, err := c.StableToken(ctx, appID, simSecret, false)
		if err != nil {
			return err
		}
		return do(ctx, wechat.Bearer{AppID: appID, Token: token.Token})
	}
}

// template finds a template of the simulator by its title.
func (w *world) template(title string) message.Template {
	w.t.Helper()
	list, _, err := w.Templates(w.t.Context(), simAccount)
	w.must(err)
	i := slices.IndexFunc(list, func(t message.Template) bool { return t.Title == title })
	if i < 0 {
		w.t.Fatalf("there is no template %q in %+v", title, list)
	}
	return list[i]
}

func (w *world) login(user, clientID string) message.Order {
	return message.Order{
		Realm: "shop", User: user, PreferAppIDs: []string{simAccount}, Kind: message.KindTemplate, Template: w.template("登录成功通知").ID,
		Data: map[string]string{"thing1": "小明", "time2": "2024年9月22日 15:01", "thing3": "上海<&>" + clientID[:1]}, URL: "https://site.example/o?a=1&b=2",
		ClientID: clientID, By: "key1",
	}
}

// listens hands the results that the simulator pushes to the outbox.
func (w *world) listens() {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var push struct {
			Event, Status string
			MsgID         int64
			CreateTime    int64
		}
		if r.Method == http.MethodGet {
			rw.Write([]byte(r.FormValue("echostr")))
			return
		}
		if err := xml.NewDecoder(r.Body).Decode(&push); err != nil || push.Event != "TEMPLATESENDJOBFINISH" {
			return
		}
		if err := w.Finished(r.Context(), simAccount, push.MsgID, push.Status, time.Unix(push.CreateTime, 0)); err != nil {
			w.t.Error(err)
		}
	}))
	w.t.Cleanup(server.Close)
	w.must(w.sim.SetPush(simAccount, server.URL, "token1234", "", wechatsim.PushPlain))
}

// shown are the messages that a person has got from the account.
func (w *world) shown(person string) (list []wechatsim.Message) {
	for _, m := range w.sim.Chat(person, simAccount) {
		if m.By == wechatsim.ByAccount {
			list = append(list, m)
		}
	}
	return list
}

func TestSimulator(t *testing.T) {
	t.Parallel()
	t.Run("a message arrives on the phone, and its result comes back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sqlite)
		w.listens()
		m := w.send(w.login("ming", "a"))
		w.drain()
		w.must(w.sim.Pass(t.Context(), 10*time.Second))
		w.want(m.ID, message.Delivered, message.ReasonNone)
		got := w.shown("ming")
		if len(got) != 1 || got[0].URL != "https://site.example/o?a=1&b=2" || got[0].Lines[2].Value != "上海<&>a" {
			t.Errorf("the phone shows %+v", got)
		}
	})
	t.Run("who refuses the account's messages is known as such, who unfollows likewise", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sqlite)
		w.listens()
		w.must(w.sim.Block("ming", simAccount, true))
		blocked := w.send(w.login("ming", "a"))
		w.drain()
		w.must(w.sim.Pass(t.Context(), 10*time.Second))
		w.want(blocked.ID, message.Blocked, message.ReasonBlocked)
		gone := w.send(w.login("wang", "b"))
		w.must(w.sim.Follow("wang", simAccount, false))
		w.drain()
		w.want(gone.ID, message.Dropped, message.ReasonUnfollowed)
		_, err := w.Send(t.Context(), w.login("wang", "c"))
		wantFault(t, err, message.FaultUnreachable, "")
	})
	t.Run("an answer that is lost after the message was taken costs no second message", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sqlite)
		w.listens()
		for _, fault := range []string{"http_500", "not_json", "host_down", "busy", "rate_limited", "token_dead", "numbers_as_strings", "unknown_fields"} {
			m := w.send(w.login("ming", fault))
			w.sim.Fail(fault, wechatsim.On("/cgi-bin/message/template/send"))
			for range 5 {
				w.drain()
				w.must(w.sim.Pass(t.Context(), time.Minute))
			}
			w.want(m.ID, message.Delivered, message.ReasonNone)
			w.sim.Disarm(fault)
		}
		if got := w.shown("ming"); len(got) != 8 {
			t.Errorf("the phone shows %d messages", len(got))
		}
	})
	t.Run("a notification needs a subscription, and a customer-service message something that the user did", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, sqlite)
		o := w.login("ming", "a")
		o.Kind, o.Type, o.Content, o.Template, o.Data, o.URL = message.KindCustom, "text", []byte(`{"content":"您好 <a>"}`), "", nil, ""
		m := w.send(o)
		w.drain()
		w.want(m.ID, message.Dropped, message.ReasonWindow)
		w.must(w.sim.Say("ming", simAccount, "hello"))
		o.ClientID = "b"
		m = w.send(o)
		w.drain()
		w.want(m.ID, message.Sent, message.ReasonNone)
		if got := w.shown("ming"); len(got) != 1 || got[0].Text != "您好 <a>" {
			t.Errorf("the phone shows %+v", got)
		}
		for _, x := range w.sim.Templates(simAccount) {
			if x.Subscription {
				o = message.Order{
					Realm: "shop", User: "ming", PreferAppIDs: []string{simAccount}, Kind: message.KindSubscription, Template: x.ID,
					Data: map[string]string{"thing1": "读书会", "date2": "2024-09-22 15:01", "name3": "李娜"},
				}
			}
		}
		m = w.send(o)
		w.drain()
		w.want(m.ID, message.Dropped, message.ReasonRefused)
	})
	t.Run("what is accepted here the simulator accepts", func(t *testing.T) { t.Parallel(); agreement(t) })
}

// agreement sends what Check accepts, made of what comes close to the limits.
func agreement(t *testing.T) {
	w := newWorld(t, sqlite)
	templates := map[string]string{}
	keys := []string{
		"thing1", "short_thing1", "character_string1", "time1", "date1", "amount1", "phone_number1", "car_number1",
		"phrase1", "number1", "letter1", "symbol1", "name1", "const1", "enum_string1", "keyword1",
	}
	for _, key := range keys {
		added, err := w.sim.AddTemplate(simAccount, wechatsim.Template{Title: key, Content: "a:{{" + key + ".DATA}}"})
		w.must(err)
		templates[key] = added.ID
	}
	values := []string{
		"字", "Abc", "12", "39.8元", "¥5", "2024年9月22日", "2024-09-22", "15:01", "~", "+86", " ", "—!", "粤A", "١٢", "🙂", "0.5", "-1", "(1)", "元", "/", "2024/9/1", "0", "'", "\u200b",
	}
	accepted := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		for _, key := range keys {
			value := strings.Join(rapid.SliceOfN(rapid.SampledFrom(values), 1, 4).Draw(r, key), "")
			value = strings.Repeat(value, rapid.SampledFrom([]int{1, 1, 1, 2, 5, 10, 20}).Draw(r, "times"))
			if fault := (message.Template{Content: "{{" + key + ".DATA}}"}).Check(map[string]string{key: value}); fault != nil {
				continue
			}
			err := w.config.Call(context.Background(), simAccount, func(ctx context.Context, as wechat.Bearer) error {
				_, err := w.client.SendTemplate(ctx, as, wechat.TemplateMessage{
					To: w.sim.OpenID("ming", simAccount), TemplateID: templates[key], Data: map[string]string{key: value}, ClientID: rand.Text(),
				})
				return err
			})
			if err != nil {
				r.Fatalf("%s %q: %v", key, value, err)
			}
			accepted[key]++
		}
	})
	t.Log("accepted", accepted)
	if len(accepted) < len(keys)/2 {
		t.Errorf("only %v were tried", accepted)
	}
}
