package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// What the demo's shop does with the HTTP API, as any server of an operator's would: it
// sends the visitor a notice, and shows a QR code to follow by.

// demoPushToken and demoPushKey are in the demo's Caddyfile, too; they protect nothing.
const (
	demoPushToken = "TokenOfTheDemo"
	demoPushKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// demoNotice is the template that the shop sends.
var demoNotice = wechatsim.Template{Title: "订单通知 Order", Content: "商品 goods: {{thing4.DATA}}\n金额 paid: {{amount2.DATA}}\n时间 time: {{time3.DATA}}"}

// connect lets WeChat push to the gateway, and gives the shop a key and a QR code.
func (d *demo) connect() error {
	for _, appID := range []string{demoShared, demoPrivate} {
		if err := d.sim.SetPush(appID, d.origin+"/wsite/-/push/"+appID, demoPushToken, demoPushKey, "safe"); err != nil {
			return fmt.Errorf("entering the gateway in WeChat's console: %w", err)
		}
	}
	template, err := d.sim.AddTemplate(demoShared, demoNotice)
	if err != nil {
		return err
	}
	d.template = template.ID
	if d.key, err = demoKey([]identity.Scope{identity.ScopeMessage, identity.ScopeQR}, "shop"); err != nil {
		return err
	}
	if _, err := d.ask("POST", "/v1/accounts/"+demoShared+"/templates/sync", struct{}{}); err != nil {
		return err
	}
	if err := d.openMerchants(); err != nil {
		return err
	}
	if err := d.openConsole(); err != nil {
		return err
	}
	var code struct{ ID string }
	body, err := d.ask("POST", "/v1/accounts/"+demoShared+"/qr-codes", map[string]any{"ref": "demo"})
	if err == nil {
		err = json.Unmarshal(body, &code)
	}
	d.code = code.ID
	return err
}

// demoApp is the running gateway.
func demoApp() (*App, error) {
	loaded, err := caddy.ActiveContext().App("wsite")
	if err != nil {
		return nil, err
	}
	app := loaded.(*App)
	<-app.ready
	return app, nil
}

// demoKey makes a key of the API, as `caddy wsite api-keys create` does.
func demoKey(scopes []identity.Scope, sites ...string) (string, error) {
	app, err := demoApp()
	if err != nil {
		return "", err
	}
	key, text, err := identity.NewAPIKey(identity.APIKey{
		Realm: "main", Name: "demo", Scopes: scopes, Sites: sites, Made: time.Now(),
	}, app.random)
	if err != nil {
		return "", err
	}
	return text, app.facts().apiStore().PutAPIKey(app.ctx, key)
}

// ask calls the API with the shop's key.
func (d *demo) ask(method, path string, in any) ([]byte, error) {
	return d.askWith(d.key, method, path, in)
}

func (d *demo) askWith(key, method, path string, in any) ([]byte, error) {
	sent, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, d.origin+path, bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= 400 {
		var p problem
		_ = json.Unmarshal(body, &p)
		return nil, &demoRefusal{p.Code}
	}
	return body, err
}

// demoRefusal is what the API has refused.
type demoRefusal struct{ code string }

func (r *demoRefusal) Error() string { return r.code }

// notify sends a visitor a notice, and says what to tell him.
func (d *demo) notify(user string) string {
	_, err := d.ask("POST", "/v1/messages", map[string]any{
		"user": user, "site": "shop", "template": d.template, "url": d.origin + demoSites[0].Path,
		"data": map[string]string{"thing4": "巧克力 chocolate", "amount2": "39.8元", "time3": time.Now().Format("2006-01-02 15:04")},
	})
	var refused *demoRefusal
	switch {
	case err == nil:
		return "sent"
	case errors.As(err, &refused):
		return refused.code
	}
	return "failed"
}

// drawCode answers with the picture of the shop's QR code.
func (d *demo) drawCode(w http.ResponseWriter) {
	png, err := d.ask("GET", "/v1/accounts/"+demoShared+"/qr-codes/"+d.code+"/image", nil)
	if err != nil {
		http.Error(w, "no code", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(png)
}
