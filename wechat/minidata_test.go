package wechat_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// WeChat's own vector, of wechat-api.md §3.3.
const (
	miniApp1  = "wx4f4bc4dec97d474b"
	miniIV    = "r7BXXKkLb8qrSNn05n0qiA=="
	miniCrypt = "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew=="
)

var miniTime = time.Unix(1477314187, 0)

func TestOpenMiniDataOpensWeChatsOwn(t *testing.T) {
	t.Parallel()
	d, err := wechat.OpenMiniData(miniApp1, sessionKey, miniIV, miniCrypt, miniTime)
	if check(t, err) != nil {
		t.Fatal(err)
	}
	var raw struct {
		NickName string `json:"nickName"`
	}
	if err := json.Unmarshal(d.Raw, &raw); err != nil || raw.NickName != "Band" ||
		d.OpenID != "oGZUI0egBJY1zhBYw2KhdUfwVJJE" || d.UnionID != "ocMvos6NjeKLIBqg5Mr9QjxrP1FA" || !d.At.Equal(miniTime) {
		t.Errorf("got %q %q at %v, %s", d.OpenID, d.UnionID, d.At, d.Raw)
	}
	if s := fmt.Sprintf("%v %+v %#v", d, d, d); strings.Contains(s, d.OpenID) || strings.Contains(s, "Band") {
		t.Errorf("shows the visitor: %s", s)
	}
}

func TestOpenMiniDataWantsFreshDataOfThisMiniProgram(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		app  string
		now  time.Time
		why  string
	}{
		{"10 minutes old", miniApp1, miniTime.Add(10 * time.Minute), ""},
		{"older", miniApp1, miniTime.Add(10*time.Minute + 1), "too old"},
		{"a clock that is 2 minutes behind", miniApp1, miniTime.Add(-2 * time.Minute), ""},
		{"a clock that is further behind", miniApp1, miniTime.Add(-2*time.Minute - 1), "of the future"},
		{"another mini program", appID, miniTime, "another mini program"},
		{"no mini program", "", miniTime, "another mini program"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d, err := wechat.OpenMiniData(tc.app, sessionKey, miniIV, miniCrypt, tc.now)
			if tc.why == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e := want(t, err, wechat.ClassRestart); !strings.Contains(e.Message, tc.why) || d.OpenID != "" {
				t.Errorf("got %v beside %v", d.OpenID, e)
			}
		})
	}
}

// seal encrypts as WeChat does, with a padding of one's own if it isn't nil.
func seal(t testing.TB, plain string, pad []byte) string {
	t.Helper()
	return sealWith(t, sessionKey, plain, pad)
}

