package caddymodule

import (
	"encoding/csv"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// seat is that of a member of the staff before the console, who reads a language.
type seat struct {
	*office
	*tab
	lang string
}

// desks are in which languages, and how wide, the journeys of staff are made: in the short
// form Chinese on a phone and English on a desktop, in the long one both on both.
func desks(lang string) map[string]int {
	all := map[string]int{"phone": 390, "desktop": 1280}
	if os.Getenv("WSITE_SOAK") == "" {
		delete(all, map[string]string{"zh": "desktop", "en": "phone"}[lang])
	}
	return all
}

// atDesks runs a test at all desks.
func atDesks(t *testing.T, test func(t *testing.T, d *seat)) {
	for lang, accepts := range map[string]string{"zh": "zh-CN", "en": "en-US"} {
		for device, width := range desks(lang) {
			t.Run("in "+lang+" on a "+device, func(t *testing.T) {
				t.Parallel()
				g := startConsole(t)
				d := &seat{&office{g, t, g.apiKey(t, "main", "merchant message")}, g.tabFor(t, uaDesktop, "", 5*time.Minute), lang}
				call(d.tab, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: uaDesktop, AcceptLanguage: accepts})
				d.onScreen(width)
				g.comesIn(t, d.tab)
				test(t, d)
			})
		}
	}
}

// opens opens a page of the console.
func (d *seat) opens(path, until string) {
	d.office.t.Helper()
	d.tab.do(chromedp.Navigate(d.consoleAt(path)), chromedp.WaitVisible(until))
}

// reads fails unless the page says this, in the language that is read.
func (d *seat) reads(zh, en string) {
	d.office.t.Helper()
	want := map[string]string{"zh": zh, "en": en}[d.lang]
	if text := d.text(); !strings.Contains(text, want) {
		d.office.t.Errorf("%s doesn't say %q:\n%s", d.address(), want, text)
	}
}

// eval asks the page for a text.
func (d *seat) eval(expression string) string {
	d.office.t.Helper()
	text, err := chromedp.Run(d.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		d.office.t.Fatal(err)
	}
	return text
}

// TestConsole_replace holds that a second person takes nothing from the first, until staff
// decide.
func TestConsole_replace(t *testing.T) {
	t.Parallel()
	atDesks(t, func(t *testing.T, d *seat) {
		d.lists("M1")
		first := d.makes("M1")
		d.scans("li", first.text("url"))
		d.stands("M1", first, merchant.Bound, "")
		d.opens("/merchants/main/of/M1", "form[action$='/codes']")
		d.tab.do(chromedp.Click("form[action$='/codes'] button"), chromedp.WaitVisible(".code svg"))
		url := d.eval("document.querySelector('code.secret').textContent")
		d.scans("ming", url)
		d.tab.do(chromedp.WaitVisible("[data-state].bad"))
		d.reads("商户已绑定其他微信", "another WeChat is bound to the merchant")
		d.hears("ming", "原绑定保持不变")
		if held := d.bound("M1"); len(held) != 1 || held[0]["code"] != first.text("id") {
			t.Fatalf("bound are %v", held)
		}
		d.tab.do(chromedp.Click("[data-over] a"), chromedp.WaitVisible("details summary"), chromedp.Click("details summary"), chromedp.WaitVisible("button.danger"))
		d.shows("replace-" + d.lang)
		d.tab.do(chromedp.Click("button.danger"), chromedp.WaitVisible(".done"))
		d.reads("替换绑定", "replaced who is bound")
		d.hears("ming", "绑定成功")
		if held := d.bound("M1"); len(held) != 1 || held[0]["code"] == first.text("id") {
			t.Errorf("bound are %v", held)
		}
		d.tab.do(chromedp.Click("ul.rows summary"), chromedp.WaitVisible("form[action$='/unbind'] button"), chromedp.Click("form[action$='/unbind'] button"), chromedp.WaitVisible("ul.rows li.soft"))
		d.reads("尚未绑定", "Nobody is bound")
	})
}

