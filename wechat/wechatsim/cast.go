package wechatsim

import "slices"

// The kinds of an account. Only a service account may use web login; WeChat shows
// 10005 for the others (wechat-api.md §1.1).
const (
	KindService      = "service"
	KindSubscription = "subscription"
	KindMini         = "mini" // a mini program
	KindApp          = "app"  // an app on a phone
	KindWeb          = "web"  // a website that shows a QR code (wechat-api.md §2.1)
)

var kinds = []string{KindService, KindSubscription, KindMini, KindApp, KindWeb}

// Account is an account as its owner set it up in WeChat's console. See
// [Sim.ChangeAccount].
type Account struct {
	AppID  string `json:"appid"` // "wx" and 16 lower-case hex digits
	Secret string `json:"secret"`
	Name   string `json:"name"` // shown on the phone
	// Kind is one of the kinds; empty means [KindService].
	Kind string `json:"kind"`
	// Unverified takes away the rights that WeChat gives after its verification
	// (wechat-api.md §13). A sandbox account has them all the same.
	Unverified bool `json:"unverified"`
	// Subject is the open-platform account that this one is bound to. Accounts of
	// one subject see the same unionid; without a subject nobody has one.
	Subject string `json:"subject"`
	// Domains are the hosts that a login may return to (网页授权域名): bare hosts,
	// matched exactly, without port. A sandbox account may also have an IP address
	// or host:port; there an entry without a port takes every port.
	Domains []string `json:"domains"`
	// Sandbox marks a test account, whose domains are looser.
	Sandbox bool `json:"sandbox"`
	// FollowersOnly sends everybody else away with 10006, as WeChat's sandboxes
	// do. It isn't tied to Sandbox, which most tests need for the port alone.
	FollowersOnly bool `json:"followers_only"`
	// Banned makes every login end with 10004, and every call in the account's
	// name with 50004.
	Banned bool `json:"banned"`
	// Frozen makes every call in the account's name end with 50007.
	Frozen bool `json:"frozen"`
	// SecretFrozen makes every call for a token end with 40243.
	SecretFrozen bool `json:"secret_frozen"`
	// Whitelist are the addresses and networks that may ask for a token; others
	// get 40164. Nil lets everybody, an empty list nobody.
	Whitelist []string `json:"whitelist"`
}

func (a Account) clone() Account {
	a.Domains = slices.Clone(a.Domains)
	a.Whitelist = slices.Clone(a.Whitelist)
	return a
}

// Person is somebody with a phone.
type Person struct {
	// Name is the key that tests and cookies use: 1 to 32 of [a-z0-9_-].
	Name string `json:"name"`
	// Nickname is what the person chose to be called: any text, hostile ones
	// included. Empty means Name.
	Nickname string `json:"nickname"`
	// Colour is that of the face on the phone page, as #rrggbb; empty picks one.
	Colour string `json:"colour"`
	// Follows are the appids of the accounts that the person follows.
	Follows []string `json:"follows"`
	// Phone is the number of the phone, without a country's; empty makes one up.
	Phone string `json:"phone"`
	// Granted are the appids to which the person once granted snsapi_userinfo. A
	// silent login there tells the unionid, too (wechat-api.md §1.4).
	Granted []string `json:"granted"`
}

// follows says whether a person follows an account.
func (p Person) follows(appid string) bool { return slices.Contains(p.Follows, appid) }

// label is what to call a person on a page.
func (p Person) label() string {
	if p.Nickname == "" {
		return p.Name
	}
	return p.Nickname
}

// DefaultCast are the people of a simulator that is given none.
func DefaultCast() []Person {
	return []Person{
		{Name: "ming", Nickname: "小明", Colour: "#2f7d5b", Follows: []string{"wx1a2b3c4d5e6f7081"}},
		{Name: "li", Nickname: "李娜", Colour: "#b4552d"},
		{Name: "wang", Nickname: "王师傅", Colour: "#3b5fa8", Follows: []string{"wx1a2b3c4d5e6f7081", "wx2b3c4d5e6f708192"}},
		{Name: "chen", Nickname: "陈奶奶", Colour: "#8a4d9e"},
		{Name: "zhao", Nickname: "赵<b>老板</b>", Colour: "#97731a"}, // a name that has to be escaped
	}
}

// DefaultAccounts are the accounts of a simulator that is given none: two service
// accounts of one subject, one without a subject, a subscription account, a mini
// program, an app and a website. All are sandboxes that return to this machine, on
// every port.
func DefaultAccounts() []Account {
	local := func(appid, secret, name, kind, subject string) Account {
		return Account{
			AppID: appid, Secret: secret, Name: name, Kind: kind, Subject: subject,
			Domains: []string{"127.0.0.1", "localhost"}, Sandbox: true,
		}
	}
	return []Account{
		local("wx1a2b3c4d5e6f7081", "shared", "平台 Platform", KindService, "platform"),
		local("wx2b3c4d5e6f708192", "private", "商户 Tenant", KindService, "platform"),
		local("wx3c4d5e6f708192a3", "alone", "独立 Alone", KindService, ""),
		local("wx4d5e6f708192a3b4", "news", "订阅 News", KindSubscription, "platform"),
		local("wx5e6f708192a3b4c5", "mini", "小程序 Mini", KindMini, "platform"),
		local("wx6f708192a3b4c5d6", "app", "应用 App", KindApp, "platform"),
		local("wx708192a3b4c5d6e7", "web", "网站 Web", KindWeb, "platform"),
	}
}

// DefaultOptions are the default cast with the seed 1: the same people have the
// same openids at every start.
func DefaultOptions() Options {
	return Options{Seed: 1, Accounts: DefaultAccounts(), People: DefaultCast()}
}
