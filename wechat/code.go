package wechat

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// codeBusy is the errcode for "not processed, try again".
const codeBusy = -1

// The calls of this package, as [Error.API] names them.
const (
	apiExchange = "sns/oauth2/access_token"
	apiUserInfo = "sns/userinfo"
)

const (
	hintFault  = "WeChat, or something between it and this machine, misbehaves: report it if it lasts"
	hintBug    = "the request was malformed, which is a bug of this program: report it"
	hintSecret = "check the secret of the account; WeChat's console shows it only once, at a reset"
	hintIP     = "add this machine's address to the account's IP whitelist in WeChat's console"
)

// rule is what to do about an errcode.
type rule struct {
	class Class
	hint  string
}

// rules are the codes that the calls of web login can meet (wechat-api.md §15).
var rules = map[int]rule{
	codeBusy: {ClassRetry, ""},

	40001: {ClassRefresh, ""}, // of a call with the secret: secretRules
	40014: {ClassRefresh, ""},
	42001: {ClassRefresh, ""},

	40029: {ClassRestart, ""},
	40030: {ClassRestart, ""},
	40163: {ClassRestart, ""},
	42002: {ClassRestart, ""},
	42003: {ClassRestart, ""},
	42007: {ClassRestart, ""}, // the visitor changed his password

	40013: {ClassConfig, "check the app ID of the account"},
	40125: {ClassConfig, hintSecret},
	40164: {ClassConfig, hintIP},
	40243: {ClassConfig, "the secret is frozen: unfreeze or reset it in WeChat's console"},
	41002: {ClassConfig, "set the app ID of the account"},
	41004: {ClassConfig, "set the secret of the account"},
	45035: {ClassConfig, hintIP},
	48001: {ClassConfig, "the account lacks this permission, or the login asked for snsapi_base only: web login needs a verified service account"},
	48004: {ClassConfig, "WeChat has banned this API for the account: see the notices in WeChat's console"},
	48017: {ClassConfig, "an address of WeChat is pinned and out of service: remove it from the hosts file and the name server"},
	89506: {ClassConfig, "an administrator of the account refused this machine's address for 24 hours"},
	89507: {ClassConfig, "an administrator of the account refused this machine's address for an hour"},

	45009: {ClassRetry, "the daily quota of the account is used up: it ends at midnight, China time, or is cleared in WeChat's console"},
	45011: {ClassRetry, "too many calls in this minute"},
	89501: {ClassRetry, "an administrator of the account must confirm this machine's address on his phone"},
	89503: {ClassRetry, "an administrator of the account must confirm this machine's address on his phone"},

	40226: {ClassUser, "WeChat takes this visitor for a high risk"},
	50001: {ClassUser, "the visitor has not authorised this"},
	50002: {ClassUser, "WeChat has limited this visitor"},

	40002: {ClassFault, hintBug},
	40003: {ClassFault, hintBug},
	40035: {ClassFault, hintBug},
	40097: {ClassFault, hintBug},
	41001: {ClassFault, hintBug},
	41008: {ClassFault, hintBug},
	41009: {ClassFault, hintBug},
	43001: {ClassFault, hintBug},
	43002: {ClassFault, hintBug},
	43003: {ClassFault, hintBug},
	49003: {ClassFault, hintBug},
	61451: {ClassFault, hintBug},
}

// secretRules go before rules when the call is proved with the secret: there is no
// token that 40001 could be about.
var secretRules = map[int]rule{
	40001: {ClassConfig, hintSecret},
}

// refusal makes an error of WeChat's code and message.
func (q query) refusal(code int, errmsg string, now time.Time) *Error {
	r, known := rules[code]
	if x, ok := secretRules[code]; ok && q.bySecret {
		r = x
	}
	if !known {
		r = rule{ClassFault, "look the code up in WeChat's table of return codes"}
	}
	message, rid := splitTail(errmsg)
	if slices.Contains(q.secrets, rid) {
		rid = ""
	}
	e := &Error{API: q.api, Code: code, Class: r.class, Message: redact(message, q.secrets), RID: rid, Hint: r.hint}
	if e.Message == "" {
		e.Message = "no message"
	}
	if ip := e.IP(); ip.IsValid() && e.Hint == hintIP {
		e.Hint = "add " + ip.String() + " to the account's IP whitelist in WeChat's console"
	}
	e.Until = until(code, e.Message, now)
	return e
}

// tail matches what WeChat hangs onto an errmsg: today " rid: …", formerly
// " hint: […]" or ", hints: [ req_id: … ]" (wechat-api.md, general wire rules).
var tail = regexp.MustCompile(`(?i)[\s,.]*(?:\brid:|\bhints?:).*$`)

// ridForm matches a rid, whose form is fixed.
var ridForm = regexp.MustCompile(`\brid:\s*([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})\b`)

func splitTail(errmsg string) (message, rid string) {
	errmsg = oneLine(errmsg)
	if m := ridForm.FindStringSubmatch(errmsg); m != nil {
		rid = m[1]
	}
	return tail.ReplaceAllString(errmsg, ""), rid
}

// firstAddr finds the address in messages such as
// "invalid ip 192.0.2.1 ipv6 ::ffff:192.0.2.1, not in whitelist".
func firstAddr(s string) (netip.Addr, bool) {
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,;[]()", r) }) {
		if ip, err := netip.ParseAddr(strings.TrimRight(word, ".:")); err == nil && ip.Zone() == "" {
			return ip.Unmap(), true
		}
	}
	return netip.Addr{}, false
}