func sealWith(t testing.TB, sessionKey, plain string, pad []byte) string {
	t.Helper()
	key, err1 := base64.StdEncoding.DecodeString(sessionKey)
	iv, err2 := base64.StdEncoding.DecodeString(miniIV)
	block, err3 := aes.NewCipher(key)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if pad == nil {
		n := aes.BlockSize - len(plain)%aes.BlockSize
		pad = bytes.Repeat([]byte{byte(n)}, n)
	}
	b := append([]byte(plain), pad...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(b, b)
	return base64.StdEncoding.EncodeToString(b)
}

func mark(app string) string {
	return fmt.Sprintf(`"watermark":{"timestamp":%d,"appid":%q}`, miniTime.Unix(), app)
}

func TestOpenMiniDataRefusesNonsense(t *testing.T) {
	t.Parallel()
	good := `{"openId":"` + openid + `",` + mark(miniApp1) + `}`
	longKey := base64.StdEncoding.EncodeToString(make([]byte, 32))
	short := `{` + mark(miniApp1) + `}`
	filled := short + strings.Repeat(" ", 16-len(short)%16)
	for _, tc := range []struct{ name, key, iv, data string }{
		{"no key", "", miniIV, seal(t, good, nil)},
		{"a key that is no base64", "tiihtNczf5v6AKRyjwEUh!==", miniIV, seal(t, good, nil)},
		{"a key of 32 bytes", longKey, miniIV, sealWith(t, longKey, good, nil)},
		{"another key", "OD08STjBWjRtfTEOqbaz8g==", miniIV, seal(t, good, nil)},
		{"an iv of 15 bytes", sessionKey, base64.StdEncoding.EncodeToString(make([]byte, 15)), seal(t, good, nil)},
		{"no data", sessionKey, miniIV, ""},
		{"data that is no base64", sessionKey, miniIV, "%%%"},
		{"half a block", sessionKey, miniIV, base64.StdEncoding.EncodeToString(make([]byte, 24))},
		{"a padding of 0", sessionKey, miniIV, seal(t, filled, make([]byte, 16))},
		{"a padding of 17", sessionKey, miniIV, seal(t, filled+strings.Repeat(" ", 15), bytes.Repeat([]byte{17}, 17))},
		{"a padding of 32, as pushes have it", sessionKey, miniIV, seal(t, filled, bytes.Repeat([]byte{32}, 32))},
		{"a padding of different bytes", sessionKey, miniIV, seal(t, filled, append(make([]byte, 15), 16))},
		{"no JSON", sessionKey, miniIV, seal(t, "hello", nil)},
		{"a list", sessionKey, miniIV, seal(t, "["+good+"]", nil)},
		{"a byte order mark", sessionKey, miniIV, seal(t, "\xef\xbb\xbf"+good, nil)},
		{"no watermark", sessionKey, miniIV, seal(t, `{"openId":"x"}`, nil)},
		{"a malformed openid", sessionKey, miniIV, seal(t, `{"openId":"a b",`+mark(miniApp1)+`}`, nil)},
		{"a malformed unionid", sessionKey, miniIV, seal(t, `{"unionId":"a b",`+mark(miniApp1)+`}`, nil)},
		{"too much", sessionKey, miniIV, seal(t, good+strings.Repeat(" ", 64<<10), nil)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d, err := wechat.OpenMiniData(miniApp1, tc.key, tc.iv, tc.data, miniTime)
			if want(t, err, wechat.ClassRestart); d.OpenID != "" || d.Raw != nil {
				t.Errorf("got %q, %s", d.OpenID, d.Raw)
			}
		})
	}
	t.Run("data of nobody for nobody", func(t *testing.T) {
		t.Parallel()
		_, err := wechat.OpenMiniData("", sessionKey, miniIV, seal(t, `{`+mark("")+`}`, nil), miniTime)
		want(t, err, wechat.ClassRestart)
	})
	t.Run("what is right is taken, a full block of padding included", func(t *testing.T) {
		t.Parallel()
		for _, plain := range []string{good, short, filled} {
			if _, err := wechat.OpenMiniData(miniApp1, sessionKey, miniIV, seal(t, plain, nil), miniTime); err != nil {
				t.Errorf("%v: %s", err, plain)
			}
		}
	})
}

// Whatever comes, nothing panics, and what is taken is of this mini program and has
// well-formed ids.
func FuzzOpenMiniData(f *testing.F) {
	f.Add(sessionKey, miniIV, miniCrypt, false)
	f.Add(sessionKey, miniIV, `{"openId":"`+openid+`",`+mark(miniApp1)+`}`, true)
	f.Add(sessionKey, miniIV, `{"phoneNumber":"13800138000",`+mark(miniApp1)+`}`, true)
	f.Add(sessionKey, miniIV, `{"openId":1,"unionId":{},"watermark":[]}`, true)
	f.Add("", "", "", false)
	f.Fuzz(func(t *testing.T, key, iv, data string, plain bool) {
		if plain {
			key, iv, data = sessionKey, miniIV, seal(t, data, nil)
		}
		d, err := wechat.OpenMiniData(miniApp1, key, iv, data, miniTime)
		checkFuzz(t, err)
		if err != nil {
			return
		}
		var raw struct {
			Watermark struct{ AppID any }
		}
		if json.Unmarshal(d.Raw, &raw) != nil || raw.Watermark.AppID != miniApp1 ||
			d.OpenID != "" && !idForm.MatchString(d.OpenID) || d.UnionID != "" && !idForm.MatchString(d.UnionID) {
			t.Errorf("took %q %q %s", d.OpenID, d.UnionID, d.Raw)
		}
	})
}
