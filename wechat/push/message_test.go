package push

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func read(t testing.TB, body []byte) Message {
	t.Helper()
	m, err := Read(body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return m
}

func TestMessage(t *testing.T) {
	t.Parallel()
	t.Run("a new follower's scene has a prefix, a follower's has none", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			name, key, scene string
			scanned          bool
		}{
			{"subscribe", "qrscene_login_5f2c", "login_5f2c", true},
			{"subscribe", "qrscene_123", "123", true},
			{"subscribe", "", "", false},
			{"subscribe", "last_trade_no_4003752001", "", false},
			{"SCAN", "login_5f2c", "login_5f2c", true},
			{"scan", "qrscene_odd", "qrscene_odd", true},
			{"unsubscribe", "", "", false},
			{"CLICK", "MENU_HELP", "", false},
		} {
			m := read(t, event(c.name, "<EventKey><![CDATA["+c.key+"]]></EventKey><Ticket><![CDATA[gQHr8A==]]></Ticket>"))
			scene, scanned := m.Scene()
			if scanned != c.scanned || scanned && scene != c.scene || m.Ticket != "gQHr8A==" {
				t.Errorf("%s %q has the scene %q, %v, the ticket %q", c.name, c.key, scene, scanned, m.Ticket)
			}
		}
	})
	t.Run("the result of a template message", func(t *testing.T) {
		t.Parallel()
		for _, status := range []string{"failed:user block", "failed: user block"} {
			m := read(t, event("TEMPLATESENDJOBFINISH", "<MsgID>3428411849815982087</MsgID><Status><![CDATA["+status+"]]></Status>"))
			if m.MsgID != 3428411849815982087 || m.Status != "failed:user block" || m.Kind() != "event:templatesendjobfinish" {
				t.Errorf("got %+v", m)
			}
		}
	})
	t.Run("an event about personal information is about the one whom it names, however it is written", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"OpenID", "openid", "OPENID"} {
			m := read(t, event("user_authorization_revoke", fmt.Sprintf("<%s>oUSER</%s><UnionID>oUNION</UnionID><AppID>wx1</AppID><RevokeInfo>205</RevokeInfo>", name, name)))
			if !m.Personal() || m.Person() != "oUSER" || m.Field("unionid") != "oUNION" || m.Field("RevokeInfo") != "205" {
				t.Errorf("got %+v", m)
			}
		}
		if m := read(t, event("user_info_modified", "")); !m.Personal() || m.Person() != "" {
			t.Errorf("without an openid it is about %q", m.Person())
		}
		if m := read(t, event("subscribe", "<OpenID>oOTHER</OpenID>")); m.Person() != "oABCDuHd9pJ6xsn4mS7GyL4HxqI4" {
			t.Errorf("a follow is about %q", m.Person())
		}
	})
	t.Run("kinds", func(t *testing.T) {
		t.Parallel()
		m := read(t, event("CLICK", ""))
		for kind, want := range map[string]bool{"event": true, "event:click": true, "event:CLICK": true, "click": false, "text": false, "event:view": false} {
			if m.Is(kind) != want {
				t.Errorf("a click is %s: %v", kind, !want)
			}
		}
		if m := read(t, text("a")); !m.Is("text") || m.Is("event") {
			t.Error("a text is an event")
		}
	})
	t.Run("control characters that a visitor pastes lose nothing", func(t *testing.T) {
		t.Parallel()
		m := read(t, text("a\x08b😀"))
		if m.Field("Content") != "a b😀" || !bytes.Contains(m.Plain, []byte("a\x08b")) {
			t.Errorf("got %q", m.Field("Content"))
		}
	})
	t.Run("a mark before the body, and a declaration, say nothing", func(t *testing.T) {
		t.Parallel()
		m := read(t, append([]byte("\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"), text("a")...))
		if m.Key() != read(t, text("a")).Key() {
			t.Error("the key differs")
		}
	})
	t.Run("JSON says the same as XML", func(t *testing.T) {
		t.Parallel()
		m := read(t, []byte(`{"ToUserName":"gh","FromUserName":"o1","CreateTime":1700000000,"MsgType":"text","Content":"a","MsgId":9223372036854775807,
			"List":[{"A":"1"},{"A":"2"}],"Empty":null,"Yes":true}`))
		if m.MsgID != 9223372036854775807 || m.Field("List", "A") != "1" || m.Field("Yes") != "true" || !m.JSON || m.Field("List", "B") != "" {
			t.Errorf("got %+v", m)
		}
	})
}

