package wechat_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// accountPlay is a call of the client to the simulator, and what it must come to. A
// call that comes to success checks what it got.
type accountPlay struct {
	name string
	path string
	must outcome
	play func(t *testing.T, s *office) error
}

var good = outcome{calls: 1}

func refusedWith(class wechat.Class, code int) outcome { return outcome{class, code, 1} }

// equal fails unless two values are the same.
func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestContractEveryCallOfAnAccount(t *testing.T) {
	t.Parallel()
	for _, plays := range [][]accountPlay{tokenPlays, fanPlays, qrPlays, miniPlays, messagePlays, templatePlays, toolPlays} {
		for _, p := range plays {
			t.Run(p.path[1:]+" "+p.name, func(t *testing.T) {
				t.Parallel()
				s := newOffice(t)
				s.verdict(t, p.path, p.play(t, s), p.must, s.as.Token, s.OpenID("ming", appID))
			})
		}
	}
}

var tokenPlays = []accountPlay{
	{"is the same until shortly before its end", tokenPath, outcome{calls: 3}, func(t *testing.T, s *office) error {
		one, err1 := s.client.StableToken(t.Context(), appID, secret, false)
		s.Advance(time.Hour)
		two, err2 := s.client.StableToken(t.Context(), appID, secret, false)
		s.Advance(56 * time.Minute)
		three, err3 := s.client.StableToken(t.Context(), appID, secret, false)
		equal(t, "the token after an hour", two.Token, one.Token)
		equal(t, "its life", two.Life, time.Hour)
		if three.Token == one.Token || three.Life != 2*time.Hour {
			t.Errorf("in the last minutes: life %v, the same %t", three.Life, three.Token == one.Token)
		}
		return firstOf(err1, err2, err3)
	}},
	{"kills the old one by force", tokenPath, good, func(t *testing.T, s *office) error {
		f, err := s.client.StableToken(t.Context(), appID, secret, true)
		want(t, s.fan(t), wechat.ClassRefresh)
		s.as.Token = f.Token
		s.ok(t, s.fan(t))
		return err
	}},
	{"refuses a wrong secret", tokenPath, refusedWith(wechat.ClassConfig, 40125), func(t *testing.T, s *office) error {
		_, err := s.client.StableToken(t.Context(), appID, strings.ToUpper(secret), false)
		return err
	}},
	{"refuses an unknown account", tokenPath, refusedWith(wechat.ClassConfig, 40013), func(t *testing.T, s *office) error {
		_, err := s.client.StableToken(t.Context(), "wxffffffffffffffff", secret, false)
		return err
	}},
	{"names the address that isn't permitted", tokenPath, refusedWith(wechat.ClassConfig, 40164), func(t *testing.T, s *office) error {
		s.ok(t, s.ChangeAccount(appID, func(a *wechatsim.Account) { a.Whitelist = []string{"192.0.2.1"} }))
		_, err := s.client.StableToken(t.Context(), appID, secret, false)
		equal(t, "the address", check(t, err).IP(), netip.MustParseAddr("127.0.0.1"))
		return err
	}},
	{"says that the secret is frozen", tokenPath, refusedWith(wechat.ClassConfig, 40243), func(t *testing.T, s *office) error {
		s.ok(t, s.ChangeAccount(appID, func(a *wechatsim.Account) { a.SecretFrozen = true }))
		_, err := s.client.StableToken(t.Context(), appID, secret, false)
		return err
	}},
	{"is another each time, and the last one lives for 5 minutes more", "/cgi-bin/token", outcome{calls: 2}, func(t *testing.T, s *office) error {
		one, err1 := s.client.AccessToken(t.Context(), appID, secret)
		two, err2 := s.client.AccessToken(t.Context(), appID, secret)
		if one.Token == two.Token || two.Life != 2*time.Hour {
			t.Errorf("the same %t, life %v", one.Token == two.Token, two.Life)
		}
		s.ok(t, s.fan(t)) // the stable one is of another space
		s.as.Token = one.Token
		s.ok(t, s.fan(t))
		s.Advance(5 * time.Minute)
		want(t, s.fan(t), wechat.ClassRefresh)
		return firstOf(err1, err2)
	}},
	{"is the same for its life", "/cgi-bin/ticket/getticket", outcome{calls: 3}, func(t *testing.T, s *office) error {
		one, err1 := s.client.JSTicket(t.Context(), s.as, "jsapi")
		two, err2 := s.client.JSTicket(t.Context(), s.as, "jsapi")
		card, err3 := s.client.JSTicket(t.Context(), s.as, "wx_card")
		equal(t, "the second ticket", two.Token, one.Token)
		if card.Token == one.Token || one.Life != 2*time.Hour {
			t.Errorf("life %v", one.Life)
		}
		return firstOf(err1, err2, err3)
	}},
	{"wants an official account", "/cgi-bin/ticket/getticket", refusedWith(wechat.ClassConfig, 48001), func(t *testing.T, s *office) error {
		_, err := s.client.JSTicket(t.Context(), s.mini, "jsapi")
		return err
	}},
	{"hears that the token is dead", "/cgi-bin/ticket/getticket", refusedWith(wechat.ClassRefresh, 40001), func(t *testing.T, s *office) error {
		s.KillTokens(appID)
		_, err := s.client.JSTicket(t.Context(), s.as, "jsapi")
		return err
	}},
	{"hears that the token is over", "/cgi-bin/ticket/getticket", refusedWith(wechat.ClassRefresh, 42001), func(t *testing.T, s *office) error {
		s.Advance(2 * time.Hour)
		_, err := s.client.JSTicket(t.Context(), s.as, "jsapi")
		return err
	}},
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

var fanPlays = []accountPlay{
	{"tells of a follower", fanPath, good, func(t *testing.T, s *office) error {
		f, err := s.client.Fan(t.Context(), s.as, s.OpenID("ming", appID))
		if !f.Following || f.UnionID != s.UnionID("ming", appID) || f.Since.After(s.Now()) || f.Since.IsZero() || f.Scene == "" || f.QRScene != "" {
			t.Errorf("got %s", writeJSON(t, f))
		}
		return err
	}},
	{"tells by which code he came", fanPath, good, func(t *testing.T, s *office) error {
		qr, err := s.client.CreateQR(t.Context(), s.as, wechat.QROrder{Scene: "login_5f2c"})
		s.ok(t, err)
		s.ok(t, s.FollowScanned("li", qr.Ticket))
		f, err := s.client.Fan(t.Context(), s.as, s.OpenID("li", appID))
		equal(t, "the scene", f.QRScene, "login_5f2c")
		return err
	}},
	{"tells of a stranger", fanPath, good, func(t *testing.T, s *office) error {
		f, err := s.client.Fan(t.Context(), s.as, s.OpenID("li", appID))
		equal(t, "the stranger", writeJSON(t, f), writeJSON(t, wechat.Fan{OpenID: s.OpenID("li", appID), UnionID: s.UnionID("li", appID)}))
		return err
	}},
	{"refuses another account's openid", fanPath, refusedWith(wechat.ClassFault, 40003), func(t *testing.T, s *office) error {
		_, err := s.client.Fan(t.Context(), s.as, s.OpenID("ming", oldApp))
		return err
	}},
	{"refuses a mini program", fanPath, refusedWith(wechat.ClassConfig, 48001), func(t *testing.T, s *office) error {
		_, err := s.client.Fan(t.Context(), s.mini, s.OpenID("ming", miniApp))
		return err
	}},
	{"tells of many", "/cgi-bin/user/info/batchget", good, func(t *testing.T, s *office) error {
		fans, err := s.client.Fans(t.Context(), s.as, []string{s.OpenID("ming", appID), s.OpenID("li", appID)})
		if len(fans) != 2 || !fans[0].Following || fans[1].Following || fans[1].UnionID != s.UnionID("li", appID) {
			t.Errorf("got %s", writeJSON(t, fans))
		}
		return err
	}},
	{"ends after the last page", "/cgi-bin/user/get", outcome{calls: 3}, func(t *testing.T, s *office) error {
		s.ok(t, s.Change(func(set *wechatsim.Settings) { set.FanPage = 2 }))
		s.ok(t, firstOf(s.Follow("li", appID, true), s.Follow("wang", appID, true)))
		var all []string
		for after := ""; ; {
			p, err := s.client.FanPage(t.Context(), s.as, after)
			if err != nil {
				return err
			}
			equal(t, "the total", p.Total, 3)
			if all, after = append(all, p.OpenIDs...), p.Next; after == "" {
				break
			}
		}
		wanted := []string{s.OpenID("ming", appID), s.OpenID("li", appID), s.OpenID("wang", appID)}
		slices.Sort(all)
		slices.Sort(wanted)
		equal(t, "the list", writeJSON(t, all), writeJSON(t, wanted))
		return nil
	}},
	{"tells the new openids of a migration", "/cgi-bin/changeopenid", good, func(t *testing.T, s *office) error {
		s.ok(t, firstOf(s.Follow("wang", oldApp, true), s.Migrate(oldApp, appID)))
		got, err := s.client.ChangeOpenIDs(t.Context(), s.as, oldApp, []string{s.OpenID("wang", oldApp), foreign})
		equal(t, "the list", writeJSON(t, got), writeJSON(t, []wechat.ChangedOpenID{
			{Old: s.OpenID("wang", oldApp), New: s.OpenID("wang", appID), Message: "ok"}, {Old: foreign, Message: "ori_openid error"},
		}))
		return err
	}},
	{"knows no migration after 15 days", "/cgi-bin/changeopenid", refusedWith(wechat.ClassConfig, 63178), func(t *testing.T, s *office) error {
		s.ok(t, s.Migrate(oldApp, appID))
		s.Advance(15 * 24 * time.Hour)
		_, err := s.client.ChangeOpenIDs(t.Context(), s.bearer(t, appID), oldApp, []string{foreign})
		return err
	}},
}

var qrPlays = []accountPlay{
	{"is scanned", createPath, good, func(t *testing.T, s *office) error {
		qr, err := s.client.CreateQR(t.Context(), s.as, wechat.QROrder{Scene: "码<1>&2", Life: time.Hour})
		equal(t, "its life", qr.Life, time.Hour)
		if _, err := s.Scan("ming", s.client.QRImageURL(qr.Ticket)); err != nil {
			t.Error(err)
		}
		scenes := s.Scenes(appID)
		if len(scenes) != 1 || scenes[0].Scene != "码<1>&2" || scenes[0].Scans != 1 || scenes[0].URL != qr.URL {
			t.Errorf("scenes %+v", scenes)
		}
		return err
	}},
	{"lives for a minute unless it is said", createPath, good, func(t *testing.T, s *office) error {
		qr, err := s.client.CreateQR(t.Context(), s.as, wechat.QROrder{SceneID: 1<<32 - 1})
		equal(t, "its life", qr.Life, time.Minute)
		equal(t, "the scene", s.Scenes(appID)[0].ID, 1<<32-1)
		return err
	}},
	{"lives for ever", createPath, good, func(t *testing.T, s *office) error {
		qr, err := s.client.CreateQR(t.Context(), s.as, wechat.QROrder{SceneID: 7, Permanent: true})
		equal(t, "its life", qr.Life, 0)
		equal(t, "what it is", s.Scenes(appID)[0].Permanent, true)
		return err
	}},
	{"is not for mini programs", createPath, refusedWith(wechat.ClassConfig, 48001), func(t *testing.T, s *office) error {
		_, err := s.client.CreateQR(t.Context(), s.mini, wechat.QROrder{Scene: "a"})
		return err
	}},
}

var messagePlays = []accountPlay{
	{"arrives as it was written", "/cgi-bin/message/custom/send", good, func(t *testing.T, s *office) error {
		s.ok(t, s.Say("ming", appID, "你好"))
		err := s.client.SendCustom(t.Context(), s.as, wechat.CustomMessage{
			To: s.OpenID("ming", appID), Type: "text", Content: json.RawMessage(`{"content":"\u4f60\u597d <b> & \u2028 \ud83d\ude00"}`),
		})
		chat := s.Chat("ming", appID)
		equal(t, "what arrives", chat[len(chat)-1].Text, "你好 <b> & \u2028 😀")
		return err
	}},
	{"is only for those who did something", "/cgi-bin/message/custom/send", refusedWith(wechat.ClassUser, 45015), func(t *testing.T, s *office) error {
		return s.client.SendCustom(t.Context(), s.as, wechat.CustomMessage{To: s.OpenID("li", appID), Type: "text", Content: json.RawMessage(`{"content":"x"}`)})
	}},
	{"is five at most", "/cgi-bin/message/custom/send", outcome{wechat.ClassUser, 45047, 6}, func(t *testing.T, s *office) error {
		s.Advance(49 * time.Hour) // the follow allows none any more
		s.as = s.bearer(t, appID)
		s.ok(t, s.Say("ming", appID, "你好"))
		for range 5 {
			s.ok(t, s.client.SendCustom(t.Context(), s.as, wechat.CustomMessage{To: s.OpenID("ming", appID), Type: "text", Content: json.RawMessage(`{"content":"x"}`)}))
		}
		return s.client.SendCustom(t.Context(), s.as, wechat.CustomMessage{To: s.OpenID("ming", appID), Type: "text", Content: json.RawMessage(`{"content":"x"}`)})
	}},
	{"shows that somebody is typing", "/cgi-bin/message/custom/typing", outcome{calls: 2}, func(t *testing.T, s *office) error {
		s.ok(t, s.Say("ming", appID, "你好"))
		err := s.client.Typing(t.Context(), s.as, s.OpenID("ming", appID), true)
		equal(t, "typing", s.Typing("ming", appID), true)
		err = firstOf(err, s.client.Typing(t.Context(), s.as, s.OpenID("ming", appID), false))
		equal(t, "typing", s.Typing("ming", appID), false)
		return err
	}},
	{"is one for each yes", "/cgi-bin/message/subscribe/bizsend", outcome{wechat.ClassUser, 43101, 2}, func(t *testing.T, s *office) error {
		id := s.parcelTemplate(t, true)
		s.ok(t, s.Subscribe("ming", appID, id, true, false))
		m := wechat.SubscriptionMessage{To: s.OpenID("ming", appID), TemplateID: id, Page: "https://site.example/", Data: parcel}
		s.ok(t, s.client.SendSubscription(t.Context(), s.as, m))
		return s.client.SendSubscription(t.Context(), s.as, m)
	}},
	{"wants its own kind of template", "/cgi-bin/message/subscribe/bizsend", refusedWith(wechat.ClassConfig, 43102), func(t *testing.T, s *office) error {
		return s.client.SendSubscription(t.Context(), s.as, wechat.SubscriptionMessage{To: s.OpenID("ming", appID), TemplateID: s.parcelTemplate(t, false), Data: parcel})
	}},
}
