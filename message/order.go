package message

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Order is a message that somebody wants sent.
type Order struct {
	Realm string
	User  string
	// PreferAppIDs are the accounts that may send it: the site's own before the shared
	// one. No other account is ever used. A subscription notification has exactly one,
	// to which its template belongs.
	PreferAppIDs []string
	Kind         Kind
	// Template is the template's id.
	Template string
	Data     map[string]string
	// URL is where a tap leads; of both, WeChat prefers the mini program.
	URL       string
	MiniAppID string
	MiniPath  string
	// Type and Content are those of a customer-service message: "text" and
	// {"content":"…"}. Agent is who it comes from; may be empty.
	Type    string
	Content json.RawMessage
	Agent   string
	// ClientID is the caller's own name for the message, at most 128 bytes: the same
	// one again, by the same caller in the same realm, sends nothing new. Empty for
	// none.
	ClientID string
	// NotBefore is when to send it; zero for at once. At most a year ahead.
	NotBefore time.Time
	// By is who sends it, such as the id of an API key.
	By string
}

const (
	maxClientID = 128
	maxURL      = 2048
	maxContent  = 16 << 10
	maxData     = 64
	maxText     = 2048 // bytes
	maxAhead    = 366 * 24 * time.Hour
)

var (
	appID      = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	templateID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	fieldKey   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	agent      = regexp.MustCompile(`^[\x21-\x7e]{0,128}$`)
	// customTypes are the kinds of customer-service messages (wechat-api.md §10.3).
	customTypes = regexp.MustCompile(`^(text|image|voice|video|music|news|mpnews|mpnewsarticle|msgmenu|wxcard|miniprogrampage)$`)
)

// check judges an order as far as nobody has to be asked.
func (o Order) check(now time.Time) *Fault {
	bad := func(field, limit string) *Fault { return &Fault{Code: FaultOrder, Field: field, Limit: limit} }
	switch {
	case o.Realm == "":
		return bad("realm", "it is required")
	case o.User == "":
		return bad("user", "it is required")
	case len(o.PreferAppIDs) == 0:
		return &Fault{Code: FaultUnreachable}
	case len(o.ClientID) > maxClientID || !utf8.ValidString(o.ClientID) || strings.ContainsRune(o.ClientID, 0):
		return bad("client_id", "at most 128 bytes of text")
	case o.NotBefore.After(now.Add(maxAhead)):
		return bad("not_before", "at most a year ahead")
	case len(o.URL) > maxURL || o.URL != "" && !webAddress(o.URL):
		return bad("url", "an http or https address of at most 2048 bytes")
	case o.MiniAppID != "" && !appID.MatchString(o.MiniAppID):
		return bad("mini_appid", "the appid of a mini program")
	case o.MiniAppID == "" && o.MiniPath != "":
		return bad("mini_appid", "it is required with mini_path")
	case len(o.MiniPath) > maxURL:
		return bad("mini_path", "at most 2048 bytes")
	case len(o.Data) > maxData:
		return bad("data", "at most 64 fields")
	}
	switch o.Kind {
	case KindTemplate:
		return o.checkTemplate()
	case KindSubscription:
		if len(o.PreferAppIDs) != 1 {
			return bad("appids", "a subscription notification has one account, to which its template belongs")
		}
		if fault := o.checkTemplate(); fault != nil {
			return fault
		}
		return checkLoose(o.Data)
	case KindCustom:
		return o.checkCustom()
	}
	return bad("kind", "template, subscription or custom")
}

func (o Order) checkTemplate() *Fault {
	switch {
	case !templateID.MatchString(o.Template):
		return &Fault{Code: FaultOrder, Field: "template", Limit: "the id of a template"}
	case o.Type != "" || len(o.Content) > 0 || o.Agent != "":
		return &Fault{Code: FaultOrder, Field: "content", Limit: "it is for customer-service messages"}
	}
	return nil
}

func (o Order) checkCustom() *Fault {
	bad := func(field, limit string) *Fault { return &Fault{Code: FaultOrder, Field: field, Limit: limit} }
	var fields map[string]json.RawMessage
	switch {
	case o.Template != "" || len(o.Data) > 0:
		return bad("template", "a customer-service message has none")
	case !customTypes.MatchString(o.Type):
		return bad("type", "one of WeChat's types of customer-service messages")
	case !agent.MatchString(o.Agent):
		return bad("agent", "at most 128 ASCII characters without blanks")
	case len(o.Content) > maxContent:
		return &Fault{Code: FaultTooLong, Field: "content", Limit: "16384 bytes"}
	case json.Unmarshal(o.Content, &fields) != nil || len(fields) == 0:
		return bad("content", "a JSON object")
	}
	if o.Type != "text" {
		return nil
	}
	var text string
	switch err := json.Unmarshal(fields["content"], &text); {
	case err != nil || strings.TrimSpace(text) == "":
		return &Fault{Code: FaultMissing, Field: "content"}
	case len(text) > maxText:
		return &Fault{Code: FaultTooLong, Field: "content", Limit: "2048 bytes"}
	}
	return nil
}

// webAddress says whether s is an absolute address of the web.
func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// content is what of an order is sealed.
func (o Order) content() content {
	return content{
		Data: o.Data, URL: o.URL, MiniAppID: o.MiniAppID, MiniPath: o.MiniPath,
		Type: o.Type, Content: o.Content, Agent: o.Agent, Prefer: o.PreferAppIDs,
	}
}
