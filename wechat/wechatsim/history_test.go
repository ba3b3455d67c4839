package wechatsim

import (
	"bytes"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

func TestRequestsHideAndKeep(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	s := start(t, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
	code := codeOf(t, s, "ming", appA, scopeUserInfo)
	token := exchange(t, s, appA, code)
	userInfo(t, s, token)
	ask(t, s, refreshPath, "appid", appA, "grant_type", "refresh_token", "refresh_token", token["refresh_token"].(string))
	ask(t, s, "/sns/new", "Secret", "hunter2", "code2", code)
	ask(t, s, exchangePath, "appid", appA+"?code="+strings.Repeat("x", 80))
	open(t, s, "ming", s.URL+"/connect/oauth2/authorize?"+strings.Repeat("s3cr3t", 8))
	open(t, s, "ming", s.URL+"/connect/oauth2/authorize?redirect_uri="+url.QueryEscape("http://127.0.0.1/cb?sealed=s3cr3t#s3cr3t"))
	requests := s.Requests()
	s.Close()
	if requests[1].Query.Get("code") != code || requests[1].Query.Get("secret") != secret || !strings.Contains(requests[1].Body, token["openid"].(string)) {
		t.Errorf("a test can't see what was sent: %+v", requests[1])
	}
	if requests[1].String() == "" || requests[2].Person != "ming" || requests[2].AppID != appA || requests[0].Location == "" {
		t.Errorf("requests %+v", requests)
	}
	all := logged.String()
	for _, r := range requests {
		all += r.String() + "\n"
	}
	for _, hidden := range []string{code, secret, "hunter2", "s3cr3t", "St4te", token["access_token"].(string), token["refresh_token"].(string), token["openid"].(string), "xxxx"} {
		if strings.Contains(all, hidden) {
			t.Errorf("%q shows in\n%s", hidden, all)
		}
	}
	if !strings.Contains(all, "GET /sns/oauth2/access_token?appid="+appA+"&code=***&grant_type=authorization_code&secret=*** 200 by ming") {
		t.Errorf("lines\n%s", all)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	var h history
	for i := range maxHistory + 5 {
		h.add(Request{Status: i})
	}
	list := h.all()
	if len(list) > maxHistory || list[len(list)-1].Status != maxHistory+4 {
		t.Errorf("%d requests, the last is %d", len(list), list[len(list)-1].Status)
	}
}
