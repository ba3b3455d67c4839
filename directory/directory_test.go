package directory

import (
	"errors"
	"strings"
	"testing"
)

const (
	one = "wx00000000000000aa"
	two = "wx00000000000000bb"
)

func accounts() []*Account {
	return []*Account{{AppID: one, Secret: "s1", Subject: "acme", Verify: "Ab12Cd34Ef56Gh78"}, {AppID: two, Kind: Subscription}}
}

func TestNew(t *testing.T) {
	t.Parallel()
	given := &Site{PTID: "shop", Accounts: []string{one, two}, Paths: []PathRule{{"/pay/notify", Public}, {"/checkout/*", AskUnionID}}}
	d, err := New(accounts(), nil, []*Site{given})
	if err != nil {
		t.Fatal(err)
	}
	s := d.Site("shop")
	if s.Realm != "main" || s.Audience != "shop" || s.Outside != OutsideGuest || s.Fragment != "on" || s.NoCache != "on" || !s.Tells("openid") || s.Tells("unionid") {
		t.Errorf("defaults: %+v", s)
	}
	if given.Realm != "" {
		t.Error("the site that was given has been changed")
	}
	if !d.Verifies("Ab12Cd34Ef56Gh78") || d.Verifies("") || d.Verifies("Ab12Cd34Ef56Gh79") {
		t.Error("the codes of WeChat's domain check are not those of the accounts")
	}
	if a := d.Account(two); a.Openable() || a.SubjectOrSelf() != two || !d.Account(one).Linkable() {
		t.Errorf("accounts: %+v", a)
	}
	for path, want := range map[string]Policy{
		"/": Login, "/pay/notify": Public, "/pay/notify/": Login, "/pay/notify2": Login, "/pay": Login,
		"/checkout": AskUnionID, "/checkout/": AskUnionID, "/checkout/a/b": AskUnionID, "/checkoutx": Login,
	} {
		if got := s.Policy(path); got != want {
			t.Errorf("the policy of %s is %s, not %s", path, got, want)
		}
	}
}

