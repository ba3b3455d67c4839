package wechat_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// again says when a call may be sent a second time.
type again int

const (
	unsent again = iota // only if it surely never left
	busy                // also if WeChat didn't look at it
	always              // also if nobody knows
)

// endpoint is a call, what is recorded of it, and what must come of it.
type endpoint struct {
	file  string // in testdata/wire
	again again
	call  func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error)
	want  any
	class wechat.Class // of the recorded refusal; "" is success
	code  int
}

func client(call func(ctx context.Context, c *wechat.Client) (any, error)) func(context.Context, *wechat.Client, wechat.Bearer) (any, error) {
	return func(ctx context.Context, c *wechat.Client, _ wechat.Bearer) (any, error) { return call(ctx, c) }
}

// fresh and session open what hides itself.
func fresh(f wechat.Fresh, err error) (any, error) { return []any{f.Token, f.Life}, err }

func session(m wechat.MiniSession, err error) (any, error) {
	return []any{m.OpenID, m.UnionID, m.SessionKey}, err
}

func done(err error) (any, error) { return nil, err }

var (
	follower = wechat.Fan{OpenID: openid, UnionID: union, Following: true, Since: time.Unix(1641364601, 0), Scene: "ADD_SCENE_QR_CODE", QRScene: "98765"}
	parcel   = map[string]string{"thing4": "巧克力", "amount2": "39.8元", "time3": "2024年9月22日 15:01"}
	qrTicket = "gQH47joAAAAAAAAAASxodHRwOi8vd2VpeGluLnFxLmNvbS9x+/kZgfwMTm72WWPkovabbI=="
	qrLink   = "http://weixin.qq.com/q/kZgfwMTm72WWPkovabbI"
	networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("101.226.103.0/25")}
)

