package wechatsim

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// templateOf is the id of an account's template by its id in the library.
func templateOf(t testing.TB, s *Server, appid, short string) string {
	t.Helper()
	for _, one := range s.Templates(appid) {
		if one.Short == short {
			return one.ID
		}
	}
	t.Fatalf("%s has no template %s", appid, short)
	return ""
}

// sendLogin sends the template message "login" of account A; further is more JSON.
func sendLogin(t testing.TB, s *Server, person, further string) map[string]any {
	t.Helper()
	return tell(t, s, sendTemplatePath, tokenOf(t, s, appA), fmt.Sprintf(
		`{"touser":%q,"template_id":%q,"url":"https://site.example/o/1",%s"data":{"thing1":{"value":"小明"},"time2":{"value":"2024年9月22日 15:01"},"thing3":{"value":"上海"}}}`,
		s.OpenID(person, appA), templateOf(t, s, appA, "43217"), further))
}

func TestTemplateMessage(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := greeted(t, s, PushSafe)
	a := sendLogin(t, s, "li", "")
	errcode(t, a, "0")
	id := string(a["msgid"].(json.Number))
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 1<<53 {
		t.Errorf("msgid %s", id)
	}
	chat := s.Chat("li", appA)
	if m := chat[0]; len(chat) != 1 || m.Kind != KindTemplate || m.Title != "登录成功通知" || m.URL != "https://site.example/o/1" ||
		m.Lines[0] != (Line{"登录账号", "小明"}) || len(m.Lines) != 3 || decimal(m.MsgID) != id || s.Unread("li", appA) != 1 {
		t.Errorf("chat %+v", chat)
	}
	ok(t, s.Pass(t.Context(), time.Second-time.Millisecond))
	if len(b.all()) != 0 {
		t.Error("the result came within a second")
	}
	ok(t, s.Pass(t.Context(), 4*time.Second+time.Millisecond))
	if g := b.last(t, s); !g.has("<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>"+id+"</MsgID><Status><![CDATA[success]]></Status></xml>") || g.from != s.OpenID("li", appA) {
		t.Errorf("got %s", g.plain)
	}
	ok(t, s.Block("li", appA, true))
	errcode(t, sendLogin(t, s, "li", ""), "0")
	ok(t, s.Pass(t.Context(), 5*time.Second))
	g := b.last(t, s)
	if !strings.Contains(strings.ReplaceAll(g.plain, " ", ""), "<Status><![CDATA[failed:userblock]]></Status>") || len(s.Chat("li", appA)) != 1 {
		t.Errorf("got %s, chat %v", g.plain, s.Chat("li", appA))
	}
}

func TestTemplateMessageOnce(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	ok(t, s.Follow("li", appA, true))
	ok(t, s.Follow("ming", appA, true))
	send := func(person string) string {
		return string(sendLogin(t, s, person, `"client_msg_id":"MSG_1",`)["msgid"].(json.Number))
	}
	first := send("li")
	s.Advance(10*time.Minute - time.Millisecond)
	if again := send("li"); again != first || len(s.Chat("li", appA)) != 1 {
		t.Errorf("within ten minutes: %s after %s, chat %v", again, first, s.Chat("li", appA))
	}
	if other := send("ming"); other == first || len(s.Chat("ming", appA)) != 1 {
		t.Error("another person's message is the same")
	}
	s.Advance(time.Millisecond)
	if later := send("li"); later == first || len(s.Chat("li", appA)) != 2 {
		t.Error("after ten minutes it is still the same message")
	}
}

func TestTemplateMessageIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	ok(t, s.Follow("li", appA, true))
	token, good := tokenOf(t, s, appA), templateOf(t, s, appA, "43217")
	data := `{"thing1":{"value":"a"},"time2":{"value":"15:01"},"thing3":{"value":"b"}}`
	for _, c := range []struct{ name, to, template, further, data, want string }{
		{"to nobody", "oNobody", good, "", data, "40003"},
		{"to another account's openid", s.OpenID("li", appB), good, "", data, "40003"},
		{"to somebody who doesn't follow", s.OpenID("ming", appA), good, "", data, "43004"},
		{"by an unknown template", s.OpenID("li", appA), "x", "", data, "40037"},
		{"by a template for subscriptions", s.OpenID("li", appA), templateOf(t, s, appA, "30001"), "", data, "40037"},
		{"to a mini program that isn't there", s.OpenID("li", appA), good, `"miniprogram":{"appid":"wx1"},`, data, "40166"},
		{"without a value", s.OpenID("li", appA), good, "", `{"thing1":{"value":"a"},"time2":{"value":"15:01"}}`, "47003"},
		{"with a value too long", s.OpenID("li", appA), good, "", strings.Replace(data, `"a"`, `"`+strings.Repeat("字", 21)+`"`, 1), "47003"},
		{"with Chinese escaped", s.OpenID("li", appA), good, "", strings.Replace(data, `"a"`, `"\u5b57"`, 1), "40033"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := tell(t, s, sendTemplatePath, token, fmt.Sprintf(`{"touser":%q,"template_id":%q,%s"data":%s}`, c.to, c.template, c.further, c.data))
			errcode(t, a, c.want)
			if message := a["errmsg"].(string); c.want == "47003" && !strings.HasPrefix(message, "argument invalid! data.thing") {
				t.Errorf("the text doesn't name the value: %s", message)
			}
		})
	}
	if len(s.Chat("li", appA)) != 0 {
		t.Error("something was shown")
	}
	errcode(t, tell(t, s, sendTemplatePath, tokenOf(t, s, appSub), `{}`), "48001")
}

// TestTemplateValues is the table of wechat-api.md §10.1.
func TestTemplateValues(t *testing.T) {
	t.Parallel()
	for key, values := range map[string]struct{ good, bad []string }{
		"thing4":            {[]string{"巧克力", strings.Repeat("字", 20)}, []string{"", strings.Repeat("字", 21), "a\nb"}},
		"short_thing1":      {[]string{"五个字以内"}, []string{"六个字不可以"}},
		"character_string2": {[]string{"A-1#2", strings.Repeat("x", 32)}, []string{"中文", strings.Repeat("x", 33), ""}},
		"time3":             {[]string{"2024年9月22日 15:01", "2024-09-22 15:01", "15:01", "2024年9月22日 15:01~16:30", "2024-09-22"}, []string{"soon", "22.9.2024", "2024年9月22日 下午"}},
		"date4":             {[]string{"2024年9月22日", "2024-09-22 15:01", "2024-09-22 ~ 2024-09-24"}, []string{"15:01", "tomorrow"}},
		"amount5":           {[]string{"39.8元", "¥100", "￥1.05", "$3", "1000"}, []string{"39.8美分", "free", "1.234", strings.Repeat("1", 13)}},
		"phone_number6":     {[]string{"13800138000", "+86-0766-66888866"}, []string{"call me", strings.Repeat("1", 18)}},
		"car_number7":       {[]string{"粤A8Z888挂"}, []string{"粤A8Z888挂挂挂"}},
		"const8":            {[]string{"已发货"}, []string{"在路上", ""}},
		"phrase9":           {[]string{"已确认"}, []string{"六个字不可以", "ok", ""}},
		"number10":          {[]string{"12", "3.5"}, []string{"1,000", "x"}},
		"letter11":          {[]string{"abc"}, []string{"a1"}},
		"symbol12":          {[]string{"*#"}, []string{"a", "******"}},
		"name13":            {[]string{"张三", "Anna Maria Smith"}, []string{strings.Repeat("张", 11), strings.Repeat("a", 21), ""}},
	} {
		one := Template{Content: "状态:{{" + key + ".DATA}}\n", Words: map[string][]string{"const8": {"已付款", "已发货"}}}
		for _, v := range values.good {
			if lines, wrong := one.fit(map[string]string{key: v}); wrong != "" || lines[0] != (Line{"状态", v}) {
				t.Errorf("%s refuses %q", key, v)
			}
		}
		for _, v := range values.bad {
			if _, wrong := one.fit(map[string]string{key: v}); wrong != key {
				t.Errorf("%s takes %q", key, v)
			}
		}
	}
	old := Template{Content: "{{first.DATA}}\n订单:{{keyword1.DATA}}\n{{remark.DATA}}\n"}
	lines, wrong := old.fit(map[string]string{"first": "hello", "keyword1": strings.Repeat("字", 12) + "\n" + strings.Repeat("字", 12), "remark": "bye"})
	if wrong != "" || len(lines) != 1 || lines[0].Value != strings.Repeat("字", 20) {
		t.Errorf("an old template shows %v", lines)
	}
	for _, one := range library {
		values := map[string]string{}
		example := strings.Split(one.Example, "\n")
		for i, row := range strings.Split(one.Content, "\n") {
			if m := placeholder.FindStringSubmatch(row); m != nil {
				_, values[m[1]], _ = strings.Cut(example[i], ":")
			}
		}
		if _, wrong := one.fit(values); wrong != "" {
			t.Errorf("the example of %s doesn't fit its %s", one.Short, wrong)
		}
	}
}

