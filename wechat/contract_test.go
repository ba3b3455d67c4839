package wechat_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// The client and the simulator share no code, only wechat-api.md. Where they
// disagree, one of them has read it wrong.

func TestContractASilentLoginTellsTheOpenIDAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	code := s.code(t, "ming", appID, wechat.ScopeBase)
	g, err := s.client.Exchange(t.Context(), appID, secret, code)
	s.verdict(t, exchangePath, err, outcome{calls: 1})
	if g.OpenID != s.OpenID("ming", appID) || g.UnionID != "" || g.Snapshot || !reflect.DeepEqual(g.Scopes, []wechat.Scope{wechat.ScopeBase}) {
		t.Errorf("got %v", g)
	}
	_, err = s.client.UserInfo(t.Context(), g)
	s.verdict(t, userInfoPath, err, outcome{wechat.ClassConfig, 48001, 1}, g.OpenID)
}

func TestContractALoginWithConsentTellsWhoItIs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, person, app, nickname string }{
		{"an account of an open platform", "ming", appID, "小明"},
		{"another account of the same subject", "ming", appOther, "小明"},
		{"an account of no open platform has no unionid", "li", appLone, "李娜"},
		{"a name that has to be escaped arrives as it was written", "zhao", appID, "赵<b>老板</b>"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			g := s.login(t, tc.person, tc.app, wechat.ScopeUserInfo)
			if g.OpenID != s.OpenID(tc.person, tc.app) || g.UnionID != s.UnionID(tc.person, tc.app) || g.Snapshot || !g.Has(wechat.ScopeUserInfo) {
				t.Errorf("got %v", g)
			}
			if (g.UnionID == "") != (tc.app == appLone) {
				t.Errorf("the unionid is %q", g.UnionID)
			}
			u, err := s.client.UserInfo(t.Context(), g)
			s.verdict(t, userInfoPath, err, outcome{calls: 1})
			if u.OpenID != g.OpenID || u.UnionID != g.UnionID || u.Nickname != tc.nickname || !strings.HasSuffix(u.AvatarURL, "/132") {
				t.Errorf("got %v, nickname %q, avatar %q", u, u.Nickname, u.AvatarURL)
			}
			// Who consented once has a unionid at silent logins, too
			// (wechat-api.md §1.4), and it is the same.
			if again := s.login(t, tc.person, tc.app, wechat.ScopeBase); again.OpenID != g.OpenID || again.UnionID != g.UnionID {
				t.Errorf("the silent login after that: %v", again)
			}
		})
	}
}

// A refusal comes back with the state alone (wechat-api.md §1.3).
func TestContractARefusalCostsNoExchange(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.phone(t, "ming").login(s.loginURL(t, appID, wechat.ScopeUserInfo), "refuse")
	q := s.site.only(t)
	if q.Has("code") || q.Get("state") != state {
		t.Fatalf("the callback came with %v", q)
	}
	_, err := s.client.Exchange(t.Context(), appID, secret, q.Get("code"))
	s.verdict(t, exchangePath, err, outcome{wechat.ClassRestart, 0, 0})
}

