package caddymodule

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// logText is everything that the gateway has logged, with all fields, as it would
// be written.
func (g *gateway) logText() string {
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	var all strings.Builder
	for _, line := range g.logs.All() {
		text, err := encoder.EncodeEntry(line.Entry, line.Context)
		if err != nil {
			g.t.Fatal(err)
		}
		all.Write(text.Bytes())
	}
	return all.String()
}

var userTokens = regexp.MustCompile(`"(?:access_token|refresh_token)":"([^"]*)"`)

// tokensOfWeChat are the tokens that WeChat has given to the gateway so far.
func (g *gateway) tokensOfWeChat() []string {
	var found []string
	for _, r := range g.sim.Requests() {
		for _, m := range userTokens.FindAllStringSubmatch(r.Body, -1) {
			found = append(found, m[1])
		}
	}
	return found
}

// canaries are all values that a gateway has met and that no log may hold.
func (g *gateway) canaries(phones ...*phone) map[string]string {
	found := map[string]string{}
	for _, account := range g.app.Accounts {
		found[account.Secret] = "an app secret"
	}
	for _, token := range g.tokensOfWeChat() {
		found[token] = "a token of WeChat"
	}
	for _, r := range g.sim.Requests() {
		for _, name := range []string{"code", "state", "access_token", "secret"} {
			if v := r.Query.Get(name); len(v) > 8 {
				found[v] = "a " + name
			}
		}
	}
	for _, p := range phones {
		for _, address := range p.visited {
			for _, name := range []string{"code", "state", "r"} {
				if v := word(address, name); len(v) > 8 {
					found[v] = "a " + name
				}
			}
		}
		for name, value := range p.cookies(g.url + "/") {
			found[value] = "the cookie " + name
			kind := strings.TrimPrefix(name, g.app.jar.prefix)
			if s, err := g.app.box.openSession(value, kind); err == nil {
				found[s.key()] = "the id of a session"
			}
		}
	}
	for _, person := range []string{"ming", "li"} {
		for _, app := range []string{appA, appB, appLone} {
			found[g.sim.OpenID(person, app)] = "an openid"
			found[g.sim.UnionID(person, app)] = "a unionid"
		}
	}
	g.upstream.mu.Lock()
	for _, s := range g.upstream.seen {
		found[s.Header.Get(headerUser)] = "a signed token"
	}
	g.upstream.mu.Unlock()
	maps.DeleteFunc(found, func(value, _ string) bool { return len(value) <= 8 })
	return found
}

func TestLogs_holdNoSecrets(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "wechat_timeout 2s", "wechat_timeout 500ms")
	g.sim.Answer("allow")
	ming, li := g.phone("ming"), g.phone("li")
	li.ua = uaDesktop
	li.open(g.at(appA, "shop", "/"))
	li.ua = uaAndroid
	stolen := ming.toCallback(g.at(appA, "shop", "/"))
	li.open(stolen)
	ming.open(stolen)
	ming.press(g, ming.open(g.at(appA, "shop", "/ask/x")), "allow")
	ming.open(g.at(appLone, "shop", "/"))
	for _, fault := range wechatsim.Faults {
		g.sim.Fail(fault.Name)
		li.open(g.at(appA, "shop", "/-/login"))
		li.open(g.at(appB, "shop", "/-/login"))
		g.sim.Disarm("")
	}
	ming.plant(g, appB, ming.cookie(g, appA)) // opens for another account only
	ming.fetch("GET", g.at(appB, "shop", "/"))
	ming.step(changed(t, stolen, "state", "STATE"))
	ming.step(stolen + "&code=another-code-0123456789")
	g.advance(half)
	ming.open(g.at(appA, "shop", "/"))
	found := g.canaries(ming, li)
	ming.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "cross-site")
	ming.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin")
	g.loseFacts(t)
	g.advance(time.Minute)
	li.open(g.at(appB, "shop", "/"))
	maps.Copy(found, g.canaries(ming, li))

	kinds := slices.Compact(slices.Sorted(maps.Values(found)))
	if want := []string{"a code", "a secret", "a signed token", "a state", "a token of WeChat", "a unionid", "an openid", "the id of a session"}; !containsAll(kinds, want) {
		t.Fatalf("the test has met only %v", kinds)
	}
	text := g.logText()
	for _, step := range []string{`"step":"login"`, `"step":"identity"`, `"code":"` + string(codeLoginRefused), `"code":"` + string(codeFactsDown)} {
		if !strings.Contains(text, step) {
			t.Errorf("nothing was logged with %s: the test sees nothing", step)
		}
	}
	for value, what := range found {
		quoted, _ := json.Marshal(value)
		if strings.Contains(text, value) || strings.Contains(text, string(quoted[1:len(quoted)-1])) {
			t.Errorf("the log holds %s", what)
		}
	}
}

func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}