// TestKey holds the key to what the peers got wrong (wanted.md P24).
func TestKey(t *testing.T) {
	t.Parallel()
	key := func(body []byte) string { return read(t, body).Key() }
	t.Run("a retry has the same key, encrypted again or not", func(t *testing.T) {
		t.Parallel()
		want := key(text("a"))
		for i, mode := range []Mode{Plain, Compatible, Safe, Safe} {
			k := with(testKeys, mode)
			p, err := k.Post(read(t, text("a")), now.Add(time.Duration(i)*time.Second), func(b []byte) { b[0] = byte(i) })
			if err != nil {
				t.Fatal(err)
			}
			m, err := k.Open(p.Query, p.Body, now)
			if err != nil || m.Key() != want {
				t.Errorf("in the mode %s the key is another one, %v", mode, err)
			}
		}
	})
	t.Run("a message is what its sender, its time and its id say", func(t *testing.T) {
		t.Parallel()
		a := string(text("a"))
		keys := map[string]bool{}
		for _, body := range []string{
			a, strings.Replace(a, "oABCD", "oABCE", 1), strings.Replace(a, "5929<", "5928<", 1), strings.Replace(a, "1700000000", "1700000001", 1),
			strings.Replace(a, "CDATA[text]", "CDATA[image]", 1),
		} {
			keys[key([]byte(body))] = true
		}
		if len(keys) != 5 {
			t.Errorf("five messages have %d keys", len(keys))
		}
		if key(text("b")) != key(text("a")) {
			t.Error("what a message says makes it another one: a voice that is recognised later would be two")
		}
	})
	t.Run("a message without an id is what it says", func(t *testing.T) {
		t.Parallel()
		a, b := bytes.Replace(text("a"), []byte("MsgId"), []byte("Other"), 2), bytes.Replace(text("b"), []byte("MsgId"), []byte("Other"), 2)
		if key(a) == key(b) {
			t.Error("two are one")
		}
	})
	t.Run("two events of a visitor in one second are two", func(t *testing.T) {
		t.Parallel()
		popup := func(template, status string) []byte {
			return event("subscribe_msg_popup_event", "<SubscribeMsgPopupEvent><List><TemplateId>"+template+"</TemplateId><SubscribeStatusString>"+status+"</SubscribeStatusString></List></SubscribeMsgPopupEvent>")
		}
		all := [][]byte{
			event("subscribe", ""), event("unsubscribe", ""), event("subscribe", "<EventKey>qrscene_1</EventKey>"), event("SCAN", "<EventKey>1</EventKey>"), event("SCAN", "<EventKey>2</EventKey>"),
			event("SCAN", "<EventKey>1</EventKey><Ticket>a</Ticket>"), event("CLICK", "<EventKey>1</EventKey>"),
			event("TEMPLATESENDJOBFINISH", "<MsgID>1</MsgID><Status>success</Status>"), event("TEMPLATESENDJOBFINISH", "<MsgID>2</MsgID><Status>success</Status>"),
			event("TEMPLATESENDJOBFINISH", "<MsgID>1</MsgID><Status>failed</Status>"), popup("t1", "accept"), popup("t2", "accept"), popup("t1", "reject"),
		}
		keys := map[string]int{}
		for i, body := range all {
			if j, met := keys[key(body)]; met {
				t.Errorf("%s\nis %s", body, all[j])
			}
			keys[key(body)] = i
		}
	})
	t.Run("where a text ends and the next begins counts", func(t *testing.T) {
		t.Parallel()
		if key(event("a", "<X>b</X><Y>c</Y>")) == key(event("a", "<X>bc</X><Y></Y>")) || key(event("a", "<XB></XB>")) == key(event("a", "<X>b</X>")) || key(event("a", "<X><A>1</A></X><X><A>2</A></X>")) == key(event("a", "<X><A>1</A><A>2</A></X>")) {
			t.Error("two are one")
		}
	})
	t.Run("neither the order of fields nor the space between them counts, and every text does", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			values := rapid.SliceOfN(rapid.StringMatching(`[a-z0-9 ]{1,8}`), 1, 6).Draw(t, "values")
			fields := make([]string, len(values))
			for i, v := range values {
				fields[i] = fmt.Sprintf("<F%d>%s</F%d>", i, v, i)
			}
			want, err := Read(event("e", strings.Join(fields, "")))
			if err != nil {
				t.Fatal(err)
			}
			shuffled := rapid.Permutation(fields).Draw(t, "order")
			got, err := Read(event("e", "\n "+strings.Join(shuffled, "\r\n\t")))
			if err != nil || got.Key() != want.Key() {
				t.Fatalf("in another order the key is another one, %v", err)
			}
			changed := slices.Clone(fields)
			i := rapid.IntRange(0, len(fields)-1).Draw(t, "changed")
			changed[i] = strings.Replace(changed[i], ">", ">x", 1)
			if got, err = Read(event("e", strings.Join(changed, ""))); err != nil || got.Key() == want.Key() {
				t.Fatalf("with another text the key is the same, %v", err)
			}
		})
	})
}
