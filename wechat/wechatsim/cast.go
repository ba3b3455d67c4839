package wechatsim

// DefaultCast are the people of a world that needs some.
func DefaultCast() []Person {
	return []Person{
		{Name: "ming", Nickname: "小明", Colour: "#2f7d5b", Follows: []string{"wx1a2b3c4d5e6f7081"}},
		{Name: "li", Nickname: "李娜", Colour: "#b4552d"},
		{Name: "wang", Nickname: "王师傅", Colour: "#3b5fa8", Follows: []string{"wx1a2b3c4d5e6f7081", "wx2b3c4d5e6f708192"}},
		{Name: "chen", Nickname: "陈奶奶", Colour: "#8a4d9e"},
		{Name: "zhao", Nickname: "赵<b>老板</b>", Colour: "#97731a"}, // a name that has to be escaped
	}
}

// DefaultAccounts are two service accounts of one subject, a service account
// without one, and a subscription account.
func DefaultAccounts() []Account {
	return []Account{
		{AppID: "wx1a2b3c4d5e6f7081", Secret: "shared", Name: "平台 Platform", Kind: "service", Subject: "platform", Domains: []string{"www.example.com"}},
		{AppID: "wx2b3c4d5e6f708192", Secret: "private", Name: "商户 Tenant", Kind: "service", Subject: "platform", Domains: []string{"www.example.com"}},
		{AppID: "wx3c4d5e6f708192a3", Secret: "alone", Name: "独立 Alone", Kind: "service", Domains: []string{"www.example.com"}},
		{AppID: "wx4d5e6f708192a3b4", Secret: "news", Name: "订阅 News", Kind: "subscription", Subject: "platform", Domains: []string{"www.example.com"}},
	}
}

// DefaultOptions are a world with the default people and accounts.
func DefaultOptions() Options {
	return Options{Seed: 1, Accounts: DefaultAccounts(), People: DefaultCast()}
}
