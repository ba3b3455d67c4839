package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// demoMerchants are on the list from the beginning. For the first two there are codes, which
// the phone page shows: who scans one is bound.
var demoMerchants = []merchantIn{
	{ID: "1001", Name: "王家面馆 Wang Noodles", Login: "wang", Contact: "王师傅", Phone: "13800001001", Sites: []string{"shop"}, Registered: demoDay(2024, 3, 12), LastLogin: demoDay(2026, 4, 30)},
	{ID: "1002", Name: "李记茶行 Li's Tea", Login: "li.tea", Contact: "李娜", Phone: "13800001002", Persons: 2, Registered: demoDay(2024, 5, 2), LastLogin: demoDay(2026, 4, 28)},
	{ID: "1003", Name: "陈氏花店 Chen's Flowers", Login: "chen", Contact: "陈奶奶", Registered: demoDay(2024, 7, 19)},
	{ID: "1004", Name: "老赵烧烤 Zhao's Grill", Login: "zhao", Contact: "赵老板", Phone: "13800001004", Registered: demoDay(2024, 9, 1), LastLogin: demoDay(2026, 3, 15)},
	{ID: "1005", Name: "小明书店 Ming's Books", Login: "ming", Contact: "小明", Phone: "13800001005", Registered: demoDay(2024, 11, 11), LastLogin: demoDay(2026, 5, 1)},
	{ID: "1006", Name: "西湖龙井专卖 Longjing House", Login: "longjing", Contact: "周小姐", Phone: "13800001006", Registered: demoDay(2025, 1, 8), LastLogin: demoDay(2026, 2, 20)},
	{ID: "1007", Name: "山城火锅 Chongqing Hotpot", Login: "hotpot", Contact: "吴经理", Phone: "13800001007", Persons: 5, Registered: demoDay(2025, 2, 14), LastLogin: demoDay(2026, 4, 29)},
	{ID: "1008", Name: "阳光早餐 Sunny Breakfast", Login: "sunny", Contact: "孙阿姨", Phone: "13800001008", Registered: demoDay(2025, 4, 6)},
	{ID: "1009", Name: "旧货市场 Flea Market", Login: "flea", Contact: "钱先生", Phone: "13800001009", Status: merchant.Disabled, Registered: demoDay(2025, 6, 30), LastLogin: demoDay(2025, 12, 24)},
	{ID: "1010", Name: "青岛海鲜 Qingdao Seafood", Login: "seafood", Contact: "郑船长", Phone: "13800001010", Registered: demoDay(2025, 8, 8), LastLogin: demoDay(2026, 4, 18)},
	{ID: "1011", Name: "胡同咖啡 Hutong Coffee", Login: "hutong", Contact: "冯小小", Phone: "13800001011", Persons: 3, Registered: demoDay(2025, 10, 1), LastLogin: demoDay(2026, 5, 1)},
	{ID: "1012", Name: "草原奶酪 Grassland Cheese", Login: "cheese", Contact: "巴特尔", Phone: "13800001012", Registered: demoDay(2026, 1, 20)},
}

// demoDay is a morning in China.
func demoDay(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 2, 0, 0, 0, time.UTC)
}

const demoMerchantsPath = "/v1/realms/main/merchants"

// openMerchants puts the merchants on the list, unless they are there from an earlier demo,
// and makes the codes.
func (d *demo) openMerchants() (err error) {
	if d.desk, err = demoKey([]identity.Scope{identity.ScopeMerchant}); err != nil {
		return err
	}
	for i, m := range demoMerchants {
		_, err := d.askWith(d.desk, "POST", demoMerchantsPath, m)
		var refused *demoRefusal
		if err != nil && (!errors.As(err, &refused) || refused.code != "merchant_id_taken") {
			return err
		}
		if i > 1 {
			continue
		}
		if _, err := d.askWith(d.desk, "POST", demoMerchantsPath+"/"+m.ID+"/codes", merchantCodeIn{AppID: demoShared}); err != nil {
			return err
		}
	}
	return nil
}

// openConsole invites somebody into the console, unless an earlier demo has.
func (d *demo) openConsole() error {
	app, err := demoApp()
	if err != nil {
		return err
	}
	staff, err := app.consoleStore().ConsoleStaffs(context.Background())
	if err != nil || len(staff) > 0 {
		return err
	}
	d.invitation, err = app.newConsole().Add(context.Background(), "demo", console.Administrator)
	return err
}

// tellConsole prints where the staff work.
func (d *demo) tellConsole() {
	address, then := d.console, "sign in as before"
	if d.invitation != "" {
		address, then = d.console+"/setup#"+d.invitation, "choose a password; you are the administrator called demo"
	}
	fmt.Fprintf(d.out, `
  Console        %s
                 %s.
                 Make a code for a merchant, scan it on the phone page, and see it bound
`, address, then)
}

// tellMerchants prints what the staff of a platform would do.
func (d *demo) tellMerchants() {
	fmt.Fprintf(d.out, `
  Merchants      scan a code at %[1]s/phone/scan
                 that says merchant, and be bound; then, as the staff, look and send a notice:
                 curl -s -H 'Authorization: Bearer %[2]s' %[3]s%[4]s
                 curl -s -H 'Authorization: Bearer %[2]s' -H 'Content-Type: application/json' \
                   -d '{"appid":"%[5]s","template":"%[6]s","all":true,"data":{"thing4":"茶 tea","amount2":"39.8元","time3":"2026-05-01 15:04"}}' \
                   %[3]s/v1/realms/main/merchant-notices
`, d.simulator, d.desk, d.origin, demoMerchantsPath, demoShared, d.template)
}