// endpoints are those of the index of wechat-api.md without the third-party
// component, except the two that a grant is made and asked with: they have tests of
// their own.
var endpoints = []endpoint{
	{file: "stable_token", again: always, want: []any{token, 2 * time.Hour}, call: client(func(ctx context.Context, c *wechat.Client) (any, error) {
		return fresh(c.StableToken(ctx, appID, secret, false))
	})},
	{file: "stable_token_forced", again: busy, want: []any{token, 2 * time.Hour}, call: client(func(ctx context.Context, c *wechat.Client) (any, error) {
		return fresh(c.StableToken(ctx, appID, secret, true))
	})},
	{file: "token", again: busy, want: []any{token, 2 * time.Hour}, call: client(func(ctx context.Context, c *wechat.Client) (any, error) {
		return fresh(c.AccessToken(ctx, appID, secret))
	})},
	{file: "token_ip", again: busy, class: wechat.ClassConfig, code: 40164, call: client(func(ctx context.Context, c *wechat.Client) (any, error) {
		return fresh(c.AccessToken(ctx, appID, secret))
	})},
	{file: "token_secret", again: busy, class: wechat.ClassConfig, code: 40125, call: client(func(ctx context.Context, c *wechat.Client) (any, error) {
		return fresh(c.AccessToken(ctx, appID, secret))
	})},
	{file: "dead_token", again: always, class: wechat.ClassRefresh, code: 40001, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return fresh(c.JSTicket(ctx, as, "jsapi"))
	}},
	{file: "getticket", again: always, want: []any{"bxLdikRXVbTPdHSM05e5u5sUoXNKdvsdshFKA", 2 * time.Hour}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return fresh(c.JSTicket(ctx, as, "jsapi"))
	}},
	{file: "user_info", again: always, want: follower, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.Fan(ctx, as, openid)
	}},
	{file: "user_info_stranger", again: always, want: wechat.Fan{OpenID: openid, UnionID: union}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.Fan(ctx, as, openid)
	}},
	{file: "user_info_foreign", again: always, class: wechat.ClassFault, code: 40003, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.Fan(ctx, as, foreign)
	}},
	{file: "user_batchget", again: always, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.Fans(ctx, as, []string{openid, stranger})
	}, want: []wechat.Fan{
		{OpenID: openid, UnionID: union, Following: true, Since: time.Unix(1434093047, 0), Scene: "ADD_SCENE_QR_CODE", QRScene: "98765"},
		{OpenID: stranger, UnionID: strangerUnion},
	}},
	{file: "user_get", again: always, want: wechat.FanPage{Total: 1, OpenIDs: []string{openid}, Next: openid}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.FanPage(ctx, as, "")
	}},
	{file: "user_get_end", again: always, want: wechat.FanPage{Total: 1}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.FanPage(ctx, as, openid)
	}},
	{file: "changeopenid", again: always, want: []wechat.ChangedOpenID{{oldOpenID, openid, "ok"}, {foreign, "", "ori_openid error"}}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.ChangeOpenIDs(ctx, as, oldApp, []string{oldOpenID, foreign})
	}},
	{file: "qrcode_string", again: always, want: wechat.QR{Ticket: qrTicket, URL: qrLink, Life: 7 * 24 * time.Hour}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.CreateQR(ctx, as, wechat.QROrder{Scene: "login_5f2c", Life: 7 * 24 * time.Hour})
	}},
	{file: "qrcode_number", again: always, want: wechat.QR{Ticket: qrTicket, URL: qrLink, Life: time.Minute}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.CreateQR(ctx, as, wechat.QROrder{SceneID: 1<<32 - 1})
	}},
	{file: "qrcode_permanent", again: busy, want: wechat.QR{Ticket: qrTicket, URL: qrLink}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.CreateQR(ctx, as, wechat.QROrder{Scene: "shop<1>&2", Permanent: true})
	}},
	{file: "qrcode_permanent_number", again: busy, want: wechat.QR{Ticket: qrTicket, URL: qrLink}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.CreateQR(ctx, as, wechat.QROrder{SceneID: 100_000, Permanent: true})
	}},
	{file: "jscode2session", again: busy, want: []any{openid, union, sessionKey}, call: client(func(ctx context.Context, c *wechat.Client) (any, error) {
		return session(c.Code2Session(ctx, appID, secret, code))
	})},
	{file: "jscode2session_used", again: busy, class: wechat.ClassRestart, code: 40163, call: client(func(ctx context.Context, c *wechat.Client) (any, error) {
		return session(c.Code2Session(ctx, appID, secret, code))
	})},
	{file: "checksession", again: always, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.CheckSession(ctx, as, openid, sessionKey))
	}},
	{file: "checksession_bad", again: always, class: wechat.ClassRestart, code: 87009, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.CheckSession(ctx, as, openid, sessionKey))
	}},
	{file: "resetusersessionkey", again: busy, want: []any{openid, "", "OD08STjBWjRtfTEOqbaz8g=="}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return session(c.ResetSessionKey(ctx, as, openid, sessionKey))
	}},
	{file: "getuserphonenumber", again: busy, want: wechat.Phone{Number: "+8613800138000", Pure: "13800138000", Country: "86"}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.PhoneNumber(ctx, as, code)
	}},
	{file: "template_send", again: always, want: int64(2918131553548107776), call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.SendTemplate(ctx, as, wechat.TemplateMessage{
			To: openid, TemplateID: templateID, URL: "https://site.example/o/1?a=1&b=<2>",
			MiniAppID: miniApp, MiniPath: "index?foo=bar", ClientID: "MSG_000001", Data: parcel,
		})
	}},
	{file: "template_send_stranger", again: unsent, class: wechat.ClassUser, code: 43004, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.SendTemplate(ctx, as, wechat.TemplateMessage{To: stranger, TemplateID: templateID, Data: parcel})
	}},
	{file: "template_send_argument", again: unsent, class: wechat.ClassFault, code: 47003, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.SendTemplate(ctx, as, wechat.TemplateMessage{To: openid, TemplateID: templateID, Data: map[string]string{
			"thing4": "一二三四五六七八九十一二三四五六七八九十一", "amount2": "39.8元", "time3": "2024年9月22日 15:01",
		}})
	}},
	{file: "template_list", again: always, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.Templates(ctx, as)
	}, want: []wechat.Template{{
		ID: templateID, Title: "订单发货通知", Industry: "IT科技/互联网|电子商务",
		Content: "商品：{{thing4.DATA}}\n金额：{{amount2.DATA}}\n时间：{{time3.DATA}}", Example: "商品：巧克力\n金额：39.8元\n时间：2024年9月22日 15:01",
	}}},
	{file: "template_add", again: unsent, want: "Doclyl5uP7Aciu-qZ7mJNPtWkbkYnWBWVja26EGbNyk", call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.AddTemplate(ctx, as, "TM00015", []string{"商品名称", "金额"})
	}},
	{file: "template_delete", again: busy, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.DeleteTemplate(ctx, as, templateID))
	}},
	{file: "industry_get", again: always, want: []wechat.Industry{{"运输与仓储", "快递"}, {"IT科技", "互联网|电子商务"}}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		primary, secondary, err := c.Industry(ctx, as)
		return []wechat.Industry{primary, secondary}, err
	}},
	{file: "industry_set", again: unsent, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.SetIndustry(ctx, as, 1, 4))
	}},
	{file: "bizsend", again: unsent, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.SendSubscription(ctx, as, wechat.SubscriptionMessage{
			To: openid, TemplateID: templateID, Page: "https://site.example/p?a=1&b=2", MiniAppID: miniApp, MiniPath: "index", Data: parcel,
		}))
	}},
	{file: "bizsend_refused", again: unsent, class: wechat.ClassUser, code: 43101, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.SendSubscription(ctx, as, wechat.SubscriptionMessage{To: openid, TemplateID: templateID, Data: parcel}))
	}},
	{file: "custom_send", again: unsent, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		// As PHP's and Go's own encoders write it.
		return done(c.SendCustom(ctx, as, wechat.CustomMessage{To: openid, Type: "text", Content: json.RawMessage(
			`{"content":"\u4f60\u597d \u003ca href=\"https:\/\/site.example\/?a=1\u0026b=2\"\u003e\u770b\u003c\/a\u003e"}`)}))
	}},
	{file: "custom_send_agent", again: unsent, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.SendCustom(ctx, as, wechat.CustomMessage{To: openid, Type: "text", Content: json.RawMessage(`{"content":"你好"}`), Agent: "test1@kftest"}))
	}},
	{file: "custom_send_late", again: unsent, class: wechat.ClassUser, code: 45015, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.SendCustom(ctx, as, wechat.CustomMessage{To: stranger, Type: "text", Content: json.RawMessage(`{"content":"你好"}`)}))
	}},
	{file: "custom_typing", again: always, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.Typing(ctx, as, openid, true))
	}},
	{file: "custom_typing_off", again: always, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.Typing(ctx, as, openid, false))
	}},
	{file: "clear_quota", again: busy, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.ClearQuota(ctx, as))
	}},
	{file: "clear_quota_v2", again: busy, call: client(func(ctx context.Context, c *wechat.Client) (any, error) {
		return done(c.ClearQuotaBySecret(ctx, appID, secret))
	})},
	{file: "quota_get", again: always, want: wechat.Quota{Daily: 10000, Used: 3, Remain: 9997, Rate: wechat.Rate{Calls: 100, Per: time.Minute}}, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.Quota(ctx, as, "/cgi-bin/user/get")
	}},
	{file: "quota_get_path", again: always, class: wechat.ClassFault, code: 76021, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.Quota(ctx, as, "/cgi-bin/no/such")
	}},
	{file: "quota_clear", again: busy, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return done(c.ClearAPIQuota(ctx, as, "/cgi-bin/user/get"))
	}},
	{file: "rid_get", again: always, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.ExplainRID(ctx, as, rid)
	}, want: wechat.Explained{
		At: time.Unix(1635156704, 0), Cost: 30 * time.Millisecond, URL: "access_token=[…]&type=jsapi",
		Response: `{"errcode":45009,"errmsg":"reach max api daily quota limit rid: […]"}`, ClientIP: "113.46.90.1",
	}},
	{file: "getcallbackip", again: always, want: networks, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.CallbackIPs(ctx, as)
	}},
	{file: "get_api_domain_ip", again: always, want: networks, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.APIDomainIPs(ctx, as)
	}},
	{file: "callback_check", again: always, call: func(ctx context.Context, c *wechat.Client, as wechat.Bearer) (any, error) {
		return c.CheckCallback(ctx, as, "all", "DEFAULT")
	}, want: wechat.CallbackCheck{
		DNS:  []wechat.CheckedName{{"111.161.64.40", "UNICOM"}, {"111.161.64.48", "UNICOM"}},
		Ping: []wechat.CheckedPing{{"111.161.64.40", "UNICOM", "0%", "23.079ms"}, {"111.161.64.48", "UNICOM", "0%", "21.434ms"}},
	}},
}
