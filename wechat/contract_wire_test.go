package wechat_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

const recordings = "wechatsim/testdata/wire/"

// recorded is what the client must make of a recorded answer.
type recorded struct {
	class   wechat.Class // "" is success
	errcode int
	scope   wechat.Scope
	unionid bool
}

// recordings by file. A file without an entry fails the test.
var recordedOutcomes = map[string]recorded{
	"auth.txt":                  {},
	"auth_other_openid.txt":     {class: wechat.ClassFault, errcode: 40003},
	"exchange_base.txt":         {scope: wechat.ScopeBase},
	"exchange_invalid_code.txt": {class: wechat.ClassRestart, errcode: 40029},
	"exchange_used_code.txt":    {class: wechat.ClassRestart, errcode: 40163},
	"exchange_userinfo.txt":     {scope: wechat.ScopeUserInfo, unionid: true},
	"refresh.txt":               {scope: wechat.ScopeUserInfo},
	"refresh_invalid.txt":       {class: wechat.ClassRestart, errcode: 40030},
	"userinfo.txt":              {unionid: true},
	"userinfo_base_token.txt":   {class: wechat.ClassConfig, errcode: 48001},
}

// The simulator plays the same files from the other side.
func TestContractRecordedExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(recordings + "*.txt")
	if err != nil || len(files) != len(recordedOutcomes) {
		t.Errorf("%d recordings, %d outcomes, %v", len(files), len(recordedOutcomes), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		must, ok := recordedOutcomes[name]
		if !ok {
			t.Errorf("nothing says what the client must make of %s", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, answer := readRecording(t, file)
			playRecording(t, request, answer, must)
		})
	}
}

// readRecording takes a request with our canaries in it, and its answer.
func readRecording(t *testing.T, file string) (request *url.URL, answer string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		switch name, value, _ := strings.Cut(line, ": "); name {
		case "request":
			value = strings.NewReplacer("{appid}", appID, "{secret}", secret, "{code}", code, "{access_token}", token, "{openid}", openid, "{refresh_token}", "59_refreshCanaryrefreshCanary").Replace(value)
			if request, err = url.Parse(strings.TrimPrefix(value, "GET ")); err != nil {
				t.Fatal(err)
			}
		case "answer":
			answer = value
		}
	}
	if request == nil || answer == "" {
		t.Fatalf("%s has no request or no answer", file)
	}
	return request, answer
}

// playRecording lets the client send the request and get the answer.
func playRecording(t *testing.T, request *url.URL, answer string, must recorded) {
	t.Helper()
	var sent []*url.URL
	reading := grantJSON
	c := newClient(t, wechat.Config{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.URL)
		return reply(http.StatusOK, reading), nil
	})}})
	g := granted(t, c)
	if id := request.Query().Get("openid"); id != "" {
		g.OpenID = id // which may be another's
	}
	if word := request.Query().Get("refresh_token"); word != "" {
		reading = strings.Replace(grantJSON, "59_refreshCanaryrefreshCanary", word, 1)
		g = granted(t, c)
	}
	sent, reading = nil, answer
	got, err := askAsRecorded(t, c, g, request)
	if len(sent) != 1 || sent[0].Path != request.Path || !reflect.DeepEqual(sent[0].Query(), request.Query()) {
		t.Errorf("the client sent %s, recorded is %s", sent, request)
	}
	if must.class != "" {
		if e := want(t, err, must.class); e.Code != must.errcode || got.OpenID != "" {
			t.Errorf("got %v and %v, want errcode %d", e, got, must.errcode)
		}
		return
	}
	if err != nil || got.OpenID != openid || (got.UnionID != "") != must.unionid || got.Snapshot {
		t.Errorf("got %v, %v", got, err)
	}
	if must.scope != "" && !reflect.DeepEqual(got.Scopes, []wechat.Scope{must.scope}) {
		t.Errorf("got scopes %v", got.Scopes)
	}
}

// askAsRecorded makes the call of a recorded request.
func askAsRecorded(t *testing.T, c *wechat.Client, g wechat.Grant, request *url.URL) (wechat.Grant, error) {
	t.Helper()
	switch request.Path {
	case userInfoPath:
		u, err := c.UserInfo(t.Context(), g)
		if err == nil && (u.Nickname != "小明" || u.AvatarURL != "https://thirdwx.qlogo.cn/mmopen/vi_32/xxx/132") {
			t.Errorf("nickname %q, avatar %q", u.Nickname, u.AvatarURL)
		}
		return wechat.Grant{OpenID: u.OpenID, UnionID: u.UnionID}, err
	case "/sns/auth":
		err := c.CheckGrant(t.Context(), g)
		if err != nil {
			return wechat.Grant{}, err
		}
		return g, nil
	case "/sns/oauth2/refresh_token":
		return c.RefreshGrant(t.Context(), g)
	}
	return c.Exchange(t.Context(), appID, secret, request.Query().Get("code"))
}
