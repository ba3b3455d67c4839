package wechat_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestTemplateData(t *testing.T) {
	t.Parallel()
	got, err := wechat.TemplateData(map[string]string{
		"thing4": "巧克力 <b> & \"\\u0041\" \u2028\u2029👨‍👩‍👧", "amount2": "39.8元", "name1": "a\x00b\x1b\u0007c\b\f\n\t\xffd",
	})
	const want = `{"amount2":{"value":"39.8元"},"name1":{"value":"abc\n\t` + "\ufffd" + `d"},"thing4":{"value":"巧克力 <b> & \"\\u0041\" ` + "\u2028\u2029" + `👨‍👩‍👧"}}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if got, err := wechat.TemplateData(nil); err != nil || string(got) != "{}" {
		t.Errorf("of nothing: %s, %v", got, err)
	}
}

// WeChat refuses \uXXXX with 40033, and every text must arrive as it was meant.
func TestNoBodyHasAnEscapedCharacter(t *testing.T) {
	t.Parallel()
	var body string
	c := newClient(t, wechat.Config{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		body = string(b)
		return reply(http.StatusOK, `{"errcode":0}`), err
	})}})
	visible := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < ' ' && r != '\n' && r != '\t' && r != '\r' {
				return -1
			}
			return r
		}, strings.ToValidUTF8(s, "\ufffd"))
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		content, err := json.Marshal(map[string]any{"content": text, "n": json.Number("3428411849815982087")}) // with escapes
		if err != nil {
			rt.Fatal(err)
		}
		if err := c.SendCustom(t.Context(), bearer, wechat.CustomMessage{To: openid, Type: "text", Content: content}); err != nil {
			rt.Fatal(err)
		}
		var got struct {
			Text struct {
				Content string
				N       json.Number
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Text.Content != visible(text) || got.Text.N != "3428411849815982087" || !utf8.ValidString(body) {
			rt.Fatalf("%v: sent %q, arrived %q", err, text, got.Text.Content)
		}
		// A backslash that was meant is written twice.
		if strings.Contains(strings.ReplaceAll(body, `\\`, ""), `\u`) {
			rt.Fatalf("an escape in %s", body)
		}
	})
}

func TestSendCustomTakesNoNonsense(t *testing.T) {
	t.Parallel()
	host := serve(t, says(`{"errcode":0}`))
	c := newClient(t, wechat.Config{Hosts: []string{host.URL}})
	text := json.RawMessage(`{"content":"x"}`)
	for _, tc := range []struct {
		name string
		m    wechat.CustomMessage
	}{
		{"no openid", wechat.CustomMessage{Type: "text", Content: text}},
		{"no type", wechat.CustomMessage{To: openid, Content: text}},
		{"a type that would replace the recipient", wechat.CustomMessage{To: openid, Type: "touser", Content: text}},
		{"no content", wechat.CustomMessage{To: openid, Type: "text"}},
		{"half a content", wechat.CustomMessage{To: openid, Type: "text", Content: text[:5]}},
		{"two contents", wechat.CustomMessage{To: openid, Type: "text", Content: json.RawMessage(`{"content":"x"}{}`)}},
		{"a content with a tail", wechat.CustomMessage{To: openid, Type: "text", Content: json.RawMessage(`{"content":"x"}}`)}},
		{"a content that is a text", wechat.CustomMessage{To: openid, Type: "text", Content: json.RawMessage(`"x"`)}},
		{"a content that is null", wechat.CustomMessage{To: openid, Type: "text", Content: json.RawMessage(`null`)}},
		{"an agent of two lines", wechat.CustomMessage{To: openid, Type: "text", Content: text, Agent: "a\nb"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want(t, c.SendCustom(t.Context(), bearer, tc.m), wechat.ClassFault)
		})
	}
	if n := host.calls(); n != 0 {
		t.Errorf("%d requests", n)
	}
}