// TestConsole_refused holds that a code which binds nobody says so to staff and to who scans.
func TestConsole_refused(t *testing.T) {
	t.Parallel()
	atDesks(t, func(t *testing.T, d *seat) {
		for _, id := range []string{"M1", "M2", "M3", "M4", "M5"} {
			d.lists(id)
		}
		at := func(id string, code apiAnswer) string {
			return "/merchants/main/of/" + id + "/codes/" + code.text("id")
		}

		used := d.makes("M1")
		d.scans("li", used.text("url"))
		d.stands("M1", used, merchant.Bound, "")
		d.scans("wang", used.text("url"))
		d.hears("wang", "二维码已被使用")
		d.opens(at("M1", used), "[data-state].good")
		d.reads("此码已使用", "This code is used up")

		old := d.makes("M2")
		d.makes("M2")
		d.scans("wang", old.text("url"))
		d.hears("wang", "已被新的二维码取代")
		d.opens(at("M2", old), "[data-state]")
		d.reads("请使用新码", "use that one")

		cancelled := d.makes("M3")
		d.opens(at("M3", cancelled), "form[action$='/cancel'] button")
		d.tab.do(chromedp.Click("form[action$='/cancel'] button"), chromedp.WaitVisible(".done"))
		d.scans("wang", cancelled.text("url"))
		d.hears("wang", "二维码已作废")
		d.opens(at("M3", cancelled), "[data-state]")
		d.reads("此码已作废", "It was cancelled")

		disabled := d.makes("M4")
		d.opens("/merchants/main/of/M4", "details summary")
		d.tab.do(chromedp.Click("details summary"), chromedp.WaitVisible("form[action$='/disable'] button"), chromedp.Click("form[action$='/disable'] button"), chromedp.WaitVisible(".done"))
		d.scans("wang", disabled.text("url"))
		d.hears("wang", "该商户目前无法绑定")
		d.opens(at("M4", disabled), "[data-state].bad")
		d.reads("请启用后重新生成", "enable him, then make a new code")

		late := d.office.do("POST", "merchants/M5/codes", `{"appid":"`+appA+`","expires_in":60}`).want(t, 200)
		scan := scene.Scan{AppID: appA, OpenID: d.sim.OpenID("wang", appA), Key: "late"}
		for _, s := range d.sim.Scenes(appA) {
			if s.URL == late.text("url") {
				scan.Scene = s.Scene
			}
		}
		d.advance(time.Hour)
		if scan.At = d.now(); d.app.codes.Scanned(t.Context(), scan) != nil {
			t.Fatal("the scan fails")
		}
		d.hears("wang", "二维码已过期")
		d.opens(at("M5", late), "[data-state]")
		d.reads("有效期内无人扫码", "Nobody scanned it in time")
	})
}

