package wechat

// BrowserKind tells what asks for a page, as far as a User-Agent tells. It is a
// hint, never a proof: scripts fake it, and so does WeChat's own checker
// (wechat-api.md §16 no. 12).
type BrowserKind uint8

const (
	Other       BrowserKind = iota // not WeChat
	WeChat                         // a page inside WeChat, on a phone or a desktop
	WeCom                          // a page inside WeCom, whose login is another one
	MiniProgram                    // a request of a mini program itself, without a page
	WebView                        // a page inside a mini program
)

func (k BrowserKind) String() string {
	switch k {
	case WeChat:
		return "wechat"
	case WeCom:
		return "wecom"
	case MiniProgram:
		return "miniprogram"
	case WebView:
		return "webview"
	}
	return "other"
}

// Browser is what a User-Agent tells.
type Browser struct {
	Kind BrowserKind
	// Desktop is set for WeChat on Windows and macOS.
	Desktop bool
	// AppID is the mini program around a [WebView]; empty if it isn't named.
	AppID string
}

// InWeChat says whether web login works there.
func (b Browser) InWeChat() bool { return b.Kind == WeChat || b.Kind == WebView }

// maxUserAgent is how much of a User-Agent is looked at, in bytes. WeChat's have
// less than 500.
const maxUserAgent = 2048

// ParseBrowser reads a User-Agent in the order of wechat-api.md §14. It allocates
// nothing: it runs for every request of every site.
func ParseBrowser(userAgent string) Browser {
	ua := userAgent[:min(len(userAgent), maxUserAgent)]
	// WeCom comes first because it says MicroMessenger, too.
	if indexFold(ua, "wxwork/") >= 0 {
		return Browser{Kind: WeCom}
	}
	// QQ has mini programs as well, and only the lack of this tells them apart.
	if indexFold(ua, "micromessenger") < 0 {
		return Browser{}
	}
	b := Browser{Desktop: indexFold(ua, "windowswechat") >= 0 || indexFold(ua, "macwechat") >= 0}
	switch {
	case indexFold(ua, "miniprogramenv/") >= 0:
		b.Kind = MiniProgram
	case indexFold(ua, "miniprogram/wx") >= 0:
		b.Kind = WebView
		b.AppID = leadingAppID(ua[indexFold(ua, "miniprogram/wx")+len("miniprogram/"):])
	case indexFold(ua, "miniprogramhtmlwebview") >= 0: // the developer tools
		b.Kind = WebView
	default:
		b.Kind = WeChat
	}
	return b
}

// leadingAppID is the app ID at the beginning of s: wx and 16 lower-case hex
// digits, and nothing that would make it a longer word.
func leadingAppID(s string) string {
	n := 0
	for n < len(s) && wordByte(s[n]) {
		n++
	}
	if n != len("wx0123456789abcdef") || s[:2] != "wx" {
		return ""
	}
	for i := 2; i < n; i++ {
		if !('0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f') {
			return ""
		}
	}
	return s[:n]
}

// indexFold finds a lower-case ASCII word in s, whatever the case of its letters,
// or returns -1. Lowering a copy of s would allocate.
func indexFold(s, word string) int {
	for i := 0; i+len(word) <= len(s); i++ {
		if lower(s[i]) == word[0] && equalFold(s[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}

func equalFold(s, word string) bool {
	for i := range len(word) {
		if lower(s[i]) != word[i] {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + ('a' - 'A')
	}
	return b
}
