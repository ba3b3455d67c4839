package wechat_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

var miniPlays = []accountPlay{
	{"tells who logged in", miniPath, good, func(t *testing.T, s *office) error {
		m, err := s.client.Code2Session(t.Context(), miniApp, secret, s.MiniLogin("ming", miniApp))
		equal(t, "the openid", m.OpenID, s.OpenID("ming", miniApp))
		equal(t, "the unionid", m.UnionID, s.UnionID("ming", appID))
		sealed := s.MiniData("ming", miniApp)
		d, err2 := wechat.OpenMiniData(miniApp, m.SessionKey, sealed.IV, sealed.Data, s.Now())
		equal(t, "the openid of the data", d.OpenID, m.OpenID)
		equal(t, "the unionid of the data", d.UnionID, m.UnionID)
		sealed = s.MiniSeal("ming", miniApp, `{"watermark":{"timestamp":`+s.Now().Format("20060102")+`,"appid":"`+appID+`"}}`)
		_, foreign := wechat.OpenMiniData(miniApp, m.SessionKey, sealed.IV, sealed.Data, s.Now())
		want(t, foreign, wechat.ClassRestart)
		return firstOf(err, err2)
	}},
	{"takes a code once", miniPath, outcome{wechat.ClassRestart, 40163, 2}, func(t *testing.T, s *office) error {
		code := s.MiniLogin("ming", miniApp)
		_, err := s.client.Code2Session(t.Context(), miniApp, secret, code)
		s.ok(t, err)
		_, err = s.client.Code2Session(t.Context(), miniApp, secret, code)
		return err
	}},
	{"takes no unknown code", miniPath, refusedWith(wechat.ClassRestart, 40029), func(t *testing.T, s *office) error {
		_, err := s.client.Code2Session(t.Context(), miniApp, secret, code)
		return err
	}},
	{"knows the session key", "/wxa/checksession", outcome{wechat.ClassRestart, 87009, 2}, func(t *testing.T, s *office) error {
		id, key := s.miniSession(t, "ming")
		s.ok(t, s.client.CheckSession(t.Context(), s.mini, id, key))
		return s.client.CheckSession(t.Context(), s.mini, id, "OD08STjBWjRtfTEOqbaz8g==")
	}},
	{"makes another session key", "/wxa/resetusersessionkey", good, func(t *testing.T, s *office) error {
		id, key := s.miniSession(t, "ming")
		m, err := s.client.ResetSessionKey(t.Context(), s.mini, id, key)
		if m.OpenID != id || m.SessionKey == key {
			t.Errorf("got %v", m)
		}
		want(t, s.client.CheckSession(t.Context(), s.mini, id, key), wechat.ClassRestart)
		s.ok(t, s.client.CheckSession(t.Context(), s.mini, id, m.SessionKey))
		return err
	}},
	{"tells a telephone number", "/wxa/business/getuserphonenumber", good, func(t *testing.T, s *office) error {
		p, err := s.client.PhoneNumber(t.Context(), s.mini, s.MiniPhone("ming", miniApp))
		equal(t, "the number", p, wechat.Phone{Number: s.PhoneNumber("ming"), Pure: s.PhoneNumber("ming"), Country: "86"})
		return err
	}},
	{"takes no code of wx.login", "/wxa/business/getuserphonenumber", refusedWith(wechat.ClassRestart, 40029), func(t *testing.T, s *office) error {
		_, err := s.client.PhoneNumber(t.Context(), s.mini, s.MiniLogin("ming", miniApp))
		return err
	}},
}

