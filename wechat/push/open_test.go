package push

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func with(k Keys, mode Mode) Keys {
	k.Mode = mode
	return k
}

// rawSealed encrypts whole blocks without any form.
func rawSealed(t *testing.T, plain []byte) string {
	t.Helper()
	key, err := aesKey(secondKey)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(out, plain)
	return base64.StdEncoding.EncodeToString(out)
}

func TestModes(t *testing.T) {
	t.Parallel()
	posts := map[Mode]Post{}
	for _, mode := range []Mode{Plain, Compatible, Safe} {
		posts[mode] = posted(t, with(testKeys, mode), text("hello"))
	}
	for mode, p := range posts {
		t.Run("what is posted in the mode "+string(mode)+" is read in it", func(t *testing.T) {
			t.Parallel()
			m, err := with(testKeys, mode).Open(p.Query, p.Body, now)
			if err != nil || !bytes.Equal(m.Plain, text("hello")) || p.ContentType != "text/xml" || p.Query.Get("openid") != m.From {
				t.Errorf("got %s, %v", m.Plain, err)
			}
		})
	}
	t.Run("an encrypted account takes nothing plain, whatever the query says", func(t *testing.T) {
		t.Parallel()
		for _, mode := range []Mode{Compatible, Safe} {
			p := posts[Plain]
			wantCode(t, CodeMode, second(with(testKeys, mode).Open(p.Query, p.Body, now)))
			raw := url.Values{"encrypt_type": {"raw"}}
			for name, values := range p.Query {
				raw[name] = values
			}
			wantCode(t, CodeMode, second(with(testKeys, mode).Open(raw, p.Body, now)))
			raw.Set("encrypt_type", "aes")
			raw.Set("msg_signature", raw.Get("signature"))
			wantCode(t, CodeMode, second(with(testKeys, mode).Open(raw, p.Body, now)))
		}
	})
	t.Run("a plain account takes nothing encrypted", func(t *testing.T) {
		t.Parallel()
		wantCode(t, CodeMode, second(with(testKeys, Plain).Open(posts[Safe].Query, posts[Safe].Body, now)))
	})
	t.Run("of a compatible push only the encrypted text counts", func(t *testing.T) {
		t.Parallel()
		p := posts[Compatible]
		changed := bytes.Replace(p.Body, []byte("hello"), []byte("pay 1000"), 1)
		if bytes.Equal(changed, p.Body) {
			t.Fatal("the body has no plain text")
		}
		m, err := with(testKeys, Compatible).Open(p.Query, changed, now)
		if err != nil || m.Field("Content") != "hello" {
			t.Errorf("got %q, %v", m.Field("Content"), err)
		}
	})
	t.Run("while the key is changed both are read, and the reply has the one of the push", func(t *testing.T) {
		t.Parallel()
		old, fresh := testKeys, testKeys
		fresh.AESKeys = []string{strings.Repeat("B", 43), secondKey}
		p := posted(t, old, text("hello"))
		m, err := fresh.Open(p.Query, p.Body, now)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := fresh.Seal(m, []byte("<xml/>"), "77", now, zero)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := old.OpenReply(reply); err != nil || string(plain) != "<xml/>" {
			t.Errorf("got %s, %v", plain, err)
		}
		p = posted(t, fresh, text("hello"))
		if m, err = fresh.Open(p.Query, p.Body, now); err != nil {
			t.Fatal(err)
		}
		if reply, err = fresh.Seal(m, []byte("<xml/>"), "77", now, zero); err != nil {
			t.Fatal(err)
		}
		wantCode(t, CodePadding, second(old.OpenReply(reply)))
	})
	t.Run("keys don't show", func(t *testing.T) {
		t.Parallel()
		for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s %x", testKeys, testKeys, testKeys, testKeys, testKeys), testKeys.LogValue().String()} {
			if strings.Contains(shown, testKeys.Token) || strings.Contains(shown, secondKey) {
				t.Error(shown)
			}
		}
	})
}

func TestWindow(t *testing.T) {
	t.Parallel()
	for age, fresh := range map[time.Duration]bool{
		0: true, DefaultWindow: true, -DefaultWindow: true, DefaultWindow + time.Second: false, -DefaultWindow - time.Second: false, 365 * 24 * time.Hour: false,
	} {
		for _, mode := range []Mode{Plain, Safe} {
			k := with(testKeys, mode)
			p := posted(t, k, text("hello"))
			_, err := k.Open(p.Query, p.Body, now.Add(age))
			if fresh && err != nil {
				t.Errorf("after %v: %v", age, err)
			}
			if !fresh {
				wantCode(t, CodeStale, err)
			}
		}
	}
	k := testKeys
	k.Window = time.Minute
	p := posted(t, k, text("hello"))
	wantCode(t, CodeStale, second(k.Open(p.Query, p.Body, now.Add(61*time.Second))))
}

