package wechatsim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// What follows plays the mini program or the app on a person's phone: what it gets
// from WeChat and sends to its own server.

// Sealed is what a mini program gets of wx.getUserInfo and the like, to send to its
// server (wechat-api.md §3.3).
type Sealed struct {
	Data      string `json:"encrypted_data"`
	IV        string `json:"iv"`
	Raw       string `json:"raw_data"`
	Signature string `json:"signature"`
}

// MiniLogin is wx.login in a mini program: the code for its server. Half of the
// time, by the dice, it replaces the person's session key. It panics if there is no
// such person or mini program.
func (s *Sim) MiniLogin(person, appid string) string { return orPanic(s.miniLogin(person, appid)) }

func (s *Sim) miniLogin(person, appid string) (string, error) {
	a, err := s.program(person, appid, KindMini)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	_, has := s.state(appid).sessions[person]
	s.mu.Unlock()
	if !has || s.dice.chance(0.5) {
		s.newSession(person, appid)
	}
	return s.issueFor(login{account: a, person: person}, miniLoginPath, codeLife), nil
}

// newSession makes a person's next session key at a mini program.
func (s *Sim) newSession(person, appid string) string {
	key := base64.StdEncoding.EncodeToString(s.dice.bytes(16))
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state(appid)
	if st.sessions == nil {
		st.sessions = map[string]string{}
	}
	st.sessions[person] = key
	return key
}

// MiniPhone is the button by which a person tells a mini program his phone number:
// the code for its server. It panics as MiniLogin does.
func (s *Sim) MiniPhone(person, appid string) string { return orPanic(s.miniPhone(person, appid)) }

func (s *Sim) miniPhone(person, appid string) (string, error) {
	a, err := s.program(person, appid, KindMini)
	if err != nil {
		return "", err
	}
	return s.issueFor(login{account: a, person: person}, phoneNumberPath, codeLife), nil
}

// MiniData is what wx.getUserInfo gives a mini program about a person who logged in
// there. It panics as MiniLogin does, and if he didn't.
func (s *Sim) MiniData(person, appid string) Sealed { return orPanic(s.miniData(person, appid)) }

func (s *Sim) miniData(person, appid string) (Sealed, error) {
	told := map[string]any{
		"nickName": "微信用户", "gender": 0, "language": "", "city": "", "province": "", "country": "", "avatarUrl": "",
	}
	raw, err := json.Marshal(told)
	if err != nil {
		return Sealed{}, fmt.Errorf("making mini program data: %w", err)
	}
	told["openId"], told["watermark"] = s.OpenID(person, appid), s.watermark(appid)
	if unionid := s.UnionID(person, appid); unionid != "" {
		told["unionId"] = unionid
	}
	plain, err := json.Marshal(told)
	if err != nil {
		return Sealed{}, fmt.Errorf("making mini program data: %w", err)
	}
	sealed, key, err := s.seal(person, appid, plain)
	if err != nil {
		return Sealed{}, err
	}
	sum := sha1.Sum([]byte(string(raw) + key))
	sealed.Raw, sealed.Signature = string(raw), hex.EncodeToString(sum[:])
	return sealed, nil
}

// MiniSeal encrypts any text with the session key of a person at a mini program, as
// WeChat would not: a foreign watermark, nonsense. It panics as MiniData does.
func (s *Sim) MiniSeal(person, appid, plain string) Sealed {
	sealed, _, err := s.seal(person, appid, []byte(plain))
	return orPanic(sealed, err)
}

func (s *Sim) seal(person, appid string, plain []byte) (Sealed, string, error) {
	if _, err := s.program(person, appid, KindMini); err != nil {
		return Sealed{}, "", err
	}
	s.mu.Lock()
	key := s.state(appid).sessions[person]
	s.mu.Unlock()
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil || key == "" {
		return Sealed{}, "", fmt.Errorf("playing %s for %s: he hasn't logged in there", appid, person)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return Sealed{}, "", fmt.Errorf("playing %s: %w", appid, err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	iv := s.dice.bytes(aes.BlockSize)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return Sealed{Data: base64.StdEncoding.EncodeToString(padded), IV: base64.StdEncoding.EncodeToString(iv)}, key, nil
}

func (s *Sim) watermark(appid string) map[string]any {
	return map[string]any{"timestamp": s.Now().Unix(), "appid": appid}
}

// AppLogin is a login in an app: the code for its server. It panics if there is no
// such person or app.
func (s *Sim) AppLogin(person, appid string) string { return orPanic(s.appLogin(person, appid)) }

func (s *Sim) appLogin(person, appid string) (string, error) {
	a, err := s.program(person, appid, KindApp)
	if err != nil {
		return "", err
	}
	s.granted(person, appid)
	return s.issue(login{account: a, person: person, scope: scopeUserInfo}), nil
}

// program is an account of a kind, on the phone of a person who is there.
func (s *Sim) program(person, appid, kind string) (Account, error) {
	a, ok := s.account(appid)
	if !ok || a.Kind != kind {
		return Account{}, fmt.Errorf("playing %s: %w account of the kind %s", appid, ErrUnknown, kind)
	}
	if _, ok := s.person(person); !ok {
		return Account{}, fmt.Errorf("playing %s: %w person", appid, ErrUnknown)
	}
	return a, nil
}

func orPanic[T any](v T, err error) T {
	if err != nil {
		panic("wechatsim: " + err.Error())
	}
	return v
}

// PhoneNumber is the number of a person's phone, without a country's: his own, or
// one that the seed decides.
func (s *Sim) PhoneNumber(person string) string {
	if p, ok := s.person(person); ok && p.Phone != "" {
		return p.Phone
	}
	return fmt.Sprintf("138%08d", s.drawn(100_000_000, "phone", person))
}
