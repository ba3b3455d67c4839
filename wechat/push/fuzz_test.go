package push

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzRead looks for bodies that break the reader, or that are read in a way that can't
// be handed on.
func FuzzRead(f *testing.F) {
	f.Add(text("hello"))
	f.Add(event("subscribe", "<EventKey>qrscene_1</EventKey><!-- a --><?b c?>"))
	f.Add([]byte(`{"FromUserName":"o","CreateTime":1,"MsgType":"text","List":[{"a":1},{"a":[]}]}`))
	f.Add([]byte("<!DOCTYPE xml [<!ENTITY a 'b'>]><xml>&a;</xml>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Read(body)
		if err != nil {
			if r := (*Refusal)(nil); !errors.As(err, &r) {
				t.Fatalf("%v is no refusal", err)
			}
			return
		}
		if bytes.Contains(m.Plain, []byte("<!DOCTYPE")) && !bytes.Contains(m.Plain, []byte("CDATA")) && !bytes.Contains(m.Plain, []byte("<!--")) && !m.JSON {
			t.Fatal("a document type was read")
		}
		for _, mode := range []Mode{Plain, Compatible, Safe} {
			k := with(testKeys, mode)
			p, err := k.Post(m, now, zero)
			if err != nil || len(p.Body) > MaxBody { // what is handed on is encrypted and so longer
				continue
			}
			again, err := k.Open(p.Query, p.Body, now)
			if err != nil || again.Key() != m.Key() || !bytes.Equal(again.Plain, m.Plain) && mode != Plain {
				t.Fatalf("in the mode %s the body %q is read as another push: %v", mode, p.Body, err)
			}
		}
	})
}

// FuzzDecrypt looks for encrypted texts that break the reader.
func FuzzDecrypt(f *testing.F) {
	for _, seed := range []string{vector1, vector2, vector3, vector4, vector5, "", "AAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sealed string) {
		text, err := decrypt(secondKey, sealed, "wx0123456789abcdef")
		if r := (*Refusal)(nil); err != nil && !errors.As(err, &r) {
			t.Fatalf("%v is no refusal", err)
		}
		if err == nil && len(text) > len(sealed) {
			t.Fatal("the text is longer than what it was in")
		}
	})
}

// FuzzEnvelope looks for envelopes that are opened although nobody has signed them.
func FuzzEnvelope(f *testing.F) {
	good := posted(f, testKeys, text("hello"))
	f.Add(good.Body, good.Query.Get("msg_signature"), good.Query.Get("timestamp"), good.Query.Get("nonce"))
	f.Fuzz(func(t *testing.T, body []byte, signature, timestamp, nonce string) {
		q := map[string][]string{"encrypt_type": {"aes"}, "msg_signature": {signature}, "timestamp": {timestamp}, "nonce": {nonce}}
		m, err := testKeys.Open(q, body, now)
		if r := (*Refusal)(nil); err != nil && !errors.As(err, &r) {
			t.Fatalf("%v is no refusal", err)
		}
		if err == nil && !bytes.Equal(m.Plain, text("hello")) {
			t.Fatalf("%q was opened as %q", body, m.Plain)
		}
	})
}
