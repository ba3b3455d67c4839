package directory

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const (
	mini = "wx0000000000000a11"
	app  = "wx0000000000000a22"
	web  = "wx0000000000000a33"
)

// kinds are one account of each kind, all but the subscription account of one subject.
func kinds() []*Account {
	return append(accounts(), &Account{AppID: mini, Kind: Mini, Secret: "s3", Subject: "acme", MiniLoginPage: "/pages/login/index"},
		&Account{AppID: app, Kind: App, Secret: "s4", Subject: "acme"}, &Account{AppID: web, Kind: Web, Secret: "s5", Subject: "acme", CallbackHost: "login.example.com"})
}

func TestKinds(t *testing.T) {
	t.Parallel()
	d, err := New(kinds(), nil, []*Site{
		{PTID: "shop", Accounts: []string{one, two, mini, app, web}, Hosts: []string{"shop.example.com", "shop.example.org:8443"}, OnOrigin: "off", Outside: OutsideScan, Phone: "on"},
		{PTID: "api", Accounts: []string{mini, app}},
		{PTID: "desk", Accounts: []string{web}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{one: "official openable secret ticket", two: "official", mini: "codes secret", app: "codes secret", web: "secret"} {
		a := d.Account(id)
		var got []string
		for word, is := range map[string]bool{"official": a.Official(), "openable": a.Openable(), "codes": a.TakesCodes(), "secret": a.NeedsSecret(), "ticket": a.HasTicket()} {
			if is {
				got = append(got, word)
			}
		}
		slices.SortFunc(got, func(x, y string) int { return strings.Index(want, x) - strings.Index(want, y) })
		if strings.Join(got, " ") != want {
			t.Errorf("the %s account is %v, not %s", a.Kind, got, want)
		}
		if off := a.Kind == App || a.Kind == Web; (a.AccessToken == "off") != off {
			t.Errorf("the access token of the %s account is %s", a.Kind, a.AccessToken)
		}
	}
	shop, api, desk := d.Site("shop"), d.Site("api"), d.Site("desk")
	if d.WebAccount(shop) != d.Account(web) || d.OfficialAccount(shop) != d.Account(one) || d.WebAccount(api) != nil || d.OfficialAccount(api) != nil || d.OfficialAccount(desk) != nil {
		t.Error("a site's accounts are others")
	}
	if !shop.ServedOn("shop.example.org:8443") || shop.ServedOn("shop.example.org") || shop.ServedOn("") || api.ServedOn("shop.example.com") || api.OnOrigin != "on" || api.Phone != "off" {
		t.Errorf("the hosts are %v", shop.Hosts)
	}
	if got := d.Hosts(); !slices.Equal(got, []string{"login.example.com", "shop.example.com", "shop.example.org:8443"}) {
		t.Errorf("all hosts are %v", got)
	}
}

func TestKinds_refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		account func(a *Account) // the mini program's
		site    Site
		field   string
	}{
		"a mini program first":       {nil, Site{Accounts: []string{mini, one}}, "accounts"},
		"a website first":            {nil, Site{Accounts: []string{web, two}}, "accounts"},
		"two websites":               {func(a *Account) { a.Kind, a.MiniLoginPage = Web, "" }, Site{Accounts: []string{mini, web}}, "accounts"},
		"a website of nobody's":      {func(a *Account) { a.Kind, a.MiniLoginPage, a.Subject = Web, "", "" }, Site{Accounts: []string{one, mini}}, "accounts"},
		"a scan without a website":   {nil, Site{Accounts: []string{one, mini}, Outside: OutsideScan}, "outside"},
		"numbers without a phone":    {nil, Site{Accounts: []string{one, web}, Phone: "on"}, "phone"},
		"nowhere at all":             {nil, Site{Accounts: []string{one}, OnOrigin: "off"}, "on_origin"},
		"a host twice":               {nil, Site{Accounts: []string{one}, Hosts: []string{"a.example", "a.example"}}, "hosts"},
		"no secret":                  {func(a *Account) { a.Secret = "" }, Site{Accounts: []string{one}}, "secret"},
		"an unknown kind":            {func(a *Account) { a.Kind = "robot" }, Site{Accounts: []string{one}}, "kind"},
		"a callback to a program":    {func(a *Account) { a.CallbackHost = "a.example" }, Site{Accounts: []string{one}}, "callback_host"},
		"a login page of an app":     {func(a *Account) { a.Kind = App }, Site{Accounts: []string{one}}, "mini_login_page"},
		"a login page with a query":  {func(a *Account) { a.MiniLoginPage = "/pages/login?x=1" }, Site{Accounts: []string{one}}, "mini_login_page"},
		"a login page elsewhere":     {func(a *Account) { a.MiniLoginPage = "//evil.example" }, Site{Accounts: []string{one}}, "mini_login_page"},
		"a callback to two hosts":    {func(a *Account) { a.Kind, a.MiniLoginPage, a.CallbackHost = Web, "", "a.example b.example" }, Site{Accounts: []string{one}}, "callback_host"},
		"a switch that is no switch": {nil, Site{Accounts: []string{one}, OnOrigin: "maybe"}, "on_origin"},
	} {
		all := kinds()
		if c.account != nil {
			c.account(all[2])
		}
		c.site.PTID = "shop"
		_, err := New(all, nil, []*Site{&c.site})
		var f *Fault
		if !errors.As(err, &f) || f.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"a": true, "shop.example.com": true, "127.0.0.1:8080": true, "xn--fiq228c.example": true, "a.localhost:65535": true,
		"": false, "Shop.example": false, "shop.example.": false, ".example": false, "a..b": false, "-a.example": false, "a-.example": false, "*.example": false, "{env.HOST}": false,
		"https://a.example": false, "a.example/": false, "a.example:443": false, "a.example:80": false, "a.example:0": false, "a.example:080": false, "a.example:65536": false, "a.example:": false,
		"a.example:1:2": false, "[::1]": false, "a b": false, "a\n": false, "点.example": false, "a_b.example": false, "u@a.example": false,
		strings.Repeat("a", 64) + ".example": false, strings.Repeat("a.", 100) + "b": false,
	} {
		if ValidHost(host) != want {
			t.Errorf("%q is a host: %t", host, !want)
		}
	}
}
