package inbox_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// backend is what somebody else has written for WeChat's pushes, long before us: it
// verifies and decrypts with nothing of ours, and is as strict as WeChat's guide allows.
type backend struct {
	*httptest.Server
	keys   push.Keys
	answer func(plain string) string // may wait; nil answers success
	now    func() time.Time          // nil is the clock of the tests

	mu   sync.Mutex
	took []string // what it has read, in order
}

// subscribe starts a backend with keys of its own.
func subscribe(t *testing.T, mode push.Mode, answer func(string) string) *backend {
	t.Helper()
	b := &backend{answer: answer, keys: push.Keys{AppID: appID, Token: "backendToken", AESKeys: []string{"jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"}, Mode: mode}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain, err := b.read(r)
		if err != nil {
			t.Errorf("the backend in the mode %s refuses a push: %v", mode, err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		b.mu.Lock()
		b.took = append(b.took, plain)
		b.mu.Unlock()
		reply := "success"
		if b.answer != nil {
			reply = b.answer(plain)
		}
		_, _ = io.WriteString(w, reply)
	}))
	t.Cleanup(b.Close)
	return b
}

// as is the backend as a subscriber.
func (b *backend) as(name string, types ...string) inbox.Subscriber {
	return inbox.Subscriber{Name: name, URL: b.URL + "/wx?site=7", Keys: b.keys, Types: types}
}

// got returns what the backend has read.
func (b *backend) got() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.took...)
}

func (b *backend) clock() time.Time {
	if b.now == nil {
		return t0
	}
	return b.now()
}

func sorted(values ...string) string {
	sort.Strings(values)
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(values, ""))))
}

// read does what WeChat's guide says.
func (b *backend) read(r *http.Request) (string, error) {
	q := r.URL.Query()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	var outer struct {
		XMLName      xml.Name `xml:"xml"`
		ToUserName   string
		FromUserName string
		Encrypt      string
	}
	if err := xml.Unmarshal(body, &outer); err != nil {
		return "", err
	}
	switch {
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "text/xml" || q.Get("site") != "7" || r.URL.Path != "/wx":
		return "", fmt.Errorf("%s %s, %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	case q.Get("openid") != openID || outer.ToUserName != origin:
		return "", fmt.Errorf("for %q, from %q", outer.ToUserName, q.Get("openid"))
	case q.Get("signature") != sorted(b.keys.Token, q.Get("timestamp"), q.Get("nonce")):
		return "", fmt.Errorf("the signature is wrong")
	}
	if b.keys.Mode == push.Plain {
		if q.Has("encrypt_type") || q.Has("msg_signature") || outer.Encrypt != "" {
			return "", fmt.Errorf("it is encrypted")
		}
		return string(body), nil
	}
	if q.Get("encrypt_type") != "aes" || q.Get("msg_signature") != sorted(b.keys.Token, q.Get("timestamp"), q.Get("nonce"), outer.Encrypt) {
		return "", fmt.Errorf("the signature of the message is wrong")
	}
	if (b.keys.Mode == push.Compatible) != (outer.FromUserName == openID) {
		return "", fmt.Errorf("its plain part is of another mode")
	}
	return b.decrypt(outer.Encrypt)
}

func (b *backend) decrypt(sealed string) (string, error) {
	key, _ := base64.StdEncoding.DecodeString(b.keys.AESKeys[0] + "=")
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw)%32 != 0 {
		return "", fmt.Errorf("%d bytes, %w", len(raw), err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	cipher.NewCBCDecrypter(block, key[:16]).CryptBlocks(raw, raw)
	raw = raw[:len(raw)-int(raw[len(raw)-1])]
	size := binary.BigEndian.Uint32(raw[16:20])
	if tail := string(raw[20+size:]); tail != b.keys.AppID {
		return "", fmt.Errorf("it is for %q", tail)
	}
	return string(raw[20 : 20+size]), nil
}
