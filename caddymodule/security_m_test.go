package caddymodule

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// filled is the standard Caddyfile with places that a config may have.
func filled(text string) string {
	return strings.NewReplacer("ORIGIN", "http://127.0.0.1:1", "SIM", "http://127.0.0.1:2", "DATA", "data", "UPSTREAM", "127.0.0.1:3").Replace(text)
}

// adaptError is what the Caddyfile's reader says against a text.
func adaptError(text string) error {
	_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(filled(text)), map[string]any{"filename": "Caddyfile"})
	return err
}

// configError is what reading and provisioning say against a Caddyfile. Nothing is
// started.
func configError(text string) error {
	body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(filled(text)), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err
	}
	return jsonError(body)
}

func jsonError(body []byte) error {
	var cfg caddy.Config
	if err := json.Unmarshal(body, &cfg); err != nil {
		return err
	}
	starting.Lock()
	defer starting.Unlock()
	_, err := caddy.ProvisionContext(&cfg)
	return err
}

// badConfigs are configs that would be unsafe, or couldn't work: a replacement in
// the standard Caddyfile, and the word that the refusal has to name.
var badConfigs = []struct{ name, old, new, names string }{
	{"an origin over plain http", "origin ORIGIN", "origin http://www.example.com", "origin"},
	{"no origin", "origin ORIGIN", "", "origin"},
	{"an origin with a path", "origin ORIGIN", "origin https://www.example.com/x", "origin"},
	{"an origin with a query", "origin ORIGIN", "origin https://www.example.com?x", "origin"},
	{"an origin with credentials", "origin ORIGIN", "origin https://a:b@www.example.com", "origin"},
	{"an origin of another scheme", "origin ORIGIN", "origin ftp://www.example.com", "origin"},
	{"an origin without a scheme", "origin ORIGIN", "origin www.example.com", "origin"},
	{"an origin of all hosts", "origin ORIGIN", "origin https://*.example.com", "origin"},
	{"an origin from an empty variable", "origin ORIGIN", "origin {env.WSITE_NO_SUCH_VARIABLE}", "origin"},
	{"every browser taken for WeChat's in public", "origin ORIGIN", "any_browser\norigin https://www.example.com", "any_browser"},
	{"a prefix without a slash", "origin ORIGIN", "prefix wsite\norigin ORIGIN", "prefix"},
	{"a prefix that is everything", "origin ORIGIN", "prefix /\norigin ORIGIN", "prefix"},
	{"a prefix that isn't canonical", "origin ORIGIN", "prefix /a/../b\norigin ORIGIN", "prefix"},
	{"facts in Redis", "facts sqlite DATA/wsite.db", "facts redis redis://127.0.0.1", "facts"},
	{"facts without a file", "facts sqlite DATA/wsite.db", "facts sqlite", "facts"},
	{"a master key that is a word", "facts sqlite", "master_key secret\nfacts sqlite", "master_key"},
	{"a master key of zeros", "facts sqlite", "master_key " + strings.Repeat("0", 64) + "\nfacts sqlite", "master_key"},
	{"three master keys", "facts sqlite", "master_key " + key("1") + " " + key("2") + " " + key("3") + "\nfacts sqlite", "master_key"},
	{"a master key from an empty variable", "facts sqlite", "master_key {env.WSITE_NO_SUCH_VARIABLE}\nfacts sqlite", "master_key"},
	{"WeChat's API over plain http", "api_hosts SIM", "api_hosts http://api.weixin.qq.com", "api_hosts"},
	{"WeChat's API with a path", "api_hosts SIM", "api_hosts https://api.weixin.qq.com/x", "api_hosts"},
	{"WeChat's login over plain http", "open SIM", "open http://open.weixin.qq.com", "open"},
	{"a time that is none", "wechat_timeout 2s", "wechat_timeout soon", "soon"},
	{"a time below zero", "wechat_timeout 2s", "wechat_timeout -2s", "-2s"},
	{"a session of a second", "facts sqlite", "session_lifetime 1s\nfacts sqlite", "session"},
	{"a session of a year", "facts sqlite", "session_lifetime 365d\nfacts sqlite", "session"},
	{"a token of a day", "facts sqlite", "token_lifetime 24h\nfacts sqlite", "token"},
	{"a token that outlives its session", "facts sqlite", "session_lifetime 10m\ntoken_lifetime 20m\nfacts sqlite", "token"},
	{"a token without a signature", "facts sqlite", "token_algorithm none\nfacts sqlite", "none"},
	{"a cache of one", "facts sqlite", "cache_size 1\nfacts sqlite", "cache_size"},
	{"a network that is none", "facts sqlite", "upstream_networks everywhere\nfacts sqlite", "upstream_networks"},
	{"an account twice", "account wx00000000000000bb", "account wx00000000000000aa", "account"},
	{"an app id that is none", "account wx00000000000000bb", "account wx0", "account"},
	{"a secret that two accounts share", "secret-of-b", "secret-of-a", "secret"},
	{"a service account without a secret", "secret secret-of-c-0123456789abcdef", "", "secret"},
	{"a secret from an empty variable", "secret secret-of-c-0123456789abcdef", "secret {env.WSITE_NO_SUCH_VARIABLE}", "secret"},
	{"a subject like an app id", "secret secret-of-c-0123456789abcdef", "secret x\nsubject wx00000000000000aa", "subject"},
	{"a verify code with a path", "verify Ab12Cd34Ef56Gh78", "verify ../../etc/passwd", "verify"},
	{"a kind that is none", "kind subscription", "kind robot", "kind"},
	{"a realm twice", "realm other", "realm main", "realm"},
	{"a site of no realm", "realm other\n\t\t\taccounts", "realm nowhere\n\t\t\taccounts", "realm"},
	{"a site of no account", "site inner {\n\t\t\taccounts wx00000000000000aa", "site inner {\n\t\t\taccounts wx00000000000000ff", "accounts"},
	{"a site with a slash", "site inner", "site in/ner", "site"},
	{"a site twice", "site inner", "site shop", "site"},
	{"two sites with one audience", "site inner {", "site inner {\naudience https://shop.example.com", "audience"},
	{"a path that can't match", "path /maybe optional", "path /a/../b optional", "path"},
	{"a path with a star inside", "path /maybe optional", "path /a*b optional", "path"},
	{"a policy that is none", "path /maybe optional", "path /maybe free", "policy"},
	{"an outside that is none", "outside deny", "outside allow", "outside"},
	{"a claim of the token's own", "claims openid unionid", "claims sub", "claims"},
	{"a way to send that is none", "send bearer plain", "send cookie", "send"},
	{"an upstream with a placeholder", "outside deny", "upstream {http.request.host}:80", "upstream"},
	{"an upstream without a port", "outside deny", "upstream localhost", "upstream"},
	{"the gateway behind a matcher", "\twsite\n\treverse_proxy", "\twsite /private/*\n\treverse_proxy", "wsite"},
	{"the gateway with an argument", "\twsite\n\treverse_proxy", "\twsite {\n\theader Cookie\n\t}\n\treverse_proxy", "wsite"},
	{"a word that is misspelt", "wechat_timeout", "wechat_timout", "wechat_timout"},
	{"a word twice", "wechat_timeout 2s", "wechat_timeout 2s\nwechat_timeout 3s", "wechat_timeout"},
}