// TestConsole_notice holds that a notice waits for its time, is cancelled, sent again, and
// told as a table.
func TestConsole_notice(t *testing.T) {
	t.Parallel()
	atDesks(t, func(t *testing.T, d *seat) {
		d.lists("M1")
		d.lists("M2")
		code := d.makes("M1")
		d.scans("li", code.text("url"))
		d.stands("M1", code, merchant.Bound, "")
		template := d.notice(t)
		if err := d.app.messages.Sync(t.Context(), appA); err != nil {
			t.Fatal(err)
		}
		write := func() {
			d.opens("/merchants/main", "input[name=id]")
			d.tab.do(chromedp.Click("[data-pick-page]"), chromedp.Click("button[formaction$='/notices/new']"), chromedp.WaitVisible(".rows a"))
			d.tab.do(chromedp.Click("a[href*='"+template+"']"), chromedp.WaitVisible("input[name=data_thing4]"))
			d.tab.do(chromedp.SendKeys("input[name=data_thing4]", "Tea"), chromedp.SendKeys("input[name=data_amount2]", "39.8元"))
			d.reads("收不到通知的商户数： 1", "they get nothing: 1")
		}
		write()
		at := d.now().AddDate(0, 0, 1).In(time.FixedZone("", 8*60*60)).Format("2006-01-02T15:04")
		d.eval("document.querySelector('input[name=at]').value = '" + at + "'")
		d.tab.do(chromedp.Click("main button.go"), chromedp.WaitVisible(".done"))
		d.reads("定时发送", "scheduled")
		d.reads(strings.Replace(at, "T", " ", 1), strings.Replace(at, "T", " ", 1))
		d.tab.do(chromedp.Click("details summary"), chromedp.WaitVisible("form[action$='/cancel'] button"), chromedp.Click("form[action$='/cancel'] button"), chromedp.WaitVisible("h1 .tag.bad"))
		d.reads("已取消", "cancelled")

		if err := d.sim.Follow("li", appA, false); err != nil {
			t.Fatal(err)
		}
		d.settle(t)
		write()
		d.tab.do(chromedp.Click("main button.go"), chromedp.WaitVisible(".done"))
		page := d.address()
		eventually(t, "it isn't sent", func() bool {
			d.tab.do(chromedp.Navigate(page), chromedp.WaitVisible("table"))
			return strings.Contains(d.text(), map[string]string{"zh": "未关注该公众号", "en": "doesn't follow the account"}[d.lang]) || strings.Contains(d.text(), map[string]string{"zh": "没有可用的公众号", "en": "no account that may send"}[d.lang])
		})
		d.reads("请先生成绑定码", "make him a code")
		d.sim.Advance(time.Second)
		if err := d.sim.Follow("li", appA, true); err != nil {
			t.Fatal(err)
		}
		d.settle(t)
		d.tab.do(chromedp.Click("form[action$='/resend'] button"), chromedp.WaitVisible(".done"))
		eventually(t, "it arrives", func() bool { return len(d.got("li", "template")) == 1 })
		d.tab.do(chromedp.WaitVisible("td .tag.good")) // by itself
		if table := d.eval(`fetch(document.querySelector("a[href$='.csv']").href).then(r => r.text())`); !strings.Contains(table, "\nM1,Shop M1,1,") || !strings.Contains(table, "\nM2,Shop M2,,refused,unbound,") {
			t.Errorf("the table is %s", table)
		}
		d.opens("/merchants/main/of/M1", "li a[href^='/users/main/of/']")
		d.opens("/merchants/main/notices/new?template="+template, "input[name=data_thing4]")
		d.tab.do(chromedp.SendKeys("input[name=data_thing4]", "Rice"), chromedp.SendKeys("input[name=data_amount2]", "2.0元"), chromedp.Click("input[name=all]"), chromedp.Click("main button.go"), chromedp.WaitVisible("button.danger"))
		d.reads("已绑定的商户数： 1", "Bound in the realm are: 1")
		if n := len(d.got("li", "template")); n != 1 {
			t.Errorf("before it is confirmed he has got %d", n)
		}
		d.tab.do(chromedp.Click("main button.danger"), chromedp.WaitVisible(".done"))
		eventually(t, "the one to all arrives", func() bool { return len(d.got("li", "template")) == 2 })
	})
}

// TestConsole_many holds that a table is taken in with its errors by line, and that codes for
// all whom a filter picks come as one file.
func TestConsole_many(t *testing.T) {
	t.Parallel()
	atDesks(t, func(t *testing.T, d *seat) {
		file := filepath.Join(t.TempDir(), "merchants.csv")
		if err := os.WriteFile(file, []byte("商户编号,商户名称,可绑定人数\nM1,茶馆,1\nM2,Shop/2,1\nM 3,x,1\nM4,Four,99\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.opens("/merchants/main/import", "input[type=file]")
		d.tab.do(chromedp.SetUploadFiles("input[type=file]", []string{file}), chromedp.Click("main button.go"), chromedp.WaitVisible("section[role=status] td"))
		d.reads("编号 有误：1–64 个字母", `"Id" is wrong: 1 to 64 letters`)
		d.reads("可绑定人数 有误：1–20", `"Persons" is wrong: 1 to 20`)

		older := d.makes("M1")
		d.opens("/merchants/main?status=normal", "input[name=all]")
		d.tab.do(chromedp.Click("input[name=all]"), chromedp.Click(".picks button"), chromedp.WaitVisible("form[data-once]"))
		d.reads("生成 2", "codes: 2")
		d.reads("取代该商户正在等待的旧码", "takes the place of an older one")
		text := d.eval(`(async () => {
			const form = document.querySelector('form[data-once]')
			const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) })
			return btoa(String.fromCharCode(...new Uint8Array(await answer.arrayBuffer())))
		})()`)
		files := unpack(t, text)
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(files["codes.csv"], "\ufeff"))).ReadAll()
		if err != nil || len(rows) != 3 || len(files) != 3 {
			t.Fatalf("the table is %v, %v", rows, err)
		}
		for _, name := range []string{"M1-茶馆.png", "M2-Shop_2.png"} {
			if picture, err := png.Decode(strings.NewReader(files[name])); err != nil || picture.Bounds().Dx() < 400 {
				t.Errorf("%s: %v", name, err)
			}
		}
		d.scans("wang", older.text("url"))
		d.hears("wang", "已被新的二维码取代")
		d.scans("wang", rows[1][2])
		eventually(t, "she is bound", func() bool { return len(d.bound("M1")) == 1 })
	})
}
