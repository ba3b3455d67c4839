package caddymodule

import (
	"strings"
	"testing"
)

// TestConfig_refused is about what a Caddyfile may say and no gateway can work with:
// it is found when the config is provisioned, also where it was written in JSON.
func TestConfig_refused(t *testing.T) {
	t.Setenv("WX_SECRET", "a secret")
	t.Setenv("WSITE_KEY", strings.Repeat("0f1e2d3c", 8))
	const right = `{
	"admin": {"disabled": true},
	"apps": {
		"wsite": {
			"origin": "https://www.example.com",
			"facts": {"sqlite": "DATA/wsite.db"},
			"master_key": ["{env.WSITE_KEY}"],
			"token": {"lifetime": "5m"},
			"accounts": [
				{"app_id": "wx0123456789abcdef", "secret": "{env.WX_SECRET}"},
				{"app_id": "wx0123456789abcdee", "secret": "another secret"}
			],
			"sites": [{"ptid": "shop01", "accounts": ["wx0123456789abcdef"]}]
		},
		"http": {"servers": {"srv": {"routes": [
			{"match": [{"path": ["/x"]}], "handle": [{"handler": "wsite"}]}
		]}}}
	}
}`
	if err := validate(t, right, "DATA", t.TempDir()); err != nil {
		t.Fatalf("the config that is right: %v", err)
	}
	origin := func(o string) []string {
		return []string{`"origin": "https://www.example.com"`, `"origin": "` + o + `"`}
	}
	more := func(field string) []string { return []string{`"facts":`, field + `, "facts":`} }
	for sentence, c := range map[string]struct {
		change []string
		want   string
	}{
		"an origin has no path":                           {origin("https://www.example.com/shop"), "is no origin such as https://www.example.com"},
		"an origin has no query":                          {origin("https://www.example.com?a"), "is no origin such as"},
		"an origin names nobody":                          {origin("https://bob@www.example.com"), "is no origin such as"},
		"an origin has a scheme":                          {origin("www.example.com"), "is no origin such as"},
		"plain http is for loopback":                      {origin("http://www.example.com"), "has to be https"},
		"an origin may not be empty":                      {origin("{env.WSITE_NOT_SET}"), "origin"},
		"other browsers may not be taken for WeChat's":    {more(`"any_browser": true`), "only for an origin on loopback"},
		"a prefix begins with a slash":                    {more(`"prefix": "wsite"`), "begin with a slash"},
		"a prefix ends without one":                       {more(`"prefix": "/wsite/"`), "end without one"},
		"a prefix is canonical":                           {more(`"prefix": "/a/../b"`), "begin with a slash"},
		"a network is CIDR":                               {more(`"upstream_networks": ["10.0.0.1"]`), "is no network such as 10.0.0.0/8"},
		"a session lasts ten minutes at least":            {more(`"session": {"lifetime": "9m"}`), "it may be 10m to 30d"},
		"a session lasts thirty days at most":             {more(`"session": {"lifetime": "31d"}`), "it may be 10m to 30d"},
		"a token lasts a minute at least":                 {[]string{`"5m"`, `"30s"`}, "it may be 1m to 1h"},
		"a token lasts an hour at most":                   {[]string{`"5m"`, `"2h"`}, "it may be 1m to 1h"},
		"a token may not outlive a session":               {append(more(`"session": {"lifetime": "10m"}`), `"5m"`, `"11m"`), "may not outlive a session"},
		"an algorithm is known":                           {[]string{`"lifetime": "5m"`, `"algorithm": "HS256"`}, "use ES256, RS256 or EdDSA"},
		"a cache holds a hundred":                         {more(`"cache_size": 99`), "at least 100"},
		"a cache isn't negative":                          {more(`"cache_size": -1`), "at least 100"},
		"a master key is 32 bytes":                        {[]string{"{env.WSITE_KEY}", "0f1e2d3c"}, "a master key is 32 random bytes"},
		"a master key isn't one byte again and again":     {[]string{"{env.WSITE_KEY}", strings.Repeat("00", 32)}, "protects nothing"},
		"a master key that is not set is no master key":   {[]string{"{env.WSITE_KEY}", "{env.WSITE_NOT_SET}"}, "master_key"},
		"three master keys are one too many":              {[]string{`["{env.WSITE_KEY}"]`, `["{env.WSITE_KEY}", "{env.WSITE_KEY}", "{env.WSITE_KEY}"]`}, "at most two"},
		"facts lie in one place":                          {[]string{`"sqlite":`, `"postgres": "postgres://h/db", "sqlite":`}, "in sqlite or in postgres, not in both"},
		"facts in PostgreSQL need a master key":           {[]string{`{"sqlite": "DATA/wsite.db"}`, `{"postgres": "postgres://h/db"}`, `"master_key": ["{env.WSITE_KEY}"],`, ""}, "need a `master_key`"},
		"an address of PostgreSQL may not be empty":       {[]string{`{"sqlite": "DATA/wsite.db"}`, `{"postgres": "{env.WSITE_NOT_SET}"}`}, "facts"},
		"a secret that is not set is no secret":           {[]string{"{env.WX_SECRET}", "{env.WSITE_NOT_SET}"}, "the placeholder {env.WSITE_NOT_SET} is empty"},
		"two accounts have two secrets":                   {[]string{"another secret", "{env.WX_SECRET}"}, "each account has its own"},
		"a site in JSON is checked as one of a Caddyfile": {[]string{`"ptid": "shop01"`, `"ptid": "shop/01"`}, "a site's id begins with"},
		"a policy in JSON is checked too":                 {[]string{`"ptid":`, `"paths": [{"path": "/a", "policy": "publik"}], "ptid":`}, "a policy is `login`"},
		"an address of WeChat is one":                     {more(`"wechat": {"api_hosts": ["ftp://api.weixin.qq.com"]}`), "api_hosts"},
		"a word that isn't known in JSON is an error":     {more(`"prefx": "/w"`), `unknown field "prefx"`},
		"a visitor whom nobody can be is an error":        {[]string{`{"path": ["/x"]}`, `{"wsite": {"visitor": ["reel"]}}`}, `did you mean "real"?`},
	} {
		t.Run(sentence, func(t *testing.T) {
			err := validate(t, right, append(c.change, "DATA", t.TempDir())...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("validating: %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "a secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	t.Run("the directive without the option says what is missing", func(t *testing.T) {
		err := validate(t, `{"admin": {"disabled": true}, "apps": {"http": {"servers": {"srv": {"routes": [{"handle": [{"handler": "wsite"}]}]}}}}}`)
		if err == nil || !strings.Contains(err.Error(), "the global option `wsite { … }` is missing") {
			t.Errorf("validating: %v", err)
		}
	})
}
