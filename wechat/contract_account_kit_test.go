package wechat_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// noon is far from the end of WeChat's day.
var noon = time.Date(2026, 5, 1, 4, 0, 0, 0, time.UTC)

// office is a stage of what a server does in its account's name: a service account
// that ming follows, a mini program of the same subject, and an account that was
// followed by wang and has moved to the first one.
type office struct {
	*stage
	as   wechat.Bearer
	mini wechat.Bearer
}

func newOffice(t testing.TB) *office {
	t.Helper()
	s := &office{stage: newStage(t, func(o *wechatsim.Options) {
		account := func(id, kind string) wechatsim.Account {
			return wechatsim.Account{AppID: id, Secret: secret, Name: id, Kind: kind, Subject: "acme"}
		}
		o.Accounts = []wechatsim.Account{account(appID, wechatsim.KindService), account(oldApp, wechatsim.KindService), account(miniApp, wechatsim.KindMini)}
		o.StrangerUnionID = true
		o.Now = func() time.Time { return noon } // only Advance moves it
	})}
	s.ok(t, s.Follow("ming", appID, true))
	s.as, s.mini = s.bearer(t, appID), s.bearer(t, miniApp)
	s.forget()
	return s
}

func (s *office) ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bearer gets an account's token without the client.
func (s *office) bearer(t testing.TB, app string) wechat.Bearer {
	t.Helper()
	var a struct {
		Token string `json:"access_token"`
	}
	answer := s.send(t, http.MethodPost, "/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"`+app+`","secret":"`+secret+`","force_refresh":false}`)
	if err := json.Unmarshal([]byte(answer), &a); err != nil || a.Token == "" {
		t.Fatalf("%v: %s", err, answer)
	}
	return wechat.Bearer{AppID: app, Token: a.Token}
}

// send sends a request to the simulator as it is.
func (s *office) send(t testing.TB, method, target, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.hosts[0]+target, strings.NewReader(body))
	s.ok(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	s.ok(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	s.ok(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("HTTP status %d: %s", res.StatusCode, b)
	}
	return string(b)
}

// parcelTemplate is a template for the values of parcel.
func (s *office) parcelTemplate(t testing.TB, subscription bool) string {
	t.Helper()
	made, err := s.AddTemplate(appID, wechatsim.Template{
		Title: "订单发货通知", Content: "商品：{{thing4.DATA}}\n金额：{{amount2.DATA}}\n时间：{{time3.DATA}}",
		Example: "商品：巧克力", Subscription: subscription,
	})
	s.ok(t, err)
	return made.ID
}

// miniSession logs a person in to the mini program, without the client.
func (s *office) miniSession(t testing.TB, person string) (openid, key string) {
	t.Helper()
	var a struct {
		OpenID string `json:"openid"`
		Key    string `json:"session_key"`
	}
	answer := s.send(t, http.MethodGet, "/sns/jscode2session?appid="+miniApp+"&secret="+secret+"&js_code="+s.MiniLogin(person, miniApp)+"&grant_type=authorization_code", "")
	if err := json.Unmarshal([]byte(answer), &a); err != nil || a.Key == "" {
		t.Fatalf("%v: %s", err, answer)
	}
	return a.OpenID, a.Key
}

// signature is what checksession wants instead of the session key.
func signature(key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	return hex.EncodeToString(mac.Sum(nil))
}
