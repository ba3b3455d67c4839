package push

import (
	"bytes"
	"encoding/xml"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var replies = map[string]Reply{
	"text":                      {Content: "你好 <b>&amp;</b> ]]> 再见"},
	"image":                     {MediaID: "m1"},
	"voice":                     {MediaID: "m1"},
	"video":                     {MediaID: "m1", Title: "t", Description: "d"},
	"music":                     {Title: "t", Description: "d", MusicURL: "https://a.example/1", HQURL: "https://a.example/2", ThumbID: "m2"},
	"news":                      {Articles: []Article{{"t1", "d1", "https://a.example/p", "https://a.example/"}, {Title: "t2"}}},
	"transfer_customer_service": {Agent: "test1@test"},
}

func TestReply(t *testing.T) {
	t.Parallel()
	t.Run("a text is written as WeChat's guide has it", func(t *testing.T) {
		t.Parallel()
		got, err := Reply{To: "oUSER", From: "gh_acct", At: now, Type: "text", Content: "hello"}.XML()
		want := "<xml><ToUserName><![CDATA[oUSER]]></ToUserName><FromUserName><![CDATA[gh_acct]]></FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content></xml>"
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v", got, err)
		}
	})
	for kind, r := range replies {
		t.Run("what is written as "+kind+" is read, in every mode", func(t *testing.T) {
			t.Parallel()
			r.To, r.From, r.At, r.Type = "oUSER", "gh_acct", now, kind
			plain, err := r.XML()
			if err != nil {
				t.Fatal(err)
			}
			if err := xml.Unmarshal(plain, new(struct{ XMLName xml.Name })); err != nil {
				t.Errorf("%s: %v", plain, err)
			}
			for _, mode := range []Mode{Plain, Compatible, Safe} {
				k := with(testKeys, mode)
				body, err := k.Seal(Message{}, plain, "77", now, zero)
				if err != nil {
					t.Fatal(err)
				}
				if opened, err := k.OpenReply(body); err != nil || !bytes.Equal(opened, plain) || (mode == Plain) != bytes.Equal(body, plain) {
					t.Errorf("in the mode %s it is %s, %v", mode, body, err)
				}
			}
			if got, err := ReadReply(plain); err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("read it is %+v, %v", got, err)
			}
		})
	}
	t.Run("what WeChat wouldn't take isn't written", func(t *testing.T) {
		t.Parallel()
		for _, r := range []Reply{
			{},
			{Type: "text"},
			{Type: "text", Content: strings.Repeat("a", 2049)},
			{Type: "text", Content: "\xff"},
			{Type: "text", Content: "\x08"},
			{Type: "image"},
			{Type: "voice"},
			{Type: "video"},
			{Type: "music", Title: "t"},
			{Type: "news"},
			{Type: "news", Articles: make([]Article, 9)},
			{Type: "location"},
		} {
			r.To, r.From, r.At = "oUSER", "gh_acct", now
			wantCode(t, CodeReply, second(r.XML()))
		}
		wantCode(t, CodeReply, second(Reply{From: "gh", Type: "text", Content: "a"}.XML()))
	})
	t.Run("nothing to say is nothing", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{"", "success", " success\n"} {
			if plain, err := testKeys.OpenReply([]byte(body)); plain != nil || err != nil {
				t.Errorf("%q is %s, %v", body, plain, err)
			}
		}
	})
	t.Run("a backend's answer that isn't its own is refused", func(t *testing.T) {
		t.Parallel()
		plain, _ := Reply{To: "o", From: "gh", At: now, Type: "text", Content: "a"}.XML()
		wantCode(t, CodeMode, second(testKeys.OpenReply(plain)))
		body, err := testKeys.Seal(Message{}, plain, "77", now, zero)
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, CodeMode, second(with(testKeys, Plain).OpenReply(body)))
		other := testKeys
		other.Token = "BBBBB"
		wantCode(t, CodeSignature, second(other.OpenReply(body)))
		wantCode(t, CodeSyntax, second(testKeys.OpenReply([]byte("Internal Server Error"))))
		wantCode(t, CodeReply, second(ReadReply([]byte("<xml><MsgType>text</MsgType></xml>"))))
	})
	t.Run("any text survives", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			content := rapid.StringMatching(`[\]>a<&"' \n😀]{1,40}`).Draw(t, "content")
			plain, err := Reply{To: "o", From: "gh", At: now, Type: "text", Content: content}.XML()
			if err != nil {
				t.Fatal(err)
			}
			if r, err := ReadReply(plain); err != nil || r.Content != content {
				t.Fatalf("%q became %q, %v", content, r.Content, err)
			}
		})
	})
}