// TestRefusals are inputs that somebody may send, each with its code.
func TestRefusals(t *testing.T) {
	t.Parallel()
	plain := with(testKeys, Plain)
	deep := strings.Repeat("<a>", 20) + strings.Repeat("</a>", 20)
	for name, c := range map[string]struct{ body, code string }{
		"a document type":                    {`<!DOCTYPE xml SYSTEM "file:///etc/passwd">` + string(text("a")), CodeDoctype},
		"entities that grow":                 {`<!DOCTYPE xml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml>&b;</xml>`, CodeDoctype},
		"an entity that nobody has defined":  {"<xml>&xxe;</xml>", CodeSyntax},
		"a document type after the root":     {string(text("a")) + "<!DOCTYPE xml>", CodeDoctype},
		"deep nesting":                       {"<xml>" + deep + "</xml>", CodeDepth},
		"deep nesting in JSON":               {strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), CodeDepth},
		"arrays in arrays":                   {`{"a":` + strings.Repeat("[", 500000), CodeSyntax},
		"an array in an array":               {`{"ToUserName":"gh","FromUserName":"o","CreateTime":1,"MsgType":"text","A":[["b"]]}`, CodeSyntax},
		"an array that doesn't end":          {`{"a":["b"`, CodeSyntax},
		"too many elements":                  {"<xml>" + strings.Repeat("<a/>", 5000) + "</xml>", CodeElements},
		"too many members":                   {`{"a":[1` + strings.Repeat(",1", 5000) + "]}", CodeElements},
		"a body that is too large":           {string(text(strings.Repeat("a", MaxBody))), CodeSize},
		"a body that is cut":                 {string(text("a"))[:150], CodeSyntax},
		"a cut JSON body":                    {`{"ToUserName":"gh`, CodeSyntax},
		"no body":                            {"", CodeSyntax},
		"garbage behind the end":             {string(text("a")) + "garbage", CodeSyntax},
		"a second root":                      {string(text("a")) + "<xml/>", CodeSyntax},
		"garbage behind JSON":                {`{"FromUserName":"o"} x`, CodeSyntax},
		"another root":                       {"<html></html>", CodeSyntax},
		"JSON that is no object":             {`["a"]`, CodeSyntax},
		"no UTF-8":                           {string(text("\xff\xfe")), CodeEncoding},
		"another encoding, as it says":       {`<?xml version="1.0" encoding="GBK"?>` + string(text("a")), CodeEncoding},
		"no sender":                          {"<xml><CreateTime>1</CreateTime><MsgType>text</MsgType></xml>", CodeField},
		"no time":                            {"<xml><FromUserName>o</FromUserName><MsgType>text</MsgType></xml>", CodeField},
		"a time that is none":                {"<xml><FromUserName>o</FromUserName><CreateTime>-1</CreateTime><MsgType>text</MsgType></xml>", CodeField},
		"an event without a name":            {string(event("", "")), CodeField},
		"an id of more than 64 bits":         {string(event("a", "<MsgID>99999999999999999999</MsgID>")), CodeField},
		"two senders":                        {string(event("a", "<fromusername>oOTHER</fromusername>")), CodeField},
		"two senders in JSON":                {`{"FromUserName":"a","fromusername":"b","CreateTime":1,"MsgType":"text"}`, CodeField},
		"a name for a message, as of events": {string(bytes.Replace(event("a", ""), []byte("CDATA[event]"), []byte("CDATA[text]"), 1)), CodeField},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantCode(t, c.code, second(plain.Open(signed(plain, now), []byte(c.body), now)))
		})
	}
}