var templatePlays = []accountPlay{
	{"arrives", sendPath, good, func(t *testing.T, s *office) error {
		id, err := s.client.SendTemplate(t.Context(), s.as, s.order(t))
		chat := s.Chat("ming", appID)
		if last := chat[len(chat)-1]; last.MsgID != id || id <= 0 {
			t.Errorf("got %d, arrived %+v", id, last)
		}
		return err
	}},
	{"arrives once by its client id", sendPath, outcome{calls: 2}, func(t *testing.T, s *office) error {
		m := s.order(t)
		m.ClientID = "order-1"
		before := len(s.Chat("ming", appID))
		one, err1 := s.client.SendTemplate(t.Context(), s.as, m)
		two, err2 := s.client.SendTemplate(t.Context(), s.as, m)
		equal(t, "the second msgid", two, one)
		equal(t, "what arrives", len(s.Chat("ming", appID))-before, 1)
		return firstOf(err1, err2)
	}},
	{"is only for followers", sendPath, refusedWith(wechat.ClassUser, 43004), func(t *testing.T, s *office) error {
		m := s.order(t)
		m.To = s.OpenID("li", appID)
		_, err := s.client.SendTemplate(t.Context(), s.as, m)
		return err
	}},
	{"wants a template of the account", sendPath, refusedWith(wechat.ClassConfig, 40037), func(t *testing.T, s *office) error {
		m := s.order(t)
		m.TemplateID = templateID
		_, err := s.client.SendTemplate(t.Context(), s.as, m)
		return err
	}},
	{"wants values that fit", sendPath, refusedWith(wechat.ClassFault, 47003), func(t *testing.T, s *office) error {
		m := s.order(t)
		m.Data = map[string]string{"thing4": strings.Repeat("长", 21), "amount2": "1元", "time3": "2024年9月22日 15:01"}
		_, err := s.client.SendTemplate(t.Context(), s.as, m)
		if !strings.Contains(err.Error(), "thing4") {
			t.Errorf("the value isn't named: %v", err)
		}
		return err
	}},
	{"wants a mini program that there is", sendPath, refusedWith(wechat.ClassConfig, 40166), func(t *testing.T, s *office) error {
		m := s.order(t)
		m.MiniAppID = oldApp
		_, err := s.client.SendTemplate(t.Context(), s.as, m)
		return err
	}},
	{"comes, is listed and goes", "/cgi-bin/template/get_all_private_template", outcome{calls: 2}, func(t *testing.T, s *office) error {
		id, err := s.client.AddTemplate(t.Context(), s.as, "43217", []string{"登录账号"})
		s.ok(t, err)
		is := func(x wechat.Template) bool { return x.ID == id }
		list, err := s.client.Templates(t.Context(), s.as)
		if i := slices.IndexFunc(list, is); i < 0 || !strings.Contains(list[i].Content, "{{thing1.DATA}}") || list[i].Title == "" {
			t.Errorf("got %+v", list)
		}
		s.ok(t, err)
		s.ok(t, s.client.DeleteTemplate(t.Context(), s.as, id))
		list, err = s.client.Templates(t.Context(), s.as)
		equal(t, "it is still listed", slices.ContainsFunc(list, is), false)
		return err
	}},
	{"doesn't go twice", "/cgi-bin/template/del_private_template", refusedWith(wechat.ClassConfig, 40037), func(t *testing.T, s *office) error {
		return s.client.DeleteTemplate(t.Context(), s.as, templateID)
	}},
	{"is not in the library", "/cgi-bin/template/api_add_template", refusedWith(wechat.ClassConfig, 40037), func(t *testing.T, s *office) error {
		_, err := s.client.AddTemplate(t.Context(), s.as, "TM00000", nil)
		return err
	}},
	{"changes once a month", "/cgi-bin/template/api_set_industry", outcome{wechat.ClassConfig, 43100, 2}, func(t *testing.T, s *office) error {
		s.ok(t, s.client.SetIndustry(t.Context(), s.as, 2, 16))
		first, second, err := s.client.Industry(t.Context(), s.as)
		s.ok(t, err)
		equal(t, "the first", first, wechat.Industry{First: "IT科技", Second: "IT软件与服务"})
		equal(t, "the second", second, wechat.Industry{First: "教育", Second: "培训"})
		return s.client.SetIndustry(t.Context(), s.as, 1, 2)
	}},
}

// order is a message that arrives.
func (s *office) order(t *testing.T) wechat.TemplateMessage {
	return wechat.TemplateMessage{
		To: s.OpenID("ming", appID), TemplateID: s.parcelTemplate(t, false), URL: "https://site.example/o/1?a=1&b=2",
		MiniAppID: miniApp, MiniPath: "index?foo=bar", Data: parcel,
	}
}

