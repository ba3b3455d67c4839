package caddymodule

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// demoSite is a site of the demo: it knows nothing of WeChat. It reads X-User,
// verifies it through the gateway's key set as any site would, and shows it.
type demoSite struct {
	PTID, Name, Path, Text string
	Links                  []demoLink
	Members                []string // who can log in there, with the site's own ids
	Notices                bool     // it sends notices, and shows a code to follow by
}

type demoLink struct{ Href, ZH, EN string }

// The demo's accounts are those of the simulator's default cast: the first two are
// service accounts of one subject.
const (
	demoShared  = "wx1a2b3c4d5e6f7081"
	demoPrivate = "wx2b3c4d5e6f708192"
)

var demoSites = []demoSite{
	{
		PTID: "shop", Name: "小店 Shop", Path: "/wsite/" + demoShared + "/shop/",
		Text: "静默认出您；支付通知是公开的 · knows you silently; its payment notification is public",
		Links: []demoLink{
			{"pay/notify", "支付通知（公开，不登录）", "payment notification (public, no login)"},
			{"-/logout", "退出登录", "sign out"},
			{"-/me", "页面脚本看到的身份", "what a page's script may know"},
		},
		Members: demoMembers, Notices: true,
	},
	{
		PTID: "game", Name: "游戏 Game", Path: "/wsite/" + demoShared + "/game/",
		Text: "# 路由的应用；领奖时请求一次授权 · a hash-routed app; its prizes ask for your consent once",
		Links: []demoLink{
			{"#/level/2", "第二关（# 路由）", "level two (behind the #)"},
			{"prize/", "领奖（请求授权，可拒绝）", "prizes (ask unionid)"},
		},
	},
	{
		PTID: "club", Name: "会员 Club", Path: "/wsite/" + demoPrivate + "/club/",
		Text: "另一个公众号：openid 不同，知道 unionid 后是同一用户 · another account: another openid, the same user once the unionid is known",
		Links: []demoLink{
			{"members/", "会员专区（必须授权）", "members only (require unionid)"},
		},
		Members: demoMembers,
	},
}

// demoMembers are the members of the company that runs the sites.
var demoMembers = []string{"m1042", "m2077"}

//go:embed demo/site.html
var demoSiteHTML string

var demoPage = template.Must(template.New("site").Parse(demoSiteHTML))

// demoView is what a demo site shows.
type demoView struct {
	demoSite
	Path, Token, Verdict, Claims string
	User                         identity.Token
	Known                        bool
	Home                         string
	Login                        string // who has just logged in
	Notice                       string // what became of the notice that he asked for
}

func (s demoSite) handler(d *demo) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view := demoView{demoSite: s, Path: r.URL.Path, Home: r.Header.Get("X-Forwarded-Prefix") + "/", Login: r.URL.Query().Get("login"), Notice: r.URL.Query().Get("notice")}
		if member := r.PostFormValue("member"); r.Method == http.MethodPost && slices.Contains(s.Members, member) {
			// This one line is all that a site has to do to tell the gateway a login.
			w.Header().Set("X-User-Bind", member)
			http.Redirect(w, r, view.Home+"?login="+member, http.StatusSeeOther)
			return
		}
		if view.Token = r.Header.Get("X-User"); view.Token != "" {
			view.verify(d, s.PTID)
		}
		switch {
		case s.Notices && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/code.png"):
			d.drawCode(w)
			return
		case s.Notices && r.Method == http.MethodPost && r.PostFormValue("notice") != "" && view.Known:
			view.Notice = d.notify(view.User.Subject)
			http.Redirect(w, r, view.Home+"?notice="+view.Notice, http.StatusSeeOther)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if r.URL.RawQuery == "text" || r.Method != http.MethodGet {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			if !view.Known {
				fmt.Fprintf(w, "%s sees nobody: no X-User came along\n", s.PTID)
				return
			}
			fmt.Fprintf(w, "%s sees %s user %s\n%s\n%s\n", s.PTID, view.User.Kind, view.User.Subject, view.Verdict, view.Claims)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = demoPage.Execute(w, view)
	})
}

// verify checks the token as a site has to: against the key set, for its own
// audience and the issuer that it trusts.
func (view *demoView) verify(d *demo, audience string) {
	keys, err := fetchKeys(d.origin + "/wsite/-/jwks.json")
	if err != nil {
		view.Verdict = "✗ " + err.Error()
		return
	}
	view.User, err = identity.Verify(keys, view.Token, identity.Expect{Issuer: d.origin + "/wsite/-", Audience: audience, Now: time.Now()})
	if err != nil {
		view.Verdict = "✗ " + err.Error()
		return
	}
	view.Known = true
	view.Verdict = "✓ 签名、签发者、受众和时间都正确 · signature, issuer, audience and time are right"
	if parts := strings.Split(view.Token, "."); len(parts) == 3 {
		if plain, err := b64.DecodeString(parts[1]); err == nil {
			var claims any
			if json.Unmarshal(plain, &claims) == nil {
				pretty, _ := json.MarshalIndent(claims, "", "  ")
				view.Claims = string(pretty)
			}
		}
	}
}

func fetchKeys(address string) ([]byte, error) {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(address)
	if err != nil {
		return nil, fmt.Errorf("fetching the key set: %w", err)
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
