package wechatsim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func code2Session(t testing.TB, s *Server, appid, code string) map[string]any {
	t.Helper()
	return ask(t, s, miniLoginPath, "appid", appid, "secret", secret, "js_code", code, "grant_type", "authorization_code")
}

func TestMiniLogin(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := s.MiniLogin("ming", appMini)
	if len(code) != 32 {
		t.Errorf("the code is %q", code)
	}
	errcode(t, code2Session(t, s, appOther, code), "40029")
	errcode(t, exchange(t, s, appMini, code), "40029")
	a := code2Session(t, s, appMini, code)
	key, _ := base64.StdEncoding.DecodeString(a["session_key"].(string))
	if a["openid"] != s.OpenID("ming", appMini) || a["unionid"] != s.UnionID("ming", appA) || len(key) != 16 {
		t.Errorf("answer %v", a)
	}
	errcode(t, code2Session(t, s, appMini, code), "40163")
	if a := code2Session(t, s, appOther, s.MiniLogin("ming", appOther)); a["unionid"] != nil || a["openid"] == nil {
		t.Errorf("without a subject: %v", a)
	}
	late := s.MiniLogin("ming", appMini)
	s.Advance(codeLife)
	errcode(t, code2Session(t, s, appMini, late), "42003")
	errcode(t, ask(t, s, miniLoginPath, "appid", appMini, "secret", secret, "grant_type", "authorization_code"), "41008")
	errcode(t, ask(t, s, miniLoginPath, "appid", appMini, "secret", "x", "js_code", "x", "grant_type", "authorization_code"), "40125")
	for i := range miniLoginsAMinute + 1 {
		a := code2Session(t, s, appOther, s.MiniLogin("li", appOther))
		if refused := fmt.Sprint(a["errcode"]) == "45011"; refused != (i == miniLoginsAMinute) {
			t.Fatalf("login %d: %v", i, a)
		}
	}
	if a := code2Session(t, s, appOther, s.MiniLogin("wang", appOther)); a["openid"] == nil {
		t.Errorf("another person: %v", a)
	}
}

func TestMiniPlaysRefuseWhoIsntThere(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, play := range map[string]func(){
		"a login in an official account": func() { s.MiniLogin("ming", appA) },
		"a login of nobody":              func() { s.MiniLogin("nobody", appMini) },
		"data without a login":           func() { s.MiniData("ming", appMini) },
		"a phone in an app":              func() { s.MiniPhone("ming", appApp) },
		"an app that is a mini program":  func() { s.AppLogin("ming", appMini) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s works", name)
				}
			}()
			play()
		}()
	}
}