var toolPlays = []accountPlay{
	{"counts as the client does", "/cgi-bin/openapi/quota/get", good, func(t *testing.T, s *office) error {
		s.ok(t, firstOf(s.fan(t), s.fan(t), s.fan(t)))
		q, err := s.client.Quota(t.Context(), s.as, fanPath)
		var own int64
		for _, u := range s.client.Usage() {
			if "/"+u.API == fanPath {
				own = u.Today
			}
		}
		if q.Used != 3 || own != 3 || q.Remain != q.Daily-3 {
			t.Errorf("WeChat says %+v, the client %d", q, own)
		}
		return err
	}},
	{"knows no path of sns", "/cgi-bin/openapi/quota/get", refusedWith(wechat.ClassFault, 76021), func(t *testing.T, s *office) error {
		_, err := s.client.Quota(t.Context(), s.as, "/sns/userinfo")
		return err
	}},
	{"begins anew for one API", "/cgi-bin/openapi/quota/clear", good, func(t *testing.T, s *office) error {
		s.ok(t, s.fan(t))
		err := s.client.ClearAPIQuota(t.Context(), s.as, fanPath)
		equal(t, "what is used", s.Used(appID, fanPath), 0)
		return err
	}},
	{"begins anew 10 times a month", "/cgi-bin/clear_quota", outcome{wechat.ClassConfig, 48006, 11}, func(t *testing.T, s *office) error {
		s.ok(t, s.fan(t))
		for range 10 {
			s.ok(t, s.client.ClearQuota(t.Context(), s.as))
		}
		equal(t, "what is used", s.Used(appID, fanPath), 0)
		return s.client.ClearQuota(t.Context(), s.as)
	}},
	{"begins anew without a token", "/cgi-bin/clear_quota/v2", good, func(t *testing.T, s *office) error {
		s.ok(t, s.fan(t))
		err := s.client.ClearQuotaBySecret(t.Context(), appID, secret)
		equal(t, "what is used", s.Used(appID, fanPath), 0)
		return err
	}},
	{"wants the secret", "/cgi-bin/clear_quota/v2", refusedWith(wechat.ClassConfig, 40125), func(t *testing.T, s *office) error {
		return s.client.ClearQuotaBySecret(t.Context(), appID, strings.ToUpper(secret))
	}},
	{"explains a refusal without showing the token", "/cgi-bin/openapi/rid/get", good, func(t *testing.T, s *office) error {
		_, err := s.client.Fan(t.Context(), s.as, foreign)
		x, err := s.client.ExplainRID(t.Context(), s.as, want(t, err, wechat.ClassFault).RID)
		if !strings.Contains(x.Response, "40003") || !strings.Contains(x.URL, "/cgi-bin/user/info") || x.ClientIP != "127.0.0.1" || s.Now().Sub(x.At) > time.Minute {
			t.Errorf("got %+v: %s", x, writeJSON(t, x))
		}
		if all := writeJSON(t, x); strings.Contains(all, s.as.Token) || strings.Contains(all, foreign) {
			t.Errorf("shows what was sent: %s", all)
		}
		return err
	}},
	{"knows no other rid", "/cgi-bin/openapi/rid/get", refusedWith(wechat.ClassFault, 76001), func(t *testing.T, s *office) error {
		_, err := s.client.ExplainRID(t.Context(), s.as, rid)
		return err
	}},
	{"tells from where it pushes", "/cgi-bin/getcallbackip", good, func(t *testing.T, s *office) error {
		list, err := s.client.CallbackIPs(t.Context(), s.as)
		equal(t, "this machine is in it", len(list) > 0 && list[0].Addr().IsLoopback(), true)
		return err
	}},
	{"tells where it is", "/cgi-bin/get_api_domain_ip", good, func(t *testing.T, s *office) error {
		list, err := s.client.APIDomainIPs(t.Context(), s.as)
		equal(t, "this machine is in it", len(list) > 0 && list[0].Addr().IsLoopback(), true)
		return err
	}},
	{"reaches the server", "/cgi-bin/callback/check", good, func(t *testing.T, s *office) error {
		x, err := s.client.CheckCallback(t.Context(), s.as, "all", "DEFAULT")
		if len(x.DNS) == 0 || len(x.Ping) == 0 || x.Ping[0].Loss != "0%" || x.DNS[0].IP == "" {
			t.Errorf("got %+v", x)
		}
		return err
	}},
	{"is called as it is", fanPath, good, func(t *testing.T, s *office) error {
		a, err := s.client.Raw(t.Context(), s.as, http.MethodGet, fanPath, url.Values{"openid": {s.OpenID("ming", appID)}}, "", nil)
		if a.Status != http.StatusOK || !strings.Contains(string(a.Body), s.OpenID("ming", appID)) {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
		return err
	}},
	{"refuses as it does", fanPath, refusedWith(wechat.ClassFault, 41009), func(t *testing.T, s *office) error {
		a, err := s.client.Raw(t.Context(), s.as, http.MethodGet, fanPath, nil, "", nil)
		equal(t, "the answer is there", strings.Contains(string(a.Body), "41009"), true)
		return err
	}},
}