// TestForgery are queries and encrypted texts that somebody may send, each with its code.
func TestForgery(t *testing.T) {
	t.Parallel()
	good := posted(t, testKeys, text("hello"))
	for name, change := range map[string]struct {
		do   func(q url.Values)
		code string
	}{
		"no signature":               {func(q url.Values) { q.Del("msg_signature") }, CodeQuery},
		"another signature":          {func(q url.Values) { q.Set("msg_signature", strings.Repeat("0", 40)) }, CodeSignature},
		"the URL's signature":        {func(q url.Values) { q.Set("msg_signature", q.Get("signature")) }, CodeSignature},
		"an upper-case signature":    {func(q url.Values) { q.Set("msg_signature", strings.ToUpper(q.Get("msg_signature"))) }, CodeSignature},
		"two signatures":             {func(q url.Values) { q.Add("msg_signature", "0") }, CodeQuery},
		"two kinds of encryption":    {func(q url.Values) { q.Add("encrypt_type", "raw") }, CodeQuery},
		"no timestamp":               {func(q url.Values) { q.Del("timestamp") }, CodeQuery},
		"a timestamp that is none":   {func(q url.Values) { q.Set("timestamp", "17e8") }, CodeQuery},
		"another timestamp":          {func(q url.Values) { q.Set("timestamp", fmt.Sprint(now.Unix()+1)) }, CodeSignature},
		"another nonce":              {func(q url.Values) { q.Set("nonce", "2") }, CodeSignature},
		"a nonce with a line's end":  {func(q url.Values) { q.Set("nonce", "1\r\nX: y") }, CodeQuery},
		"a nonce that is far longer": {func(q url.Values) { q.Set("nonce", strings.Repeat("1", 300)) }, CodeQuery},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := url.Values{}
			for name, values := range good.Query {
				q[name] = append([]string(nil), values...)
			}
			change.do(q)
			wantCode(t, change.code, second(testKeys.Open(q, good.Body, now)))
		})
	}
	frame := func(size int, tail string, pad ...byte) []byte {
		b := append([]byte("0123456789abcdef"), byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
		return append(append(b, tail...), pad...)
	}
	other := testKeys
	other.AppID = "wxffffffffffffffff"
	foreign, err := encrypt(secondKey, "0123456789abcdef", string(text("a")), other.AppID)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ sealed, code string }{
		"no Base64":                          {"***", CodeCipher},
		"half a block":                       {rawSealed(t, make([]byte, 48)), CodeCipher},
		"padding of nothing":                 {rawSealed(t, make([]byte, 32)), CodePadding},
		"padding longer than a block":        {rawSealed(t, bytes.Repeat([]byte{33}, 64)), CodePadding},
		"padding of different bytes":         {rawSealed(t, append(bytes.Repeat([]byte{1}, 31), 2)), CodePadding},
		"nothing but padding":                {rawSealed(t, bytes.Repeat([]byte{32}, 32)), CodeLength},
		"a length past the end":              {rawSealed(t, frame(1<<20, "abcdefghijk", 1)), CodeLength},
		"a length that ends in the padding":  {rawSealed(t, frame(12, "abcdefghijk", 1)), CodeLength},
		"a length of four gigabytes":         {rawSealed(t, frame(-1, "abcdefghijk", 1)), CodeLength},
		"a text for another account":         {foreign, CodeAppID},
		"a text for no account":              {rawSealed(t, frame(11, "abcdefghijk", 1)), CodeAppID},
		"a document type inside":             {mustEncrypt(t, "<!DOCTYPE xml><xml/>"), CodeDoctype},
		"an encrypted push that isn't whole": {mustEncrypt(t, "<xml><FromUserName>o"), CodeSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, body := sealedAs(testKeys, c.sealed)
			wantCode(t, c.code, second(testKeys.Open(q, body, now)))
		})
	}
	t.Run("another signature of a plain push", func(t *testing.T) {
		t.Parallel()
		plain := with(testKeys, Plain)
		q := signed(plain, now)
		q.Set("nonce", "2")
		wantCode(t, CodeSignature, second(plain.Open(q, text("a"), now)))
		q.Del("signature")
		wantCode(t, CodeQuery, second(plain.Open(q, text("a"), now)))
	})
	t.Run("keys that are none", func(t *testing.T) {
		t.Parallel()
		for _, k := range []Keys{
			{},
			{AppID: "wx1", Token: "t"},
			{AppID: "wx1", Token: "t", Mode: Safe},
			{AppID: "wx1", Token: "t", Mode: "other"},
			{Token: "t", Mode: Plain},
			{AppID: "wx1", Token: "t", Mode: Safe, AESKeys: []string{"short"}},
			{AppID: "wx1", Token: "t", Mode: Safe, AESKeys: []string{secondKey, secondKey, secondKey}},
		} {
			wantCode(t, CodeKeys, second(k.Open(good.Query, good.Body, now)))
		}
		wantCode(t, CodeKeys, second(Keys{}.Echo(url.Values{})))
	})
	t.Run("an echo that could be more than an echo", func(t *testing.T) {
		t.Parallel()
		q := signed(testKeys, now)
		for _, echo := range []string{"", "a b", "a\nb", strings.Repeat("a", 300)} {
			q.Set("echostr", echo)
			wantCode(t, CodeQuery, second(testKeys.Echo(q)))
		}
	})
}

func mustEncrypt(t *testing.T, text string) string {
	t.Helper()
	sealed, err := encrypt(secondKey, "0123456789abcdef", text, testKeys.AppID)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}