// unseal opens what a mini program got, as a server does.
func unseal(t testing.TB, key string, sealed Sealed) string {
	t.Helper()
	k, _ := base64.StdEncoding.DecodeString(key)
	iv, _ := base64.StdEncoding.DecodeString(sealed.IV)
	data, _ := base64.StdEncoding.DecodeString(sealed.Data)
	block, err := aes.NewCipher(k)
	if err != nil || len(iv) != 16 || len(data) == 0 || len(data)%16 != 0 {
		t.Fatalf("key %v, iv of %d bytes, data of %d", err, len(iv), len(data))
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(data, data)
	pad := int(data[len(data)-1])
	if pad < 1 || pad > 16 {
		t.Fatalf("padding of %d", pad)
	}
	return string(data[:len(data)-pad])
}

func TestMiniData(t *testing.T) {
	t.Parallel()
	s := start(t)
	key := code2Session(t, s, appMini, s.MiniLogin("ming", appMini))["session_key"].(string)
	sealed := s.MiniData("ming", appMini)
	var told struct {
		OpenID    string `json:"openId"`
		UnionID   string `json:"unionId"`
		Watermark struct {
			Timestamp int64  `json:"timestamp"`
			AppID     string `json:"appid"`
		} `json:"watermark"`
	}
	if err := json.Unmarshal([]byte(unseal(t, key, sealed)), &told); err != nil {
		t.Fatal(err)
	}
	if told.OpenID != s.OpenID("ming", appMini) || told.UnionID != s.UnionID("ming", appMini) || told.Watermark.AppID != appMini || s.Now().Unix()-told.Watermark.Timestamp > 1 {
		t.Errorf("told %+v", told)
	}
	sum := sha1.Sum([]byte(sealed.Raw + key))
	if sealed.Signature != hex.EncodeToString(sum[:]) || !json.Valid([]byte(sealed.Raw)) {
		t.Errorf("signature of %q", sealed.Raw)
	}
	for _, plain := range []string{"", "x", "0123456789abcdef"} {
		if got := unseal(t, key, s.MiniSeal("ming", appMini, plain)); got != plain {
			t.Errorf("sealed %q, opened %q", plain, got)
		}
	}
	if other := s.MiniSeal("ming", appMini, "x"); other.IV == sealed.IV {
		t.Error("two seals have one iv")
	}
	for range 50 { // a login may replace the key
		s.MiniLogin("ming", appMini)
	}
	if fresh := code2Session(t, s, appMini, s.MiniLogin("ming", appMini))["session_key"]; fresh == key {
		t.Error("50 logins left the session key alone")
	}
}

// signed is the signature that stands for a session key.
func signed(key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestSessionKeyIsCheckedAndReset(t *testing.T) {
	t.Parallel()
	s := start(t)
	key := code2Session(t, s, appMini, s.MiniLogin("ming", appMini))["session_key"].(string)
	token, openid := tokenOf(t, s, appMini), s.OpenID("ming", appMini)
	check := func(path, openid, signature string) map[string]any {
		t.Helper()
		return ask(t, s, path, "access_token", token, "openid", openid, "signature", signature, "sig_method", "hmac_sha256")
	}
	errcode(t, check(checkSessionPath, openid, signed(key)), "0")
	errcode(t, check(checkSessionPath, openid, signed("x")), "87009")
	errcode(t, check(checkSessionPath, s.OpenID("li", appMini), signed("")), "87009")
	errcode(t, check(checkSessionPath, s.OpenID("ming", appA), signed(key)), "40003")
	errcode(t, ask(t, s, checkSessionPath, "access_token", token, "openid", openid, "signature", signed(key)), "87009")
	a := check(resetSessionPath, openid, signed(key))
	fresh, _ := a["session_key"].(string)
	if a["openid"] != openid || fresh == key || fresh == "" {
		t.Errorf("answer %v", a)
	}
	errcode(t, check(checkSessionPath, openid, signed(key)), "87009")
	errcode(t, check(checkSessionPath, openid, signed(fresh)), "0")
	errcode(t, ask(t, s, checkSessionPath, "access_token", tokenOf(t, s, appA)), "48001")
}

func TestPhoneNumber(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) { o.People = append(DefaultCast(), Person{Name: "mei", Phone: "13900001111"}) })
	token := tokenOf(t, s, appMini)
	number := func(token, code string) map[string]any {
		t.Helper()
		return tell(t, s, phoneNumberPath, token, `{"code":"`+code+`"}`)
	}
	code := s.MiniPhone("mei", appMini)
	errcode(t, number(tokenOf(t, s, appOther), code), "40013")
	a := number(token, code)
	errcode(t, a, "0")
	info, _ := a["phone_info"].(map[string]any)
	mark, _ := info["watermark"].(map[string]any)
	if info["purePhoneNumber"] != "13900001111" || fmt.Sprint(info["countryCode"]) != "86" || mark["appid"] != appMini || mark["timestamp"] == nil {
		t.Errorf("answer %v", a)
	}
	errcode(t, number(token, code), "40163")
	errcode(t, number(token, s.MiniLogin("mei", appMini)), "40029") // a code of another kind
	errcode(t, tell(t, s, phoneNumberPath, token, `{"code":"`+s.MiniPhone("mei", appMini)+`","openid":"`+s.OpenID("li", appMini)+`"}`), "40003")
	late := s.MiniPhone("mei", appMini)
	s.Advance(5 * time.Minute)
	errcode(t, number(token, late), "42003")
	errcode(t, tell(t, s, phoneNumberPath, tokenOf(t, s, appA), `{"code":"x"}`), "48001")
	errcode(t, code2Session(t, s, appMini, s.MiniPhone("mei", appMini)), "40029")
	if made := s.PhoneNumber("ming"); len(made) != 11 || made == s.PhoneNumber("li") {
		t.Errorf("the number of a person without one is %q", made)
	}
	kinds := map[string]bool{}
	for range 50 {
		info := number(token, s.MiniPhone("li", appMini))["phone_info"].(map[string]any)
		kinds[fmt.Sprintf("%T", info["countryCode"])] = true
	}
	if len(kinds) != 2 {
		t.Errorf("the country is always a %v; WeChat tells it as a text and as a number", kinds)
	}
}

func TestAppLogin(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := s.AppLogin("ming", appApp)
	s.Advance(openLife - time.Second)
	a := exchange(t, s, appApp, code)
	if a["openid"] != s.OpenID("ming", appApp) || a["unionid"] != s.UnionID("ming", appA) || a["scope"] != scopeUserInfo {
		t.Errorf("answer %v", a)
	}
	late := s.AppLogin("ming", appApp)
	s.Advance(openLife)
	errcode(t, exchange(t, s, appApp, late), "42003")
}