func key(digit string) string { return strings.Repeat("a"+digit, 31) + "0f" }

// securityM is the config: unsafe ones are refused by name, odd ones never crash.
func securityM(t *testing.T) {
	t.Run("T241 the config that all of these change is good", func(t *testing.T) {
		if err := configError(standard); err != nil {
			t.Fatal(err)
		}
	})
	for _, c := range badConfigs {
		t.Run("T241 "+c.name+" is refused", func(t *testing.T) {
			if !strings.Contains(standard, c.old) {
				t.Fatalf("the standard Caddyfile has no %q", c.old)
			}
			err := configError(strings.Replace(standard, c.old, c.new, 1))
			if err == nil {
				t.Fatal("it is taken")
			}
			if !strings.Contains(err.Error(), c.names) {
				t.Errorf("the refusal doesn't name %s: %v", c.names, err)
			}
			if strings.Contains(err.Error(), "secret-of-") || strings.Contains(err.Error(), key("1")) {
				t.Errorf("the refusal shows a secret: %v", err)
			}
		})
	}
	for name, app := range map[string]string{
		"an origin in public over http": `{"origin":"http://www.example.com"}`,
		"an origin of a wrong type":     `{"origin":5}`,
		"an account that is null":       `{"origin":"https://www.example.com","accounts":[null]}`,
		"a site that is null":           `{"origin":"https://www.example.com","sites":[null]}`,
		"a realm that is null":          `{"origin":"https://www.example.com","realms":[null]}`,
		"a lifetime below zero":         `{"origin":"https://www.example.com","session":{"lifetime":-1}}`,
		"a cache below zero":            `{"origin":"https://www.example.com","cache_size":-1}`,
		"a word that nobody knows":      `{"origin":"https://www.example.com","orgin":"x"}`,
	} {
		t.Run("T241 T245 in JSON "+name+" is refused", func(t *testing.T) {
			if err := jsonError(fmt.Appendf(nil, `{"admin":{"disabled":true},"apps":{"wsite":%s}}`, app)); err == nil {
				t.Error("it is taken")
			}
		})
	}
}

func FuzzCaddyfile(f *testing.F) {
	f.Add(filled(standard))
	for _, c := range badConfigs {
		f.Add(filled(strings.Replace(standard, c.old, c.new, 1)))
	}
	for _, text := range []string{"", "wsite", "wsite {", "wsite {\n}", "wsite x {\n}", "wsite {\n{\n}\n}", "wsite {\naccount\n}", "wsite {\nsite s {\npath\n}\n}", "wsite {\nsite s {\npath / \"\"\n}\n}", "wsite {\norigin \"\"\n}", "wsite {\nfacts\n}", "wsite {\nmaster_key\n}", "wsite {\naccount wx {\naccount wx {\n}\n}\n}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := caddyfile.Tokenize([]byte(text), "Caddyfile")
		if err != nil || len(tokens) == 0 {
			return
		}
		value, err := parseGlobal(caddyfile.NewDispenser(tokens), nil)
		if err == nil && value == nil {
			t.Error("neither a config nor an error")
		}
	})
}
