package wechatsim

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPushVectors are the vectors of wechat-api.md §8.1 and §9.3, which were made
// by others.
func TestPushVectors(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		words []string
		want  string
	}{
		{[]string{"AAAAA", "1714036504", "1514711492"}, "f464b24fc39322e44b38aa78f5edd27bd1441696"},
		{[]string{"AAAAA", "1714037059", "486452656"}, "899cf89e464efb63f54ddac96b0a0a235f53aa78"},
		{[]string{"token1234567890", "1458864389", "2066297436"}, "f9c725922f6844701ba71e98031978e40023c09f"},
	} {
		if got := pushSignature(v.words...); got != v.want {
			t.Errorf("%v signs as %s, want %s", v.words, got, v.want)
		}
	}
	zero := strings.Repeat("A", 43)
	letters := "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	for _, v := range []struct {
		name                              string
		token, key, appid, prefix         string
		message, encrypted                string
		timestamp, nonce, signed, urlSign string
	}{
		{
			name: "V1 of the official guide", token: "AAAAA", key: zero, appid: "wxba5fad812f8e6fb9", prefix: "a8eedb185eb2fecf",
			message:   `{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`,
			encrypted: "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04=",
			timestamp: "1714112445", nonce: "415670741", signed: "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3", urlSign: "6c5c811b55cc85e0e1b54100749188c20beb3f5d",
		},
		{
			name: "V1's reply", token: "AAAAA", key: zero, appid: "wxba5fad812f8e6fb9", prefix: "707722b803182950",
			message: `{"demo_resp":"good luck"}`, encrypted: "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==",
			timestamp: "1713424427", nonce: "415670741", signed: "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1",
		},
		{
			name: "V2 of the sample code", token: "pamtest", key: letters, appid: "wxb11529c136998cb6", prefix: "aaaabbbbccccdddd",
			message: "我是中文abcd123", encrypted: "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==",
			timestamp: "1409304348", nonce: "xxxxxx", signed: "82c962d39941aa48552f90ef55aa323dc620cc10",
		},
		{
			name: "V3, whose key has surplus bits", token: "QDG6eK", key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", appid: "wx5823bf96d3bd56c7", prefix: "0960688932c47ef1",
			message:   "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>\n<FromUserName><![CDATA[mycreate]]></FromUserName>\n<CreateTime>1409659813</CreateTime>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[hello]]></Content>\n<MsgId>4561255354251345929</MsgId>\n<AgentID>218</AgentID>\n</xml>",
			encrypted: "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",
			timestamp: "1409659813", nonce: "1372623149", signed: "477715d11cdb4164915debcba66cb864d751f3e6",
		},
		{
			name: "V4, an event for a platform", token: "componentToken", key: letters, appid: "wx0123456789abcdef", prefix: "0123456789abcdef",
			message:   "<xml><AppId><![CDATA[wx0123456789abcdef]]></AppId><CreateTime>1700000000</CreateTime><InfoType><![CDATA[component_verify_ticket]]></InfoType><ComponentVerifyTicket><![CDATA[ticket@@@demo-0001]]></ComponentVerifyTicket></xml>",
			encrypted: "Q3stYC6hdFzMh9T8HCvyDNut4a+NONmUgauvvEgdDPxA7NfCaYxPxe/iJiNXBcJFO8QaPCOz/gFPpeArd+fhzp0mPCBbROjqfffnsphkZDXMSqeZc9UkOBe9Z5fA0pMNtB5fC291Wk21AQrdgNXd9hN9eoRAYwWiULTZJqjYBODdU/srMAvUwRJpVuxSzgzk6bETw1K+1SEqLH4eHD+GWgqWsLgflm/uJPjgX6l61lNb9wyREF5Q5mu9xGnN/KWMwDbz1dbkpYJq7dAteuFZaqhOc+ALiTL60zq7tbLX9bdidEMHZECxGz8PaU6t8aLeabnkTIq88d19EjGoqM2NZwLdJHdOuuYAcjFcK/pTZAIjbaff+/XtwBdm1EBeRu6v",
			timestamp: "1700000001", nonce: "778899", signed: "8fb3f9ce19483209449d280af736cac55837d53e", urlSign: "da695ac10a3b29dac9ec3036e7646b6a8b475c87",
		},
		{
			name: "V5, a whole block of padding", key: letters, appid: "wx0123456789abcdef", prefix: "0123456789abcdef",
			message: strings.Repeat("x", 26), encrypted: "Q3stYC6hdFzMh9T8HCvyDHDxbrF7f8TfmYxXSN1y2Vbjja9RgRLcXPjzJF67v90Vr3HKiuEL04e7gdJi1DufsXo0wvTp5Iwc7Rt+04Oq4Q1t7yZ26HdYDJfk5lsZrMIt",
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			key, err := decodeAESKey(v.key)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := encryptPush(key, v.prefix, v.message, v.appid); err != nil || got != v.encrypted {
				t.Errorf("encrypted %v\n%s, want\n%s", err, got, v.encrypted)
			}
			if got, err := decryptPush(key, v.encrypted, v.appid); err != nil || got != v.message {
				t.Errorf("decrypted %v\n%s, want\n%s", err, got, v.message)
			}
			if got := pushSignature(v.token, v.timestamp, v.nonce, v.encrypted); v.signed != "" && got != v.signed {
				t.Errorf("msg_signature %s, want %s", got, v.signed)
			}
			if got := pushSignature(v.token, v.timestamp, v.nonce); v.urlSign != "" && got != v.urlSign {
				t.Errorf("signature %s, want %s", got, v.urlSign)
			}
		})
	}
}

func TestPushCryptRefuses(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 42) + "+"} {
		if _, err := decodeAESKey(key); err == nil {
			t.Errorf("%q passes for an EncodingAESKey", key)
		}
	}
	key := make([]byte, 32)
	good, err := encryptPush(key, "0123456789abcdef", "hello", "wx1")
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"nothing":       "",
		"no base64":     "%%%",
		"half a block":  good[:20] + "=",
		"another order": good[4:] + good[:4],
		"random bytes":  strings.Repeat("QUJD", 32) + "QQ==",
	} {
		if _, err := decryptPush(key, bad, "wx1"); err == nil {
			t.Errorf("%s is decrypted", name)
		}
	}
	if _, err := decryptPush(key, good, "wx2"); err == nil {
		t.Error("another appid's message is decrypted")
	}
}

func TestPushCryptReturnsWhatWentIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		message := rapid.String().Draw(t, "message")
		tail := rapid.StringMatching(`wx[0-9a-f]{16}`).Draw(t, "tail")
		sealed, err := encryptPush(key, "0123456789abcdef", message, tail)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decryptPush(key, sealed, tail); err != nil || got != message {
			t.Fatalf("%q came back as %q, %v", message, got, err)
		}
	})
}
