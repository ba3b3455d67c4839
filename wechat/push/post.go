package push

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Post is a push as WeChat's server posts it.
type Post struct {
	Query       url.Values // to be added to the query of the URL
	ContentType string
	Body        []byte
}

// Post writes a message for somebody with keys of his own, as if WeChat had posted it to
// him now: what is written for WeChat verifies it and reads it. random fills in what
// nobody may guess.
func (k Keys) Post(m Message, now time.Time, random func([]byte)) (Post, error) {
	if err := k.Check(); err != nil {
		return Post{}, err
	}
	var number [8]byte
	random(number[:])
	timestamp := strconv.FormatInt(now.Unix(), 10)
	nonce := strconv.FormatUint(binary.LittleEndian.Uint64(number[:])%1e10, 10) // a number, as WeChat's are
	p := Post{ContentType: "text/xml", Body: m.Plain, Query: url.Values{
		"signature": {Sign(k.Token, timestamp, nonce)}, "timestamp": {timestamp}, "nonce": {nonce}, "openid": {m.From},
	}}
	if m.JSON {
		p.ContentType = "application/json"
	}
	if k.Mode == Plain {
		return p, nil
	}
	sealed, err := encrypt(k.AESKeys[0], letters(random, 16), string(m.Plain), k.AppID)
	if err != nil {
		return Post{}, err
	}
	p.Query.Set("encrypt_type", "aes")
	p.Query.Set("msg_signature", Sign(k.Token, timestamp, nonce, sealed))
	if k.Mode == Compatible {
		p.Body, err = m.with(sealed)
	} else {
		p.Body, err = outer(m, sealed)
	}
	return p, err
}

// outer is the body in the mode [Safe].
func outer(m Message, sealed string) ([]byte, error) {
	if m.JSON {
		return json.Marshal(struct{ ToUserName, Encrypt string }{m.To, sealed})
	}
	var b bytes.Buffer
	b.WriteString("<xml><ToUserName>")
	if err := writeText(&b, m.To); err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "</ToUserName><Encrypt><![CDATA[%s]]></Encrypt></xml>", sealed)
	return b.Bytes(), nil
}

// with is the body in the mode [Compatible]: the plain one, and in it the encrypted one.
func (m Message) with(sealed string) ([]byte, error) {
	if m.tail <= 0 || m.tail >= len(m.Plain) {
		return nil, refuse(CodeSyntax)
	}
	before, after := string(m.Plain[:m.tail]), string(m.Plain[m.tail:])
	if m.JSON {
		return []byte(strings.TrimRight(before, " \t\r\n") + `,"Encrypt":"` + sealed + `"` + after), nil
	}
	return []byte(before + "<Encrypt><![CDATA[" + sealed + "]]></Encrypt>" + after), nil
}