func TestSitesOf(t *testing.T) {
	t.Parallel()
	d, err := New(accounts(), nil, []*Site{
		{PTID: "shop", Accounts: []string{one, two}}, {PTID: "game", Accounts: []string{two}}, {PTID: "club", Accounts: []string{two, one, two}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for appID, want := range map[string]string{one: "club shop", two: "club game shop", "wx00000000000000cc": "", "": ""} {
		var got []string
		for _, s := range d.SitesOf(appID) {
			if s != d.Site(s.PTID) {
				t.Errorf("%s is there as another one", s.PTID)
			}
			got = append(got, s.PTID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("through %q are opened %v, not %s", appID, got, want)
		}
	}
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	site := func(change func(*Site)) []*Site {
		s := &Site{PTID: "shop", Accounts: []string{one}}
		change(s)
		return []*Site{s}
	}
	for name, c := range map[string]struct {
		accounts []*Account
		realms   []*Realm
		sites    []*Site
		says     string
	}{
		"an app id of another form":            {accounts: []*Account{{AppID: "wx123", Secret: "s"}}, says: "an app id is"},
		"an unknown kind":                      {accounts: []*Account{{AppID: one, Kind: "robot", Secret: "s"}}, says: "kind"},
		"a service account without a secret":   {accounts: []*Account{{AppID: one}}, says: "needs its `secret`"},
		"a subject that looks like an app id":  {accounts: []*Account{{AppID: one, Secret: "s", Subject: two}}, says: "subject"},
		"a name of too many letters":           {accounts: []*Account{{AppID: one, Secret: "s", Name: strings.Repeat("名", 65)}}, says: "name"},
		"a name with a blank before it":        {accounts: []*Account{{AppID: one, Secret: "s", Name: " 门店"}}, says: "name"},
		"a name that turns the text around":    {accounts: []*Account{{AppID: one, Secret: "s", Name: "门店\u202e"}}, says: "name"},
		"a verify code of another length":      {accounts: []*Account{{AppID: one, Secret: "s", Verify: "short"}}, says: "verify"},
		"an account twice":                     {accounts: append(accounts(), accounts()...), says: "twice"},
		"a realm twice":                        {realms: []*Realm{{Name: "a"}, {Name: "a"}}, says: "twice"},
		"a survivor that is none":              {realms: []*Realm{{Name: "a", Survivor: "newest"}}, says: "survivor is"},
		"too many unionids":                    {realms: []*Realm{{Name: "a", UnionidsPerUser: 101}}, says: "from 1 to 100"},
		"a way to register that is none":       {realms: []*Realm{{Name: "a", Register: "loud"}}, says: "register is"},
		"hints neither on nor off":             {realms: []*Realm{{Name: "a", LegacyHints: "yes"}}, says: "legacy_hints is"},
		"a realm without a name":               {realms: []*Realm{{}}, says: "named"},
		"nothing as a line of business":        {realms: []*Realm{{Name: "a", Broadcast: []*Line{nil}}}, says: "nothing here"},
		"a line of business without a name":    {realms: []*Realm{{Name: "a", Broadcast: []*Line{{Webhook: "x", Secret: []string{"s"}}}}}, says: "named"},
		"a line of business without a way":     {realms: []*Realm{{Name: "a", Broadcast: []*Line{{Name: "orders", Secret: []string{"s"}}}}}, says: "address"},
		"a line of business twice":             {realms: []*Realm{{Name: "a", Broadcast: []*Line{{Name: "b", Webhook: "x", Secret: []string{"s"}}, {Name: "b", Webhook: "x", Secret: []string{"s"}}}}}, says: "twice"},
		"three secrets":                        {realms: []*Realm{{Name: "a", Broadcast: []*Line{{Name: "b", Webhook: "x", Secret: []string{"s", "t", "u"}}}}}, says: "one is needed"},
		"a site twice":                         {sites: append(site(func(*Site) {}), site(func(s *Site) { s.Audience = "x" })...), says: "twice"},
		"a site on an unknown account":         {sites: site(func(s *Site) { s.Accounts = []string{"wx00000000000000ab"} }), says: "did you mean"},
		"a site in an unknown realm":           {realms: []*Realm{{Name: "main"}}, sites: site(func(s *Site) { s.Realm = "mian" }), says: `did you mean "main"`},
		"a site without accounts":              {sites: site(func(s *Site) { s.Accounts = nil }), says: "accounts"},
		"a ptid with a dot":                    {sites: site(func(s *Site) { s.PTID = "a.b" }), says: "id"},
		"a ptid that looks like an app id":     {sites: site(func(s *Site) { s.PTID = one }), says: "look like an app id"},
		"an audience twice":                    {sites: append(site(func(s *Site) { s.PTID, s.Audience = "a", "x" }), site(func(s *Site) { s.PTID, s.Audience = "b", "x" })...), says: "use the other's tokens"},
		"an audience with a line break":        {sites: site(func(s *Site) { s.Audience = "a\nb" }), says: "audience"},
		"an unknown way to meet others":        {sites: site(func(s *Site) { s.Outside = "shout" }), says: "outside"},
		"an unknown algorithm":                 {sites: site(func(s *Site) { s.Algorithm = "HS256" }), says: "algorithm"},
		"an unknown claim":                     {sites: site(func(s *Site) { s.Claims = []string{"phone"} }), says: "claims"},
		"no claims and some":                   {sites: site(func(s *Site) { s.Claims = []string{"none", "openid"} }), says: "claims"},
		"an unknown way to tell":               {sites: site(func(s *Site) { s.Send = []string{"fax"} }), says: "send"},
		"an upstream with a placeholder":       {sites: site(func(s *Site) { s.Upstream = "{host}:80" }), says: "placeholders"},
		"an upstream without a port":           {sites: site(func(s *Site) { s.Upstream = "localhost" }), says: "host:port"},
		"an upstream with a port out of range": {sites: site(func(s *Site) { s.Upstream = "localhost:99999" }), says: "port"},
		"a path that can't match":              {sites: site(func(s *Site) { s.Paths = []PathRule{{"/a//b", Public}} }), says: "can't match"},
		"a path that is escaped needlessly":    {sites: site(func(s *Site) { s.Paths = []PathRule{{"/%61", Public}} }), says: "can't match"},
		"a star in the middle":                 {sites: site(func(s *Site) { s.Paths = []PathRule{{"/a*b", Public}} }), says: "`*`"},
		"a star without a slash":               {sites: site(func(s *Site) { s.Paths = []PathRule{{"/pay*", Public}} }), says: "`*`"},
		"an unknown policy":                    {sites: site(func(s *Site) { s.Paths = []PathRule{{"/", "open"}} }), says: "policy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.accounts == nil {
				c.accounts = accounts()
			}
			_, err := New(c.accounts, c.realms, c.sites)
			var f *Fault
			if !errors.As(err, &f) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want a fault that says %q", err, c.says)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"accounts", "audience", "path"}
	for word, want := range map[string]string{"acounts": "accounts", "audiense": "audience", "paths": "path", "zebra": "", "": ""} {
		if got := Nearest(word, words); got != want {
			t.Errorf("the nearest of %q is %q, not %q", word, got, want)
		}
	}
}
