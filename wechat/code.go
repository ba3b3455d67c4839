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
	hintFault        = "WeChat, or something between it and this machine, misbehaves: report it if it lasts"
	hintBug          = "the request was malformed, which is a bug of this program: report it"
	hintSecret       = "check the secret of the account; WeChat's console shows it only once, at a reset"
	hintIP           = "add this machine's address to the account's IP whitelist in WeChat's console"
	hintPlatform     = "check the app ID and the secret of the third-party platform"
	hintSubscription = "the template is not one for subscriptions"
	hintTemplate     = "read the account's templates again: this one is gone, or of another account"
	hintConfirm      = "an administrator of the account must confirm this machine's address on his phone"
	hintAuthorise    = "ask the owner of the account to authorise the third-party platform again"
	hintFrozen       = "WeChat has blocked the account: see the notices in WeChat's console"
	hintRequest      = "the order is not one that WeChat takes: correct what the message names"
	hintRID          = "WeChat knows no call by this rid, or no longer: it remembers them for 7 days"
	hintOpen         = "check in WeChat's console to which open-platform account the app ID is bound"
	hintUnknown      = "look the code up in WeChat's table of return codes"
)

// rule is what to do about an errcode.
type rule struct {
	class Class
	hint  string
}

// rules are WeChat's codes: the table of wechat-api.md §15, and those that its
// other sections name.
var rules = map[int]rule{
	codeBusy: {ClassRetry, ""},

	40001: {ClassRefresh, ""}, // of a call with the secret: secretRules
	40014: {ClassRefresh, ""},
	40094: {ClassRefresh, ""}, // the platform's token
	42001: {ClassRefresh, ""},
	42006: {ClassRefresh, ""}, // the platform's token

	40029: {ClassRestart, ""},
	40030: {ClassRestart, ""},
	40163: {ClassRestart, ""},
	42002: {ClassRestart, ""},
	42003: {ClassRestart, ""},
	42007: {ClassRestart, ""}, // the visitor changed his password
	87009: {ClassRestart, ""}, // the session key is not the latest (§3.1)

	40013: {ClassConfig, "check the app ID of the account"},
	40036: {ClassConfig, hintTemplate},
	40037: {ClassConfig, hintTemplate},
	40125: {ClassConfig, hintSecret},
	40164: {ClassConfig, hintIP},
	40165: {ClassConfig, "check the path of the mini program, or send the message without it"},
	40166: {ClassConfig, "link the mini program to the account in WeChat's console, or send the message without it"},
	40243: {ClassConfig, "the secret is frozen: unfreeze or reset it in WeChat's console"},
	41002: {ClassConfig, "set the app ID of the account"},
	41004: {ClassConfig, "set the secret of the account"},
	41030: {ClassConfig, "check the path of the page in the mini program"},
	43100: {ClassConfig, "the industries can be changed once a month"},
	43102: {ClassConfig, hintSubscription},
	43107: {ClassConfig, hintSubscription},
	45026: {ClassConfig, "the account has too many templates: delete some in WeChat's console"},
	45029: {ClassConfig, "the account's permanent QR codes are used up: make temporary ones"},
	45035: {ClassConfig, hintIP},
	48001: {ClassConfig, "the account lacks this permission, or the login asked for snsapi_base only: web login needs a verified service account"},
	48004: {ClassConfig, "WeChat has banned this API for the account: see the notices in WeChat's console"},
	48006: {ClassConfig, "the quotas were cleared too often in this month"},
	48017: {ClassConfig, "an address of WeChat is pinned and out of service: remove it from the hosts file and the name server"},
	50004: {ClassConfig, hintFrozen},
	50007: {ClassConfig, hintFrozen},
	61003: {ClassConfig, hintAuthorise},
	61004: {ClassConfig, "add this machine's address to the third-party platform's IP whitelist"},
	61007: {ClassConfig, "ask the owner of the account to grant the third-party platform this permission"},
	61009: {ClassConfig, hintAuthorise},
	61010: {ClassConfig, hintAuthorise},
	61011: {ClassConfig, hintPlatform},
	61023: {ClassConfig, hintAuthorise},
	63178: {ClassConfig, "the migration of the account isn't finished, or was more than 15 days ago"},
	89000: {ClassConfig, hintOpen},
	89001: {ClassConfig, hintOpen},
	89002: {ClassConfig, hintOpen},
	89003: {ClassConfig, hintOpen},
	89004: {ClassConfig, hintOpen},
	89506: {ClassConfig, "an administrator of the account refused this machine's address for 24 hours"},
	89507: {ClassConfig, "an administrator of the account refused this machine's address for an hour"},

	45009: {ClassRetry, "the daily quota of the account is used up: it ends at midnight, China time, or is cleared in WeChat's console"},
	45011: {ClassRetry, "too many calls in this minute"},
	61005: {ClassRetry, "the third-party platform's ticket has expired: WeChat pushes another every 10 minutes"},
	61006: {ClassRetry, "the third-party platform's ticket is not the latest: WeChat pushes another every 10 minutes"},
	89501: {ClassRetry, hintConfirm},
	89503: {ClassRetry, hintConfirm},

	40226: {ClassUser, "WeChat takes this visitor for a high risk"},
	43004: {ClassUser, "the recipient doesn't follow the account"},
	43005: {ClassUser, "the recipient is no friend of the account"},
	43019: {ClassUser, "the recipient is on the account's blacklist"},
	43101: {ClassUser, "the recipient has no subscription left, or refused"},
	45015: {ClassUser, "the recipient did nothing for 48 hours, or follows no longer: send a template message"},
	45047: {ClassUser, "the recipient must do something before he gets another message"},
	45080: {ClassUser, "the recipient hasn't written within 30 seconds"},
	45081: {ClassUser, "the recipient is shown already that somebody is typing"},
	46004: {ClassUser, "WeChat knows no such user"},
	48002: {ClassUser, "the recipient refuses the account's messages"},
	50001: {ClassUser, "the visitor has not authorised this"},
	50002: {ClassUser, "WeChat has limited this visitor"},
	50005: {ClassUser, "the recipient follows no longer"},

	40031: {ClassFault, hintRequest},
	40032: {ClassFault, hintRequest},
	40039: {ClassFault, hintRequest},
	40048: {ClassFault, hintRequest},
	40053: {ClassFault, hintRequest},
	40066: {ClassFault, hintRequest},
	40132: {ClassFault, hintRequest},
	40170: {ClassFault, hintRequest},
	44004: {ClassFault, hintRequest},
	45002: {ClassFault, hintRequest},
	45072: {ClassFault, hintRequest},
	46003: {ClassFault, hintRequest},
	47003: {ClassFault, "shorten or correct the value that the message names"},
	48008: {ClassFault, "the account may not send messages of this type"},
	76001: {ClassFault, hintRID},
	76002: {ClassFault, hintRID},
	76003: {ClassFault, "the rid is not one of this account's calls"},
	76004: {ClassFault, hintRID},
	76021: {ClassFault, hintRequest},
	76022: {ClassFault, hintRequest},

	40002: {ClassFault, hintBug},
	40003: {ClassFault, hintBug},
	40033: {ClassFault, hintBug},
	40035: {ClassFault, hintBug},
	40038: {ClassFault, hintBug},
	40097: {ClassFault, hintBug},
	41001: {ClassFault, hintBug},
	41003: {ClassFault, hintBug},
	41008: {ClassFault, hintBug},
	41009: {ClassFault, hintBug},
	41018: {ClassFault, hintBug},
	41021: {ClassFault, hintBug},
	43001: {ClassFault, hintBug},
	43002: {ClassFault, hintBug},
	43003: {ClassFault, hintBug},
	44002: {ClassFault, hintBug},
	47001: {ClassFault, hintBug},
	49003: {ClassFault, hintBug},
	61014: {ClassFault, hintBug},
	61015: {ClassFault, hintBug},
	61024: {ClassFault, hintBug},
	61451: {ClassFault, hintBug},

	9001001: {ClassFault, hintUnknown},
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
		r = rule{ClassFault, hintUnknown}
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
