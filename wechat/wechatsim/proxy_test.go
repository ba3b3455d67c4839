package wechatsim

import (
	"io"
	"net/http"
	"net/url"
	"testing"
)

// TestProxy: software that can't be given another base URL takes the simulator for
// its HTTP proxy, and asks WeChat's own hosts.
func TestProxy(t *testing.T) {
	t.Parallel()
	s := start(t)
	address, err := url.Parse(s.URL)
	ok(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(address)}
	t.Cleanup(transport.CloseIdleConnections)
	get := func(address string) (int, string) {
		t.Helper()
		res, err := (&http.Client{Transport: transport}).Get(address)
		ok(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		ok(t, err)
		return res.StatusCode, string(body)
	}
	for _, host := range wechatHosts {
		_, body := get("http://" + host + "/cgi-bin/token?grant_type=client_credential&appid=" + appA + "&secret=" + secret)
		if decode(t, body)["access_token"] == nil {
			t.Errorf("%s: %s", host, body)
		}
	}
	ticket := makeQR(t, s, "QR_SCENE", `{"scene_id":1}`, "")["ticket"].(string)
	if status, _ := get("http://mp.weixin.qq.com" + showQRPath + "?ticket=" + url.QueryEscape(ticket)); status != http.StatusOK {
		t.Errorf("the image: %d", status)
	}
	requests := s.Requests()
	if last := requests[len(requests)-1]; last.Path != showQRPath || last.Status != http.StatusOK {
		t.Errorf("the history has %v", last)
	}
	for _, foreign := range []string{"http://example.com/", "http://weixin.qq.com.example.com/cgi-bin/token", s.ControlURL + "/accounts"} {
		if status, _ := get(foreign); status != http.StatusForbidden {
			t.Errorf("%s went through: %d", foreign, status)
		}
	}
	if res, err := (&http.Client{Transport: transport}).Get("https://api.weixin.qq.com/cgi-bin/token"); err == nil {
		res.Body.Close()
		t.Errorf("https got status %d", res.StatusCode)
	}
}
