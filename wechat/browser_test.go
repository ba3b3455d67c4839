package wechat_test

import (
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// browsers are the samples of wechat-api.md §14, and some that must not be taken
// for WeChat.
var browsers = []struct {
	name, ua string
	want     wechat.Browser
}{
	{"Android WeChat page", `Mozilla/5.0 (Linux; Android 12; M2011K2C Build/SKQ1.211006.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240404 MMWEBID/9203 MicroMessenger/8.0.49.2600(0x2800315A) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64`, wechat.Browser{Kind: wechat.WeChat}},
	{"Android, H5 in a mini program", `… Chrome/122.0.6261.120 Mobile Safari/537.36 XWEB/1220089 MMWEBSDK/20240404 MMWEBID/8150 MicroMessenger/8.0.49.2600(0x28003156) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64 miniProgram/wxba9855bdb1a45c8e`, wechat.Browser{Kind: wechat.WebView, AppID: "wxba9855bdb1a45c8e"}},
	{"iOS WeChat page", `Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.48(0x18003030) NetType/WIFI Language/zh_CN`, wechat.Browser{Kind: wechat.WeChat}},
	{"iOS, H5 in a mini program", `Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.74(0x18004a24) NetType/WIFI Language/zh_CN miniProgram/wx71a6af1f91734f18`, wechat.Browser{Kind: wechat.WebView, AppID: "wx71a6af1f91734f18"}},
	{"Windows WeChat page (3.9)", `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090c11) XWEB/11275 Flue`, wechat.Browser{Kind: wechat.WeChat, Desktop: true}},
	{"Windows 4.x, network of a mini program", `… Chrome/132.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090a13) UnifiedPCWindowsWechat(0xf254173b) XWEB/19027`, wechat.Browser{Kind: wechat.MiniProgram, Desktop: true}},
	{"Mac WeChat page (old)", `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) MicroMessenger/6.8.0(0x16080000) MacWechat/3.3(0x13030013) NetType/WIFI WindowsWechat`, wechat.Browser{Kind: wechat.WeChat, Desktop: true}},
	{"Mac 4.x, network of a mini program", `… Chrome/144.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI MiniProgramEnv/Mac MacWechat/WMPF MacWechat/3.8.7(0x13080712) UnifiedPCMacWechat(0xf2641c1d) XWEB/25300`, wechat.Browser{Kind: wechat.MiniProgram, Desktop: true}},
	{"WeCom iOS", `Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)  Mobile/15E148 wxwork/4.1.30 MicroMessenger/7.0.1 Language/zh ColorScheme/Light wwmver/3.26.13.714`, wechat.Browser{Kind: wechat.WeCom}},
	{"WeCom Android", `Mozilla/5.0 (Linux; Android 15; wv) AppleWebKit/537.36 … Chrome/130.0.6723.86 Mobile Safari/537.36 wxwork/4.1.36 MicroMessenger/7.0.1 NetType/4G Language/zh Lang/zh ColorScheme/Dark wwmver/3.26.36.632`, wechat.Browser{Kind: wechat.WeCom}},
	{"WeCom Windows", `Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/107.0.5304.110 Safari/537.36 Language/zh wxwork/4.1.10 (MicroMessenger/6.2) WindowsWechat  MailPlugin_Electron WeMail embeddisk`, wechat.Browser{Kind: wechat.WeCom}},

	{"the developer tools", `Mozilla/5.0 Chrome/122 Safari/537.36 wechatdevtools MicroMessenger/8.0.5 webview/ miniprogramhtmlwebview`, wechat.Browser{Kind: wechat.WebView}},
	{"capitals", `MICROMESSENGER/8 MINIPROGRAM/WX71A6AF1F91734F18`, wechat.Browser{Kind: wechat.WebView}},
	{"QQ's mini program", `Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 QQ/8.9.3 miniProgram miniprogramhtmlwebview`, wechat.Browser{}},
	{"a mini program that is none", `MicroMessenger/8 miniProgram`, wechat.Browser{Kind: wechat.WeChat}},
	{"an app ID with something behind it", `MicroMessenger/8 miniProgram/wx71a6af1f91734f18 x`, wechat.Browser{Kind: wechat.WebView, AppID: "wx71a6af1f91734f18"}},
	{"an app ID that is too long", `MicroMessenger/8 miniProgram/wx71a6af1f91734f18a`, wechat.Browser{Kind: wechat.WebView}},
	{"an app ID that is too short", `MicroMessenger/8 miniProgram/wx71a6`, wechat.Browser{Kind: wechat.WebView}},
	{"an app ID with other letters", `MicroMessenger/8 miniProgram/wx71a6af1f91734f1z`, wechat.Browser{Kind: wechat.WebView}},
	{"Safari", `Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1`, wechat.Browser{}},
	{"nothing", ``, wechat.Browser{}},
	{"almost", `MicroMessenge`, wechat.Browser{}},
	{"too far behind", strings.Repeat("x", 2048) + `MicroMessenger/8`, wechat.Browser{}},
}

func TestParseBrowser(t *testing.T) {
	t.Parallel()
	for _, tc := range browsers {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := wechat.ParseBrowser(tc.ua); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestWebLoginWorksOnPagesInsideWeChat(t *testing.T) {
	t.Parallel()
	for kind, want := range map[wechat.BrowserKind]struct {
		name string
		in   bool
	}{
		wechat.Other: {"other", false}, wechat.WeChat: {"wechat", true}, wechat.WeCom: {"wecom", false},
		wechat.MiniProgram: {"miniprogram", false}, wechat.WebView: {"webview", true},
	} {
		if got := (wechat.Browser{Kind: kind}).InWeChat(); got != want.in || kind.String() != want.name {
			t.Errorf("%s: %t", kind, got)
		}
	}
}

// It runs for every request of every site. AllocsPerRun counts the whole process,
// so this test runs alone.

func TestParseBrowserAllocatesNothing(t *testing.T) {
	for _, tc := range browsers {
		if n := testing.AllocsPerRun(10, func() { kept = wechat.ParseBrowser(tc.ua) }); n != 0 {
			t.Errorf("%s: %v allocations", tc.name, n)
		}
	}
}

// kept stops the compiler from dropping a call whose result nobody reads.
var kept wechat.Browser

func BenchmarkParseBrowser(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		kept = wechat.ParseBrowser(browsers[0].ua)
	}
}

// The oracle is the same order of decisions in the plainest way of writing it.
func FuzzParseBrowser(f *testing.F) {
	for _, tc := range browsers {
		f.Add(tc.ua)
	}
	f.Fuzz(func(t *testing.T, ua string) {
		got := wechat.ParseBrowser(ua)
		low := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, ua[:min(len(ua), 2048)])
		has := func(s string) bool { return strings.Contains(low, s) }
		want := wechat.Other
		switch {
		case has("wxwork/"):
			want = wechat.WeCom
		case !has("micromessenger"):
		case has("miniprogramenv/"):
			want = wechat.MiniProgram
		case has("miniprogram/wx"), has("miniprogramhtmlwebview"):
			want = wechat.WebView
		default:
			want = wechat.WeChat
		}
		if got.Kind != want {
			t.Errorf("%q: got %s, want %s", ua, got.Kind, want)
		}
		if got.AppID != "" && (want != wechat.WebView || len(got.AppID) != 18 || !strings.Contains(ua, got.AppID)) {
			t.Errorf("%q: app ID %q", ua, got.AppID)
		}
	})
}
