package wechat_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// wireScenes prepare the simulator for recordings that need more than an account
// and a follower, and may change the words.
var wireScenes = map[string]func(t *testing.T, s *office, words map[string]string){
	"token_ip": func(t *testing.T, s *office, _ map[string]string) {
		s.ok(t, s.ChangeAccount(appID, func(a *wechatsim.Account) { a.Whitelist = []string{"192.0.2.1"} }))
	},
	"token_secret":       func(_ *testing.T, _ *office, words map[string]string) { words["{secret}"] = strings.ToUpper(secret) },
	"dead_token":         func(_ *testing.T, s *office, _ map[string]string) { s.KillTokens(appID) },
	"user_info_stranger": func(_ *testing.T, s *office, words map[string]string) { words["{openid}"] = s.OpenID("li", appID) },
	"jscode2session":     inMiniProgram,
	"jscode2session_used": func(t *testing.T, s *office, words map[string]string) {
		inMiniProgram(t, s, words)
		s.send(t, http.MethodGet, "/sns/jscode2session?grant_type=authorization_code&appid="+miniApp+"&secret="+secret+"&js_code="+words["{code}"], "")
	},
	"checksession": inMiniProgram,
	"checksession_bad": func(t *testing.T, s *office, words map[string]string) {
		inMiniProgram(t, s, words)
		words["{signature}"] = signature("another key")
	},
	"resetusersessionkey": inMiniProgram,
	"getuserphonenumber":  inMiniProgram,
	"changeopenid": func(t *testing.T, s *office, words map[string]string) {
		s.ok(t, s.Follow("wang", oldApp, true))
		s.ok(t, s.Migrate(oldApp, appID))
		words["{old_openid}"] = s.OpenID("wang", oldApp)
	},
	"bizsend": func(t *testing.T, s *office, words map[string]string) {
		words["{template_id}"] = s.parcelTemplate(t, true)
		s.ok(t, s.Subscribe("ming", appID, words["{template_id}"], true, false))
	},
	"bizsend_refused": func(t *testing.T, s *office, words map[string]string) {
		words["{template_id}"] = s.parcelTemplate(t, true)
	},
	"custom_send":       spoken,
	"custom_send_agent": spoken,
	"custom_typing":     spoken,
	"custom_typing_off": spoken,
	"rid_get": func(t *testing.T, s *office, words map[string]string) {
		refused := s.send(t, http.MethodGet, "/cgi-bin/user/info?lang=zh_CN&openid=nobody&access_token="+s.as.Token, "")
		words["{rid}"] = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}`).FindString(refused)
	},
}

// inMiniProgram makes the mini program the account of the recording.
func inMiniProgram(t *testing.T, s *office, words map[string]string) {
	id, key := s.miniSession(t, "ming")
	words["{appid}"], words["{access_token}"], words["{openid}"] = miniApp, s.mini.Token, id
	words["{code}"], words["{phone_code}"], words["{signature}"] = s.MiniLogin("ming", miniApp), s.MiniPhone("ming", miniApp), signature(key)
	if _, now := s.miniSession(t, "ming"); now != key { // logging in may have changed it
		words["{signature}"] = signature(now)
	}
}

// spoken is a person who has just written to the account.
func spoken(t *testing.T, s *office, _ map[string]string) { s.ok(t, s.Say("ming", appID, "你好")) }

// The simulator answers recorded requests in the shape of the recorded answers.
func TestContractTheSimulatorAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints {
		t.Run(e.file, func(t *testing.T) {
			t.Parallel()
			s := newOffice(t)
			words := map[string]string{
				"{appid}": appID, "{secret}": secret, "{access_token}": s.as.Token, "{openid}": s.OpenID("ming", appID),
				"{stranger}": s.OpenID("li", appID), "{foreign}": foreign, "{old_appid}": oldApp, "{mini_appid}": miniApp,
				"{template_id}": s.parcelTemplate(t, false), "{short_id}": "43217", "{industry}": "1", "{other_industry}": "2",
			}
			if scene := wireScenes[e.file]; scene != nil {
				scene(t, s, words)
			}
			var pairs []string
			for k, v := range words {
				pairs = append(pairs, k, v)
			}
			r := readWire(t, e.file).fill(strings.NewReplacer(pairs...))
			if strings.Contains(r.target, "{") || regexp.MustCompile(`"\{[a-z_]+\}"`).MatchString(r.body) {
				t.Fatalf("a word is missing in %s %s", r.target, r.body)
			}
			got := s.send(t, r.method, r.target, r.body)
			if diff := shape("", readJSON(t, got), readJSON(t, r.answer)); len(diff) > 0 {
				t.Errorf("the simulator says %s\nWeChat says      %s\n%s", got, r.answer, strings.Join(diff, "\n"))
			}
		})
	}
}

// shape tells where two answers have other fields, other types, or another errcode.
func shape(at string, got, want any) []string {
	if strings.HasSuffix(at, ".countryCode") { // is seen as either (wechat-api.md §3.2)
		got, want = fmt.Sprint(got), fmt.Sprint(want)
	}
	if g, w := kind(got), kind(want); g != w {
		return []string{fmt.Sprintf("%s is a %s, not a %s", at, g, w)}
	}
	var diff []string
	switch want := want.(type) {
	case map[string]any:
		got := got.(map[string]any)
		for name, value := range want {
			if v, ok := got[name]; ok {
				diff = append(diff, shape(at+"."+name, v, value)...)
			} else if !optional(name, value) {
				diff = append(diff, at+"."+name+" is missing")
			}
		}
		for name, value := range got {
			if _, ok := want[name]; !ok && !optional(name, value) {
				diff = append(diff, at+"."+name+" is not WeChat's")
			}
		}
	case []any:
		for i, v := range got.([]any) {
			if len(want) > 0 {
				diff = append(diff, shape(fmt.Sprintf("%s[%d]", at, i), v, want[min(i, len(want)-1)])...)
			}
		}
	case json.Number:
		if strings.HasSuffix(at, ".errcode") && got != want {
			diff = append(diff, fmt.Sprintf("the errcode is %v, not %v", got, want))
		}
	case string:
		if w := words(want); strings.HasSuffix(at, ".errmsg") && !strings.HasPrefix(words(got.(string)), w) {
			diff = append(diff, fmt.Sprintf("the errmsg is %q, not %q", got, want))
		}
	}
	return diff
}

// optional is what may be there or not: a success that is told, limits that an API
// has, and the simulator's own noise.
func optional(name string, value any) bool {
	return name == "errcode" && value == json.Number("0") || name == "errmsg" && value == "ok" ||
		slices.Contains([]string{"rate_limit", "component_rate_limit"}, name) || strings.HasPrefix(name, "wechatsim_")
}

func kind(v any) string {
	if n, ok := v.(json.Number); ok {
		if _, err := n.Int64(); err != nil {
			return "fraction"
		}
		return "number"
	}
	return fmt.Sprintf("%T", v)
}

// words is an errmsg without its tail and without addresses.
func words(errmsg string) string {
	errmsg = regexp.MustCompile(`[ ,]*rid: .*$`).ReplaceAllString(errmsg, "")
	return regexp.MustCompile(`[0-9a-f:]*\d+\.\d+\.\d+\.\d+`).ReplaceAllString(errmsg, "…")
}
