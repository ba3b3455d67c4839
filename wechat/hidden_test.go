package wechat_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// Nothing of this package shows a token or a person, however it is printed.
func TestValuesHideWhatIsInThem(t *testing.T) {
	t.Parallel()
	const phone = "13800138000"
	values := []any{
		bearer, &bearer,
		wechat.Fresh{Token: token, Life: time.Hour},
		wechat.MiniSession{OpenID: openid, UnionID: union, SessionKey: sessionKey},
		wechat.MiniData{OpenID: openid, UnionID: union, Raw: json.RawMessage(`{"phoneNumber":"` + phone + `"}`)},
		wechat.Phone{Number: "+86" + phone, Pure: phone, Country: "86"},
		wechat.Fan{OpenID: openid, UnionID: union},
		wechat.FanPage{OpenIDs: []string{openid}, Next: openid},
		wechat.ChangedOpenID{Old: openid, New: openid, Message: "ok"},
		wechat.TemplateMessage{To: openid, Data: map[string]string{"thing1": phone}},
		wechat.SubscriptionMessage{To: openid, Data: map[string]string{"thing1": phone}},
		wechat.CustomMessage{To: openid, Content: json.RawMessage(`"` + phone + `"`)},
		wechat.Explained{Request: token, Response: openid},
	}
	for _, v := range values {
		var shown strings.Builder
		for _, h := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
			slog.New(h).Info("x", "v", v)
		}
		for _, in := range []any{v, []any{v}, map[string]any{"v": v}, struct{ V any }{v}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&shown, verb, in)
			}
		}
		for _, word := range []string{token, openid, union, sessionKey, phone} {
			if strings.Contains(shown.String(), word) || strings.Contains(shown.String(), fmt.Sprintf("%x", word)) {
				t.Errorf("%T shows %q: %s", v, word, shown.String())
			}
		}
	}
}

// Credentials don't get into JSON either: somebody else stores them, and seals them.
func TestCredentialsAreNotInJSON(t *testing.T) {
	t.Parallel()
	for _, v := range []any{bearer, wechat.Fresh{Token: token, Life: time.Hour}, wechat.MiniSession{OpenID: openid, SessionKey: sessionKey}} {
		if s := writeJSON(t, v); strings.Contains(s, token) || strings.Contains(s, sessionKey) {
			t.Errorf("%T: %s", v, s)
		}
	}
}
