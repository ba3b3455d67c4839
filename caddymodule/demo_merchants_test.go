package caddymodule

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestDemo_merchants(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	var page merchantsOut
	list := func() []merchantOut {
		t.Helper()
		text, err := d.askWith(d.desk, "GET", demoMerchantsPath, nil)
		if err == nil {
			page = merchantsOut{}
			err = json.Unmarshal(text, &page)
		}
		if err != nil {
			t.Fatal(err)
		}
		return page.Merchants
	}
	if found := list(); len(found) != len(demoMerchants) {
		t.Fatalf("on the list are %+v", found)
	}
	t.Run("who scans a code of the phone page is bound to its merchant", func(t *testing.T) {
		for _, s := range d.sim.Scenes(demoShared) {
			if !strings.HasPrefix(s.Scene, "merchant.") {
				continue
			}
			if _, err := d.sim.Scan("ming", s.URL); err != nil {
				t.Fatal(err)
			}
			break
		}
		eventually(t, "he is bound", func() bool {
			for _, m := range list() {
				if len(m.Bindings) == 1 && m.Bindings[0].User != "" {
					return true
				}
			}
			return false
		})
	})
	t.Run("the notice that is printed reaches him", func(t *testing.T) {
		printed := regexp.MustCompile(`-d '(\{.*\})' \\`).FindStringSubmatch(d.printed)
		if printed == nil {
			t.Fatalf("none is in\n%s", d.printed)
		}
		if _, err := d.askWith(d.desk, "POST", "/v1/realms/main/merchant-notices", json.RawMessage(printed[1])); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is there", func() bool {
			d.sim.Advance(time.Second)
			for _, m := range d.sim.Chat("ming", demoShared) {
				if m.Kind == wechatsim.KindTemplate {
					return true
				}
			}
			return false
		})
	})
}

func TestDemo_console(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	link := regexp.MustCompile(`http://console\.localhost:\d+/setup#(\S+)`).FindStringSubmatch(d.printed)
	if link == nil {
		t.Fatalf("no link is in\n%s", d.printed)
	}
	post := func(code string) int {
		t.Helper()
		form := url.Values{"code": {code}, "name": {"demo"}, "password": {"noodles, tea and flowers"}, "again": {"noodles, tea and flowers"}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.origin+"/setup", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = strings.TrimPrefix(d.console, "http://")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if status := post("another"); status != http.StatusForbidden {
		t.Errorf("another code is answered %d", status)
	}
	if status := post(link[1]); status != http.StatusSeeOther {
		t.Errorf("the printed code is answered %d", status)
	}
	if status := post(link[1]); status != http.StatusForbidden {
		t.Errorf("a second time it is answered %d", status)
	}
}
