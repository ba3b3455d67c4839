package wechat_test

import (
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// What an answer must have. The recording's file names the call.
func TestAnAnswerWithoutAnErrorIsNotYetAnAnswer(t *testing.T) {
	t.Parallel()
	const code0 = `"errcode":0,"errmsg":"ok"`
	for _, tc := range []struct{ name, file, answer string }{
		{"a token without a life", "stable_token", `{"access_token":"T"}`},
		{"a token whose life is over", "token", `{"access_token":"T","expires_in":-1}`},
		{"a life without a token", "token", `{"expires_in":7200}`},
		{"a token of two lines", "stable_token", `{"access_token":"T\nT","expires_in":7200}`},
		{"no ticket", "getticket", `{` + code0 + `,"expires_in":7200}`},
		{"a ticket without a life", "getticket", `{` + code0 + `,"ticket":"T"}`},
		{"nobody", "user_info", `{"subscribe":1}`},
		{"somebody who may follow or not", "user_info", `{"openid":"` + openid + `"}`},
		{"a malformed unionid", "user_info", `{"subscribe":1,"openid":"` + openid + `","unionid":"a b"}`},
		{"no total", "user_get", `{"count":0,"next_openid":""}`},
		{"a malformed openid in the list", "user_get", `{"total":1,"data":{"openid":["a b"]},"next_openid":""}`},
		{"a malformed next openid", "user_get", `{"total":1,"data":{"openid":["a"]},"next_openid":"a b"}`},
		{"a malformed new openid", "changeopenid", `{` + code0 + `,"result_list":[{"ori_openid":"` + oldOpenID + `","new_openid":"a b"}]}`},
		{"no ticket of a QR code", "qrcode_string", `{"expire_seconds":60,"url":"http://weixin.qq.com/q/x"}`},
		{"no link of a QR code", "qrcode_string", `{"expire_seconds":60,"ticket":"T"}`},
		{"a script as its link", "qrcode_string", `{"expire_seconds":60,"ticket":"T","url":"javascript:alert(1)"}`},
		{"a temporary code without a life", "qrcode_string", `{"ticket":"T","url":"http://weixin.qq.com/q/x"}`},
		{"a session without an openid", "jscode2session", `{"session_key":"` + sessionKey + `"}`},
		{"a session without a key", "jscode2session", `{"openid":"` + openid + `"}`},
		{"a session with a malformed unionid", "jscode2session", `{"openid":"` + openid + `","session_key":"K","unionid":"a b"}`},
		{"somebody else's session", "resetusersessionkey", `{` + code0 + `,"openid":"` + foreign + `","session_key":"K"}`},
		{"no telephone number", "getuserphonenumber", `{` + code0 + `,"phone_info":{"watermark":{"appid":"` + appID + `"}}}`},
		{"a number of words", "getuserphonenumber", `{` + code0 + `,"phone_info":{"phoneNumber":"+abc","purePhoneNumber":"abc","countryCode":"86","watermark":{"appid":"` + appID + `"}}}`},
		{"another mini program's number", "getuserphonenumber", `{` + code0 + `,"phone_info":{"phoneNumber":"1","purePhoneNumber":"1","countryCode":"86","watermark":{"appid":"` + miniApp + `"}}}`},
		{"no msgid", "template_send", `{` + code0 + `}`},
		{"a negative msgid", "template_send", `{` + code0 + `,"msgid":-1}`},
		{"a msgid of more than 64 bits", "template_send", `{` + code0 + `,"msgid":9223372036854775808}`},
		{"a msgid that lost its digits", "template_send", `{` + code0 + `,"msgid":2.918131553548108e18}`},
		{"a template without an id", "template_list", `{"template_list":[{"title":"x"}]}`},
		{"a new template without an id", "template_add", `{` + code0 + `}`},
		{"no quota", "quota_get", `{` + code0 + `}`},
		{"no explanation", "rid_get", `{` + code0 + `}`},
		{"an explanation without a time", "rid_get", `{` + code0 + `,"request":{"cost_in_ms":30}}`},
		{"no addresses", "getcallbackip", `{"ip_list":[]}`},
		{"an address that is none", "getcallbackip", `{"ip_list":["127.0.0.1","x"]}`},
		{"an address of one machine's own network", "getcallbackip", `{"ip_list":["fe80::1%eth0"]}`},
	} {
		t.Run(tc.name+" for "+tc.file, func(t *testing.T) {
			t.Parallel()
			for _, e := range endpoints {
				if e.file == tc.file {
					_, err := e.against(t, serve(t, says(tc.answer)).URL)
					want(t, err, wechat.ClassFault)
					return
				}
			}
			t.Fatal("there is no such call")
		})
	}
	t.Run("networks are told without their host part", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, wechat.Config{Hosts: []string{serve(t, says(`{"ip_list":["101.226.103.77/25","::1"]}`)).URL}})
		list, err := c.CallbackIPs(t.Context(), bearer)
		if err != nil || len(list) != 2 || list[0].String() != "101.226.103.0/25" || list[1].String() != "::1/128" {
			t.Errorf("got %v, %v", list, err)
		}
	})
}
