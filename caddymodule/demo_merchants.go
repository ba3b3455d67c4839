package caddymodule

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// demoMerchants are on the list from the beginning. For the first two there are codes, which
// the phone page shows: who scans one is bound.
var demoMerchants = []merchantIn{
	{ID: "1001", Name: "王家面馆 Wang Noodles", Contact: "王师傅", Phone: "13800001001", Sites: []string{"shop"}},
	{ID: "1002", Name: "李记茶行 Li's Tea", Contact: "李娜", Phone: "13800001002", Persons: 2},
	{ID: "1003", Name: "陈氏花店 Chen's Flowers", Contact: "陈奶奶"},
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
		if i == len(demoMerchants)-1 {
			break
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
