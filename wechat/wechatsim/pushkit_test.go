package wechatsim

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	pushToken = "pushToken1"
	pushKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// backend is an account's server.
type backend struct {
	*httptest.Server
	appid, mode string
	// answer is what it answers to a push, in the open; nil answers "success".
	answer func(w http.ResponseWriter, r *http.Request, p got)

	mu  sync.Mutex
	got []got
}

// got is a push as the server reads it.
type got struct {
	query   url.Values
	raw     string // the body
	plain   string // after decryption; "" if that failed
	from    string
	genuine bool // the signature is right
}

func (g got) has(elements ...string) bool {
	return !slices.ContainsFunc(elements, func(e string) bool { return !strings.Contains(g.plain, e) })
}

// startBackend starts the server of an account and sets it as the target.
func startBackend(t testing.TB, s *Server, appid, mode string) *backend {
	t.Helper()
	b := &backend{appid: appid, mode: mode}
	b.Server = httptest.NewServer(b)
	t.Cleanup(func() {
		s.Close()
		b.CloseClientConnections()
		b.Close()
	})
	if err := s.SetPush(appid, b.URL+"/push", pushToken, pushKey, mode); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	body, _ := io.ReadAll(r.Body)
	g := got{query: q, raw: string(body), plain: string(body)}
	g.genuine = q.Get("signature") == pushSignature(pushToken, q.Get("timestamp"), q.Get("nonce"))
	if r.Method == http.MethodGet {
		if g.genuine {
			_, _ = io.WriteString(w, q.Get("echostr"))
		}
		return
	}
	if q.Get("encrypt_type") == "aes" {
		var envelope struct {
			Encrypt string `xml:"Encrypt"`
		}
		_ = xml.Unmarshal(body, &envelope)
		key, _ := decodeAESKey(pushKey)
		g.plain, _ = decryptPush(key, envelope.Encrypt, b.appid)
		g.genuine = q.Get("msg_signature") == pushSignature(pushToken, q.Get("timestamp"), q.Get("nonce"), envelope.Encrypt)
	}
	var head struct {
		From string `xml:"FromUserName"`
	}
	_ = xml.Unmarshal([]byte(g.plain), &head)
	g.from = head.From
	b.mu.Lock()
	b.got = append(b.got, g)
	answer := b.answer
	b.mu.Unlock()
	if answer != nil {
		answer(w, r, g)
		return
	}
	_, _ = io.WriteString(w, "success")
}

func (b *backend) all() []got {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

// last waits for what is due and is the only push since the last call.
func (b *backend) last(t testing.TB, s *Server) got {
	t.Helper()
	settle(t, s)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.got) != 1 {
		t.Fatalf("%d pushes, want one: %v", len(b.got), b.got)
	}
	g := b.got[0]
	b.got = nil
	return g
}

// replyTo writes a passive reply in the open.
func replyTo(s *Server, appid string, g got, body string) string {
	return "<xml><ToUserName><![CDATA[" + g.from + "]]></ToUserName><FromUserName><![CDATA[" + s.OriginalID(appid) +
		"]]></FromUserName><CreateTime>1700000001</CreateTime>" + body + "</xml>"
}

// seal puts a passive reply into its envelope.
func seal(t testing.TB, appid, plain string) string {
	t.Helper()
	key, err := decodeAESKey(pushKey)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encryptPush(key, "0123456789abcdef", plain, appid)
	if err != nil {
		t.Fatal(err)
	}
	return "<xml><Encrypt><![CDATA[" + sealed + "]]></Encrypt><MsgSignature><![CDATA[" + pushSignature(pushToken, "1713424427", "41", sealed) +
		"]]></MsgSignature><TimeStamp>1713424427</TimeStamp><Nonce><![CDATA[41]]></Nonce></xml>"
}

// ok stops a test that an arrangement failed in.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// still is a clock that only the hand moves.
func still(o *Options) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	o.Now = func() time.Time { return at }
}
