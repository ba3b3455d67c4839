package wechat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"time"
)

// MiniData is what a mini program sent encrypted. Raw is the whole of it, which is
// in no log.
type MiniData struct {
	OpenID  string // empty where WeChat writes none, as with telephone numbers
	UnionID string
	At      time.Time // when WeChat encrypted it
	Raw     json.RawMessage
}

const (
	// miniDataLife is how old encrypted data may be. It is sent when it is got.
	miniDataLife = 10 * time.Minute
	// miniDataSkew is how much a clock may be behind WeChat's.
	miniDataSkew = 2 * time.Minute
	// maxMiniData bounds encrypted data in bytes of base64.
	maxMiniData = 64 << 10
)

const apiMiniData = "encryptedData"

// OpenMiniData decrypts encryptedData of a mini program with the session key that
// [Client.Code2Session] gave (wechat-api.md §3.3), and checks by the watermark
// that it is this mini program's and at most 10 minutes old. Its errors are of type
// [*Error], of [ClassRestart]: wx.login gives a new session key.
//
// The data isn't signed, and the visitor, who chose the iv, can turn bits of his
// own first 16 bytes: take OpenID for his only if it is the session's.
func OpenMiniData(appID, sessionKey, iv, data string, now time.Time) (MiniData, error) {
	refuse := func(why string) (MiniData, error) {
		return MiniData{}, &Error{API: apiMiniData, Class: ClassRestart, Message: why}
	}
	plain, ok := decryptMiniData(sessionKey, iv, data)
	if !ok {
		return refuse("it does not decrypt: the session key may be an older one")
	}
	var d struct {
		OpenID    text `json:"openId"`
		UnionID   text `json:"unionId"`
		Watermark struct {
			Timestamp long `json:"timestamp"`
			AppID     text `json:"appid"`
		} `json:"watermark"`
	}
	if !json.Valid(plain) || readAnswer(plain, &d) != nil {
		return refuse("it does not decrypt: the session key may be an older one")
	}
	at := time.Unix(int64(d.Watermark.Timestamp), 0)
	switch {
	case appID == "" || string(d.Watermark.AppID) != appID:
		return refuse("it is of another mini program")
	case at.After(now.Add(miniDataSkew)) || now.Sub(at) > miniDataLife:
		return refuse("it is too old, or of the future")
	case d.OpenID != "" && !wordLike(string(d.OpenID), 64):
		return refuse("its openid is malformed")
	case d.UnionID != "" && !wordLike(string(d.UnionID), 64):
		return refuse("its unionid is malformed")
	}
	return MiniData{OpenID: string(d.OpenID), UnionID: string(d.UnionID), At: at, Raw: plain}, nil
}

// decryptMiniData is AES-128-CBC with PKCS#7 to blocks of 16 bytes.
func decryptMiniData(sessionKey, iv, data string) ([]byte, bool) {
	if len(data) > maxMiniData {
		return nil, false
	}
	key, err1 := base64.StdEncoding.DecodeString(sessionKey)
	start, err2 := base64.StdEncoding.DecodeString(iv)
	b, err3 := base64.StdEncoding.DecodeString(data)
	if err1 != nil || err2 != nil || err3 != nil ||
		len(key) != 16 || len(start) != aes.BlockSize || len(b) == 0 || len(b)%aes.BlockSize != 0 {
		return nil, false
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	cipher.NewCBCDecrypter(block, start).CryptBlocks(b, b)
	pad := int(b[len(b)-1])
	if pad < 1 || pad > aes.BlockSize || !bytes.Equal(b[len(b)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, false
	}
	return b[:len(b)-pad], true
}