// WeChat matches the order of the parameters (wechat-api.md §1.2): the address that
// the client builds is right, and no other order is.
func TestContractTheOrderOfTheAuthorizeURL(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	good := s.loginURL(t, appID, wechat.ScopeBase)
	head, rest, _ := strings.Cut(good, "?")
	query, fragment, _ := strings.Cut(rest, "#")
	if fragment != "wechat_redirect" {
		t.Fatalf("the fragment is %q", fragment)
	}
	with := func(pairs []string) string { return head + "?" + strings.Join(pairs, "&") + "#" + fragment }
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	// In the order of the alphabet, as url.Values writes them.
	wrong := map[string]string{"the alphabet's order": head + "?" + values.Encode() + "#" + fragment}
	pairs := strings.Split(query, "&")
	name := func(i int) string { n, _, _ := strings.Cut(pairs[i], "="); return n }
	for i := range pairs {
		for j := range i {
			swapped := append([]string{}, pairs...)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			wrong[name(j)+" and "+name(i)+" are swapped"] = with(swapped)
		}
		if name(i) != "connect_redirect" {
			wrong[name(i)+" is missing"] = with(append(append([]string{}, pairs[:i]...), pairs[i+1:]...))
		}
	}
	for name, address := range wrong {
		t.Run(name, func(t *testing.T) {
			if page := s.phone(t, "ming").login(address, "allow"); strings.HasPrefix(page, "back at ") {
				t.Errorf("WeChat took %s", address)
			}
		})
	}
	if n := len(s.site.all()); len(wrong) != 21 || n != 0 {
		t.Fatalf("%d wrong addresses, %d callbacks", len(wrong), n)
	}
	t.Run("as it is, it is taken", func(t *testing.T) {
		s.phone(t, "ming").login(good, "")
		s.site.only(t)
	})
	t.Run("it is taken with what WeChat's app appends", func(t *testing.T) {
		s.site.forget()
		s.phone(t, "ming").login(strings.Replace(good, "#", "&uin=MTIz&key=abc&pass_ticket=x%2By#", 1), "")
		s.site.only(t)
	})
}

// without drops a parameter on the way.
func without(name string) func(url.Values) string {
	return func(q url.Values) string { q.Del(name); return "" }
}

// The errors of wechat-api.md §1.4. What the client never does is done to its
// request on the way.
func TestContractEveryErrorOfTheExchange(t *testing.T) {
	t.Parallel()
	type scene struct{ app, secret, code string }
	for _, tc := range []struct {
		name  string
		must  outcome
		setUp func(*testing.T, *stage, *scene)
	}{
		{"an unknown code", outcome{wechat.ClassRestart, 40029, 1}, func(_ *testing.T, _ *stage, c *scene) {
			c.code = "071AdBVI1ZHOd509MKUI1jwjVI1AdBVV"
		}},
		{"a code of another account", outcome{wechat.ClassRestart, 40029, 1}, func(_ *testing.T, _ *stage, c *scene) {
			c.app = appOther
		}},
		{"a used code", outcome{wechat.ClassRestart, 40163, 1}, func(t *testing.T, s *stage, c *scene) {
			if _, err := s.client.Exchange(t.Context(), c.app, c.secret, c.code); err != nil {
				t.Fatal(err)
			}
		}},
		{"an expired code", outcome{wechat.ClassRestart, 42003, 1}, func(_ *testing.T, s *stage, _ *scene) {
			s.Advance(5 * time.Minute)
		}},
		{"an expired code, as it shows at times", outcome{wechat.ClassRestart, 40029, 1}, func(t *testing.T, s *stage, _ *scene) {
			if err := s.Change(func(set *wechatsim.Settings) { set.ExpiredAs = 40029 }); err != nil {
				t.Fatal(err)
			}
			s.Advance(5 * time.Minute)
		}},
		{"an unknown app ID", outcome{wechat.ClassConfig, 40013, 1}, func(_ *testing.T, _ *stage, c *scene) {
			c.app = "wxffffffffffffffff"
		}},
		{"a wrong secret", outcome{wechat.ClassConfig, 40125, 1}, func(_ *testing.T, _ *stage, c *scene) {
			c.secret = strings.ToUpper(secret)
		}},
		// The simulator says 40001 of tokens alone, so the request becomes one
		// with a token.
		{"a wrong secret, in the other way of saying it", outcome{wechat.ClassConfig, 40001, 1}, func(_ *testing.T, s *stage, _ *scene) {
			s.change(func(q url.Values) string {
				q.Set("access_token", "x")
				q.Set("openid", "x")
				return userInfoPath
			})
		}},
		{"no code", outcome{wechat.ClassFault, 41008, 1}, func(_ *testing.T, s *stage, _ *scene) {
			s.change(without("code"))
		}},
		{"no app ID", outcome{wechat.ClassConfig, 41002, 1}, func(_ *testing.T, s *stage, _ *scene) {
			s.change(without("appid"))
		}},
		{"no secret", outcome{wechat.ClassConfig, 41004, 1}, func(_ *testing.T, s *stage, _ *scene) {
			s.change(without("secret"))
		}},
		{"no grant type", outcome{wechat.ClassFault, 40002, 1}, func(_ *testing.T, s *stage, _ *scene) {
			s.change(without("grant_type"))
		}},
		{"a WeChat that stays busy", outcome{wechat.ClassRetry, -1, 3}, func(_ *testing.T, s *stage, _ *scene) {
			s.Fail("busy", wechatsim.Times(3))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c := scene{appID, secret, s.code(t, "ming", appID, wechat.ScopeBase)}
			tc.setUp(t, s, &c)
			s.forget()
			g, err := s.client.Exchange(t.Context(), c.app, c.secret, c.code)
			e := s.verdict(t, exchangePath, err, tc.must, c.code, c.secret, s.OpenID("ming", appID))
			if g.OpenID != "" || e.RID == "" || strings.Contains(e.Message, "rid") {
				t.Errorf("grant %v, rid %q, message %q", g, e.RID, e.Message)
			}
		})
	}
}

