package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	source := ""
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasPrefix(name, "texts") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += string(text)
	}
	for code, x := range texts {
		if !strings.Contains(source, `"`+code+`"`) {
			t.Errorf("%s: nothing finds it", code)
		}
		if x.said.EN == "" || !chinese(x.said.ZH) || chinese(x.said.EN) {
			t.Errorf("%s: it has to be said in both languages", code)
		}
		if advised := x.do != (Text{}); advised != (x.grade != fine) || advised && (x.do.EN == "" || !chinese(x.do.ZH)) {
			t.Errorf("%s: what has to be done, and nothing else, has to be said in both languages", code)
		}
		if strings.Contains(x.said.EN, "{}") != strings.Contains(x.said.ZH, "{}") {
			t.Errorf("%s: one language tells the detail, and the other doesn't", code)
		}
		f := found(WhatToken, code, "the detail")
		for _, s := range []string{f.Said.EN, f.Said.ZH, f.Do.EN, f.Do.ZH} {
			if strings.Contains(s, "{}") {
				t.Errorf("%s: %q has a hole", code, s)
			}
		}
		if f.OK != (x.grade != bad) || f.Warn != (x.grade == look) || f.Code != code {
			t.Errorf("%s: found %+v", code, f)
		}
	}
	if len(Codes()) != len(texts) || len(texts) != len(textsOfCalls)+len(textsOfPages) {
		t.Errorf("%d codes of %d and %d texts", len(Codes()), len(textsOfCalls), len(textsOfPages))
	}
}

func chinese(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) && strings.ContainsAny(s, "。")
}

func TestCodesHaveTexts(t *testing.T) {
	t.Parallel()
	var all []string
	for _, code := range codes {
		all = append(all, code)
	}
	for _, code := range pageCodes {
		all = append(all, code)
	}
	for _, w := range pageWords {
		all = append(all, w.code)
	}
	for _, code := range all {
		if _, known := texts[code]; !known {
			t.Errorf("%s has no text", code)
		}
	}
	if f := found(WhatToken, "never_heard_of", ""); f.OK || f.Said.EN == "" {
		t.Errorf("a code without a text is found as %+v", f)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"": "",
		`<p>请在微信客户端打开链接</p>`:                                  "",
		`<script>var width = 10003; ts = 1000310005</script>`: "",
		`<p class="code">错误码 · error code: 10003</p>`:         "callback_domain_wrong",
		`<p>redirect_uri域名与后台配置不一致，错误码：10003</p>`:             "callback_domain_wrong",
		`<h4>redirect_uri 参数错误</h4>`:                          "callback_domain_wrong",
		`{"errcode":10004}`:                                   "account_banned",
		`<p>Scope 参数错误或没有 Scope 权限</p>`:                       "scope_refused",
		`<p>错误码 10005</p>`:                                    "scope_refused",
		`<p>error code: 10006</p>`:                            "followers_only",
		`<p>error code: 10009</p>`:                            "login_too_often",
		`<p>error code: 10015</p>`:                            "platform_unauthorized",
		`<p>error code: 10016</p>`:                            "appid_of_other_kind",
		`<p>error code: 10038</p>`:                            "callback_domain_wrong",
		`<p>error code: 10013</p>`:                            "login_broken",
		`<p>该链接无法访问</p>`:                                      "login_broken",
		`<p>AppID 参数错误</p>`:                                   "appid_wrong",
	} {
		if got := judge(page{status: 200, body: body}); got != want {
			t.Errorf("%s\nis judged %q, want %q", body, got, want)
		}
	}
}
