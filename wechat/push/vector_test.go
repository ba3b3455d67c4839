package push

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The vectors of wechat-api.md §8.1 and §9.3: of WeChat's own guide, of Tencent's sample
// code, and two made for what these leave out.
const (
	vector1      = "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
	vector1Reply = "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
	vector2      = "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="
	vector3      = "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
	vector4      = "Q3stYC6hdFzMh9T8HCvyDNut4a+NONmUgauvvEgdDPxA7NfCaYxPxe/iJiNXBcJFO8QaPCOz/gFPpeArd+fhzp0mPCBbROjqfffnsphkZDXMSqeZc9UkOBe9Z5fA0pMNtB5fC291Wk21AQrdgNXd9hN9eoRAYwWiULTZJqjYBODdU/srMAvUwRJpVuxSzgzk6bETw1K+1SEqLH4eHD+GWgqWsLgflm/uJPjgX6l61lNb9wyREF5Q5mu9xGnN/KWMwDbz1dbkpYJq7dAteuFZaqhOc+ALiTL60zq7tbLX9bdidEMHZECxGz8PaU6t8aLeabnkTIq88d19EjGoqM2NZwLdJHdOuuYAcjFcK/pTZAIjbaff+/XtwBdm1EBeRu6v"
	vector5      = "Q3stYC6hdFzMh9T8HCvyDHDxbrF7f8TfmYxXSN1y2Vbjja9RgRLcXPjzJF67v90Vr3HKiuEL04e7gdJi1DufsXo0wvTp5Iwc7Rt+04Oq4Q1t7yZ26HdYDJfk5lsZrMIt"
	secondKey    = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

func TestVectors(t *testing.T) {
	t.Parallel()
	t.Run("the check of the URL", func(t *testing.T) {
		t.Parallel()
		for _, v := range [][4]string{
			{"AAAAA", "1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"},
			{"AAAAA", "1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"},
			{"token1234567890", "1458864389", "2066297436", "f9c725922f6844701ba71e98031978e40023c09f"},
		} {
			q := url.Values{"signature": {v[3]}, "timestamp": {v[1]}, "nonce": {v[2]}, "echostr": {"4375120948345356249"}}
			for _, mode := range []Mode{Plain, Safe} {
				if echo, err := (Keys{Token: v[0], Mode: mode}).Echo(q); err != nil || echo != "4375120948345356249" {
					t.Errorf("%v in mode %s is answered by %q, %v", v, mode, echo, err)
				}
			}
			q.Set("nonce", v[2]+"1")
			wantCode(t, CodeSignature, second(Keys{Token: v[0]}.Echo(q)))
		}
	})
	t.Run("V1, a JSON push of the official guide and its reply", func(t *testing.T) {
		t.Parallel()
		k := Keys{AppID: "wxba5fad812f8e6fb9", Token: "AAAAA", AESKeys: []string{strings.Repeat("A", 43)}, Mode: Safe}
		q := url.Values{
			"signature": {"6c5c811b55cc85e0e1b54100749188c20beb3f5d"}, "timestamp": {"1714112445"}, "nonce": {"415670741"}, "openid": {"o9AgO5Kd5ggOC-bXrbNODIiE3bGY"},
			"encrypt_type": {"aes"}, "msg_signature": {"046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"},
		}
		m, err := k.Open(q, []byte(`{"ToUserName":"gh_97417a04a28d","Encrypt":"`+vector1+`"}`), time.Unix(1714112445, 0))
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`; string(m.Plain) != want {
			t.Errorf("got %s", m.Plain)
		}
		if m.Kind() != "event:debug_demo" || m.From != "o9AgO5Kd5ggOC-bXrbNODIiE3bGY" || m.At.Unix() != 1714112445 || m.Field("Debug_Str") != "hello world" {
			t.Errorf("got %+v", m)
		}
		if got := Sign("AAAAA", "1714112445", "415670741"); got != q.Get("signature") {
			t.Errorf("the URL's signature is %s", got)
		}
		body, err := k.envelope(k.AESKeys[0], []byte(`{"demo_resp":"good luck"}`), "707722b803182950", 1713424427, "415670741", true)
		if err != nil {
			t.Fatal(err)
		}
		var reply struct {
			Encrypt, MsgSignature, Nonce string
			TimeStamp                    int64
		}
		if err := json.Unmarshal(body, &reply); err != nil || reply.Encrypt != vector1Reply || reply.MsgSignature != "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1" || reply.TimeStamp != 1713424427 || reply.Nonce != "415670741" {
			t.Errorf("the reply is %s, %v", body, err)
		}
	})
	t.Run("V2, a text of several bytes a character, in XML", func(t *testing.T) {
		t.Parallel()
		k := Keys{AppID: "wxb11529c136998cb6", Token: "pamtest", AESKeys: []string{secondKey}, Mode: Safe}
		body, err := k.envelope(secondKey, []byte("我是中文abcd123"), "aaaabbbbccccdddd", 1409304348, "xxxxxx", false)
		want := `<xml><Encrypt><![CDATA[` + vector2 + `]]></Encrypt><MsgSignature><![CDATA[82c962d39941aa48552f90ef55aa323dc620cc10]]></MsgSignature><TimeStamp>1409304348</TimeStamp><Nonce><![CDATA[xxxxxx]]></Nonce></xml>`
		if err != nil || string(body) != want {
			t.Errorf("got %s, %v", body, err)
		}
		if back, err := k.OpenReply(body); err != nil || string(back) != "我是中文abcd123" {
			t.Errorf("read back it is %s, %v", back, err)
		}
	})
	t.Run("V3, an XML push, under a key whose last character has bits too many", func(t *testing.T) {
		t.Parallel()
		k := Keys{AppID: "wx5823bf96d3bd56c7", Token: "QDG6eK", AESKeys: []string{"jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"}, Mode: Safe}
		q := url.Values{"timestamp": {"1409659813"}, "nonce": {"1372623149"}, "encrypt_type": {"aes"}, "msg_signature": {"477715d11cdb4164915debcba66cb864d751f3e6"}}
		m, err := k.Open(q, []byte("<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName><Encrypt><![CDATA["+vector3+"]]></Encrypt></xml>"), time.Unix(1409659813, 0))
		if err != nil {
			t.Fatal(err)
		}
		want := "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>\n<FromUserName><![CDATA[mycreate]]></FromUserName>\n<CreateTime>1409659813</CreateTime>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[hello]]></Content>\n<MsgId>4561255354251345929</MsgId>\n<AgentID>218</AgentID>\n</xml>"
		if string(m.Plain) != want || m.MsgID != 4561255354251345929 || m.Kind() != "text" || m.Field("Content") != "hello" {
			t.Errorf("got %+v", m)
		}
		back, err := encrypt(k.AESKeys[0], "0960688932c47ef1", want, k.AppID)
		if err != nil || back != vector3 {
			t.Errorf("encrypted again it is %s, %v", back, err)
		}
	})
	t.Run("V4, an event for a component", func(t *testing.T) {
		t.Parallel()
		const text = "<xml><AppId><![CDATA[wx0123456789abcdef]]></AppId><CreateTime>1700000000</CreateTime><InfoType><![CDATA[component_verify_ticket]]></InfoType><ComponentVerifyTicket><![CDATA[ticket@@@demo-0001]]></ComponentVerifyTicket></xml>"
		plain, err := decrypt(secondKey, vector4, "wx0123456789abcdef")
		if err != nil || string(plain) != text {
			t.Errorf("got %s, %v", plain, err)
		}
		if back, err := encrypt(secondKey, "0123456789abcdef", text, "wx0123456789abcdef"); err != nil || back != vector4 {
			t.Errorf("encrypted again it is %s, %v", back, err)
		}
		if got := Sign("componentToken", "1700000001", "778899", vector4); got != "8fb3f9ce19483209449d280af736cac55837d53e" {
			t.Errorf("msg_signature is %s", got)
		}
		if got := Sign("componentToken", "1700000001", "778899"); got != "da695ac10a3b29dac9ec3036e7646b6a8b475c87" {
			t.Errorf("signature is %s", got)
		}
	})
	t.Run("V5, a whole block of padding", func(t *testing.T) {
		t.Parallel()
		text := strings.Repeat("x", 26)
		plain, err := decrypt(secondKey, vector5, "wx0123456789abcdef")
		if err != nil || string(plain) != text {
			t.Errorf("got %s, %v", plain, err)
		}
		if back, err := encrypt(secondKey, "0123456789abcdef", text, "wx0123456789abcdef"); err != nil || back != vector5 {
			t.Errorf("encrypted again it is %s, %v", back, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func wantCode(t *testing.T, want string, err error) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Code != want || r.Why == "" {
		t.Errorf("got %v, want a refusal with the code %s", err, want)
	}
}

// now is when the pushes of the tests are signed.
var now = time.Unix(1700000000, 0).UTC()

// zero fills in randomness that is none.
func zero([]byte) {}

var testKeys = Keys{AppID: "wx0123456789abcdef", Token: "AAAAA", AESKeys: []string{secondKey}, Mode: Safe}

// text is a message as WeChat writes it.
func text(content string) []byte {
	return fmt.Appendf(nil, "<xml><ToUserName><![CDATA[gh_0a1b2c3d4e5f]]></ToUserName><FromUserName><![CDATA[oABCDuHd9pJ6xsn4mS7GyL4HxqI4]]></FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[%s]]></Content><MsgId>4561255354251345929</MsgId></xml>", content)
}

// event is an event as WeChat writes it, with what follows its name.
func event(name, rest string) []byte {
	return fmt.Appendf(nil, "<xml><ToUserName><![CDATA[gh_0a1b2c3d4e5f]]></ToUserName><FromUserName><![CDATA[oABCDuHd9pJ6xsn4mS7GyL4HxqI4]]></FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[%s]]></Event>%s</xml>", name, rest)
}

// posted is a body as WeChat would post it to k.
func posted(t testing.TB, k Keys, plain []byte) Post {
	t.Helper()
	m, err := Read(plain)
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Post(m, now, zero)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// signed posts a body that may be anything, in the mode plain.
func signed(k Keys, at time.Time) url.Values {
	timestamp := fmt.Sprint(at.Unix())
	return url.Values{"signature": {Sign(k.Token, timestamp, "1")}, "timestamp": {timestamp}, "nonce": {"1"}}
}

// sealedAs posts an encrypted text that may be anything.
func sealedAs(k Keys, sealed string) (url.Values, []byte) {
	q := signed(k, now)
	q.Set("encrypt_type", "aes")
	q.Set("msg_signature", Sign(k.Token, q.Get("timestamp"), "1", sealed))
	body, _ := xml.Marshal(struct {
		XMLName xml.Name `xml:"xml"`
		Encrypt string
	}{Encrypt: sealed})
	return q, body
}