// The errors of wechat-api.md §1.5 that asking for the nickname can meet.
func TestContractEveryErrorOfTheUserInfo(t *testing.T) {
	t.Parallel()
	put := func(name, value string) func(*testing.T, *stage) {
		return func(_ *testing.T, s *stage) {
			s.change(func(q url.Values) string { q.Set(name, value); return "" })
		}
	}
	for _, tc := range []struct {
		name  string
		scope wechat.Scope
		must  outcome
		setUp func(*testing.T, *stage)
	}{
		{"a silent login's token", wechat.ScopeBase, outcome{wechat.ClassConfig, 48001, 1}, func(*testing.T, *stage) {}},
		{"a token that WeChat doesn't know", wechat.ScopeUserInfo, outcome{wechat.ClassRefresh, 40001, 1}, put("access_token", "x")},
		{"no token", wechat.ScopeUserInfo, outcome{wechat.ClassFault, 41001, 1}, put("access_token", "")},
		{"no openid", wechat.ScopeUserInfo, outcome{wechat.ClassFault, 41009, 1}, put("openid", "")},
		{"somebody else's openid", wechat.ScopeUserInfo, outcome{wechat.ClassFault, 40003, 1}, put("openid", openid)},
		{"a token whose end the client knows isn't sent", wechat.ScopeUserInfo, outcome{wechat.ClassRefresh, 0, 0}, func(_ *testing.T, s *stage) {
			s.Advance(2 * time.Hour)
		}},
		{"a token whose end only WeChat knows", wechat.ScopeUserInfo, outcome{wechat.ClassRefresh, 42001, 1}, func(t *testing.T, s *stage) {
			now := s.Now()
			s.client = s.newClient(t, wechat.Config{Now: func() time.Time { return now }})
			s.Advance(2 * time.Hour)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			g := s.login(t, "ming", appID, tc.scope)
			tc.setUp(t, s)
			u, err := s.client.UserInfo(t.Context(), g)
			s.verdict(t, userInfoPath, err, tc.must, g.OpenID, s.UnionID("ming", appID))
			if u != (wechat.UserInfo{}) {
				t.Errorf("got %v beside the error", u)
			}
		})
	}
}

// A code goes to the next host only if it surely never left (wechat-api.md §5).
func TestContractACodeGoesOnOnlyFromAHostThatWasNeverReached(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.client = s.newClient(t, wechat.Config{Hosts: []string{refused(t), s.hosts[1]}})
	if g := s.login(t, "ming", appID, wechat.ScopeBase); g.OpenID != s.OpenID("ming", appID) {
		t.Errorf("got %v", g)
	}
	if n := s.calls(exchangePath); n != 1 {
		t.Errorf("%d requests arrived", n)
	}
}