func TestTemplateLibrary(t *testing.T) {
	t.Parallel()
	s := start(t, still)
	token := tokenOf(t, s, appA)
	list := func() []any {
		return ask(t, s, allTemplatesPath, "access_token", token)["template_list"].([]any)
	}
	if got := list(); len(got) != 2 || got[0].(map[string]any)["content"] == "" {
		t.Errorf("the list has %v", got)
	}
	a := tell(t, s, addTemplatePath, token, `{"template_id_short":"43218"}`)
	id, _ := a["template_id"].(string)
	if len(id) != 43 || len(list()) != 3 {
		t.Errorf("added %v", a)
	}
	errcode(t, tell(t, s, addTemplatePath, token, `{"template_id_short":"1"}`), "40037")
	errcode(t, tell(t, s, deleteTemplatePath, token, `{"template_id":"`+id+`"}`), "0")
	errcode(t, tell(t, s, deleteTemplatePath, token, `{"template_id":"`+id+`"}`), "40037")
	for range maxTemplates - 2 {
		errcode(t, tell(t, s, addTemplatePath, token, `{"template_id_short":"43218"}`), "0")
	}
	errcode(t, tell(t, s, addTemplatePath, token, `{"template_id_short":"43218"}`), "45026")
	errcode(t, tell(t, s, setIndustryPath, token, `{"industry_id1":"1","industry_id2":"999"}`), "40102")
	errcode(t, tell(t, s, setIndustryPath, token, `{"industry_id1":"10","industry_id2":"16"}`), "0")
	errcode(t, tell(t, s, setIndustryPath, token, `{"industry_id1":"1","industry_id2":"2"}`), "43100")
	if len(list()) != 0 {
		t.Error("the templates survived the industry")
	}
	got := ask(t, s, getIndustryPath, "access_token", token)
	if fmt.Sprint(got["primary_industry"]) != "map[first_class:餐饮 second_class:餐饮]" {
		t.Errorf("industry %v", got)
	}
	s.Advance(30 * 24 * time.Hour)
	errcode(t, tell(t, s, setIndustryPath, tokenOf(t, s, appA), `{"industry_id1":1,"industry_id2":2}`), "0")
	if _, err := s.AddTemplate(appA, Template{Title: "x", Content: "a:{{nonsense1.DATA}}"}); err == nil {
		t.Error("a value of no kind is taken")
	}
	if _, err := s.AddTemplate(appSub, Template{Title: "x"}); err == nil {
		t.Error("a subscription account has a template")
	}
}
