package caddymodule

import (
	"strings"
	"testing"
)

func TestMatcher(t *testing.T) {
	t.Parallel()
	matchers := map[string]string{
		"virtual": "wsite virtual", "real": "wsite real", "linked": "wsite linked", "guest": "wsite guest",
		"known": "wsite known", "unknown": "wsite unknown", "either": "wsite real unknown", "any": "wsite",
		"shop": "wsite {\nsite shop\n}", "others": "wsite {\nsite game club\n}",
		"througha": "wsite {\naccount " + appA + "\n}", "main": "wsite {\nrealm main\n}",
		"all": "wsite {\nvisitor virtual guest\nsite shop\naccount " + appA + "\nrealm main\n}",
	}
	var defined, used strings.Builder
	for name, m := range matchers {
		defined.WriteString("@" + name + " " + m + "\n")
		used.WriteString("header @" + name + " +Matched " + name + "\n")
	}
	early := "header @any +Matched before\n"
	g := startGateway(t, "\twsite\n\treverse_proxy UPSTREAM\n", defined.String()+"route {\n"+early+"wsite\n"+used.String()+"respond ok\n}\n")
	ming, desktop := g.phone("ming"), g.phone("")
	desktop.ua = uaDesktop
	consenting := g.phone("li")
	g.sim.Answer("allow")
	asked := consenting.open(g.at(appA, "shop", "/ask/"))
	_, login, _ := strings.Cut(asked.Body, `id="allow" href="`)
	login, _, _ = strings.Cut(login, `"`)
	consenting.open(g.url + strings.ReplaceAll(login, "&amp;", "&"))

	for sentence, c := range map[string]struct {
		phone   *phone
		address string
		want    string
	}{
		"a visitor who signed in":            {ming, g.at(appA, "shop", "/"), "all any known main shop througha virtual"},
		"through another account":            {ming, g.at(appB, "shop", "/"), "any known main shop virtual"},
		"at another site of another realm":   {ming, g.at(appA, "club", "/"), "any known others througha virtual"},
		"who gave his unionid":               {consenting, g.at(appA, "shop", "/"), "all any known linked main shop througha virtual"},
		"a guest":                            {desktop, g.at(appA, "shop", "/"), "all any guest known main shop througha virtual"},
		"nobody, where nobody is asked":      {g.phone(""), g.at(appA, "shop", "/pay/notify"), "any either main shop througha unknown"},
		"a known visitor on a public path":   {ming, g.at(appA, "shop", "/pay/notify"), "any either main shop througha unknown"},
		"a stranger where a name is no must": {g.phone(""), g.at(appA, "shop", "/maybe"), "any either main shop througha unknown"},
		"what is no site's":                  {ming, g.url + "/elsewhere", ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			page := c.phone.open(c.address)
			matched := page.Header["Matched"]
			found := map[string]bool{}
			for _, name := range matched {
				found[name] = true
			}
			for name := range matchers {
				if want := strings.Contains(" "+c.want+" ", " "+name+" "); found[name] != want {
					t.Errorf("@%s (%s) matches: %v, want %v; %d %.200s", name, matchers[name], found[name], want, page.Status, page.Body)
				}
			}
			if found["before"] {
				t.Error("a matcher before the directive matches")
			}
		})
	}
}
