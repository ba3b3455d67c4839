package wechat_test

import (
	"net/http"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Whatever comes, nothing panics, an accepted grant has a well-formed openid, an
// error has a class, and user info is about the visitor that it was asked about.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		grantJSON, "", "{}", "[]", "null", "0", `"x"`, "<html>", "\xef\xbb\xbf{}", `{"openid":"o"}`,
		`{"errcode":40029,"errmsg":"invalid code, rid: 6949fe38-0627ff0d-47df91c7"}`,
		`{"errcode":"40164","errmsg":"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"}`,
		`{"errcode":-1,"errmsg":"system error"}`, `{"errcode":0,"errmsg":"ok"}`, `{"errcode":1e5}`, `{"errcode":{}}`,
		`{"access_token":1,"openid":2,"expires_in":"7200","is_snapshotuser":"1","unionid":3}`,
		`{"openid":"` + openid + `","nickname":"\ud800","headimgurl":"http://[::1"}`,
		`{"openid":"a","openid":"` + openid + `","access_token":"T","scope":",,,","expires_in":-1}`,
	} {
		f.Add(200, body)
		f.Add(500, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		answer, code := grantJSON, http.StatusOK
		c := newClient(t, wechat.Config{HTTP: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
			return reply(code, answer), nil
		})}})
		good := granted(t, c)
		code, answer = status, body

		g, err := exchange(c)
		checkFuzz(t, err)
		if (err == nil) != idForm.MatchString(g.OpenID) || g.UnionID != "" && !idForm.MatchString(g.UnionID) {
			t.Errorf("grant %q, union %q, error %v", g.OpenID, g.UnionID, err)
		}
		if err == nil && status/100 != 2 {
			t.Errorf("a grant with status %d", status)
		}
		u, err := c.UserInfo(t.Context(), good)
		checkFuzz(t, err)
		if err == nil && u.OpenID != good.OpenID || !utf8.ValidString(u.Nickname) || len(u.Nickname) > 256 {
			t.Errorf("user info %q, nickname %q", u.OpenID, u.Nickname)
		}
	})
}

// checkFuzz wants an error to be complete, and to show no canary.
func checkFuzz(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e := check(t, err)
	if e.Class == "" || e.API == "" || e.Message == "" || len(e.Message) > 200 || !utf8.ValidString(e.Error()) {
		t.Errorf("an incomplete error: %+v", e)
	}
}

// Whatever comes, no call panics, and what is no answer is a complete error.
func FuzzEndpoints(f *testing.F) {
	for i, e := range endpoints {
		f.Add(i, 200, readWire(f, e.file).fill(wireWords).answer)
	}
	f.Add(0, 500, refusal(40001, "invalid credential"))
	f.Add(7, 200, `{"subscribe":"1","openid":"`+openid+`","subscribe_time":"99999999999999","qr_scene":{}}`)
	f.Add(11, 200, `{"total":-1,"data":{"openid":[null,1,"\u0000"]},"next_openid":[]}`)
	f.Fuzz(func(t *testing.T, i, status int, body string) {
		e := endpoints[uint(i)%uint(len(endpoints))]
		c := newClient(t, wechat.Config{HTTP: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
			return reply(status, body), nil
		})}})
		got, err := e.call(t.Context(), c, bearer)
		checkFuzz(t, err)
		if err != nil {
			return
		}
		if status/100 != 2 {
			t.Errorf("taken with status %d", status)
		}
		switch got := got.(type) {
		case wechat.Fan:
			if got.OpenID != openid || got.UnionID != "" && !idForm.MatchString(got.UnionID) || !utf8.ValidString(got.Scene+got.QRScene) {
				t.Errorf("fan %s", writeJSON(t, got))
			}
		case wechat.FanPage:
			for _, id := range got.OpenIDs {
				if !idForm.MatchString(id) {
					t.Errorf("openid %q", id)
				}
			}
		case wechat.Phone:
			if !regexp.MustCompile(`^\+?[0-9]+ [0-9]+ [0-9]+$`).MatchString(got.Number + " " + got.Pure + " " + got.Country) {
				t.Errorf("phone number %q", got.Number)
			}
		case int64:
			if got <= 0 {
				t.Errorf("msgid %d", got)
			}
		}
	})
}
