package wechatsim

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is something that goes wrong with WeChat, by name.
type Fault struct {
	Name   string `json:"name"`
	What   string `json:"what"`   // what the simulator does
	Lesson string `json:"lesson"` // what a client has to get right

	paths []string // where it can strike
}

// The paths of the simulated WeChat.
const (
	authorizePath = "/connect/oauth2/authorize"
	consentPath   = "/connect/consent" // ours: WeChat asks inside its app
	exchangePath  = "/sns/oauth2/access_token"
	refreshPath   = "/sns/oauth2/refresh_token"
	userInfoPath  = "/sns/userinfo"
	authPath      = "/sns/auth"
)

// Where a fault can strike. Three of these stand for many paths; see [Sim.strikes].
var (
	anywhere    = []string{"every call of a server"}
	withToken   = []string{"every call with a global token"}
	withSecret  = []string{exchangePath, miniLoginPath, tokenPath, stableTokenPath}
	withAccount = []string{"every call of an account"}
	withCode    = []string{exchangePath, miniLoginPath}
	atToken     = []string{tokenPath, stableTokenPath}
	atLogin     = []string{authorizePath}
	atSending   = []string{sendTemplatePath, sendSubscribedPath}
	atPush      = []string{pushPath}
)

// strikes says whether a fault can strike a path.
func (s *Sim) strikes(f Fault, path string) bool {
	e, api := s.api[path]
	switch f.paths[0] {
	case anywhere[0]:
		return api
	case withToken[0]:
		return e.may != nil
	case withAccount[0]:
		return e.may != nil || slices.Contains(atToken, path)
	}
	return slices.Contains(f.paths, path)
}

// Faults is the one table of all faults that [Sim.Fail] knows: docs, help text and
// control API come from it. It is for reading.
var Faults = []Fault{
	{"callback_twice", "the callback is requested twice at the same time with the same code: by the phone, and without cookies by the simulator under another User-Agent", "exchange a code once, and answer both", atLogin},
	{"two_codes", "without connect_redirect=1 the login hops twice: the simulator requests the callback with one code, the phone brings another with the same state", "send connect_redirect=1 after state, and keep a state valid for some seconds", atLogin},
	{"rerequest", "2 s later the simulator requests the callback again, without cookies and under another phone's User-Agent; the same for an address typed into the phone page", "a GET changes nothing twice, and a visitor without cookies is nobody until his login ends", atLogin},
	{"snapshot", "a page of preview instead of consent: both ids are made up, and is_snapshotuser is 1", "never store or link a flagged visitor", atLogin},
	{"refuse_closes", "a refusal closes the page without a redirect", "the callback may never be called", atLogin},
	{"code_used", "40163, whatever the code", "look for the result of that code, then go on with a session or log in again, once", withCode},
	{"code_invalid", "40029, whatever the code", "log in again, once, and never in a loop", []string{exchangePath, miniLoginPath, phoneNumberPath}},
	{"secret_changed", "40125, as after a reset of the secret in WeChat's console", "tell the operator, not the visitor", withSecret},
	{"ip_not_listed", "40164 with the caller's address in the text", "tell the operator which address to allow", withSecret},
	{"timeout_after_use", "the code is used up, then the connection hangs until the client gives up", "don't send a code again after a timeout; log in again", withCode},
	{"missing_openid", "the exchange succeeds, but there is no openid in it", "an answer without an error is not yet an answer", withCode},
	{"ip_unconfirmed", "89503: an administrator of the account is asked whether the address is his", "tell the operator, and ask again only after minutes", atToken},
	{"token_dead", "40001, and the global token is dead from then on", "compare it with the stored one, get another, and repeat the call once", withToken},
	{"token_expires_early", "the global token dies after a minute by the simulator's clock, though its answer says two hours", "believe 42001 more than expires_in", atToken},
	{"token_stale", "stable_token answers with a token that is dead already, unless a refresh is forced", "what comes from stable_token may be dead; don't go round in a circle", []string{stableTokenPath}},
	{"quota_spent", "45009, as when the calls of the day are used up", "stop until midnight in China, and tell the operator", withAccount},
	{"account_frozen", "50007, as when WeChat froze the account", "tell the operator; nothing else helps", withAccount},
	{"user_at_risk", "40226: WeChat keeps somebody out of the mini program", "tell the visitor; trying again doesn't help", []string{miniLoginPath}},
	{"slow", "the answer takes 3 s by the simulator's clock", "have a timeout, and answer the visitor before WeChat asks twice", anywhere},
	{"busy", "-1, and the call was not looked at", "try again two or three times, with a pause", anywhere},
	{"rate_limited", "45011", "slow down until the next minute", anywhere},
	{"host_down", "the connection is closed without an answer", "use the next host, and repeat only what may be repeated", anywhere},
	{"http_500", "HTTP status 500 with a page of a gateway", "a status is not WeChat's answer; nor is it proof that nothing happened", anywhere},
	{"not_json", "HTTP status 200 with a page of HTML", "a body that can't be read is an error, not an empty success", anywhere},
	{"numbers_as_strings", `numbers come as strings: "expires_in":"7200", "errcode":"40029"`, "read both", anywhere},
	{"unknown_fields", "fields nobody has heard of, nested ones and null among them", "ignore what you don't know", anywhere},
	{"qr_exhausted", "45029, as when 100,000 permanent codes are made", "make a temporary code, or use one again", []string{qrPath}},
	{"template_failed", "the message is taken, never shown, and reported later as \"failed: system failed\"", "errcode 0 is not yet delivery", atSending},
	{"template_result_lost", "what became of the message is never pushed", "don't wait for it for ever", atSending},
	{"push_duplicated", "a push comes twice at the same time, signed apart", "handle by MsgId, or by person, time and event, once", atPush},
	{"push_disordered", "a push comes after the next one of the same person, or 3 s late", "order by CreateTime, not by arrival", atPush},
	{"push_lost_answer", "a push that was answered comes again, since the answer got lost", "give the second try the answer of the first", atPush},
	{"push_slow", "a push comes 30 s late", "its CreateTime is when it happened; don't take it for forged", atPush},
	{"push_truncated", "the first try of a push ends in the middle, under a good signature", "don't answer success to what can't be read", atPush},
	{"push_foreign", "the first try of an encrypted push is for another appid", "compare the appid at the end of what was encrypted", atPush},
	{"push_forged", "before a push comes one like it that somebody else signed", "check the signature before anything else", atPush},
	{"push_replayed", "ten minutes after a push the same bytes come again", "refuse an old timestamp, and remember what was handled", atPush},
}

// FaultHelp is the table as a help text.
func FaultHelp() string {
	var b strings.Builder
	for _, f := range Faults {
		fmt.Fprintf(&b, "  %-20s %s\n", f.Name, f.What)
	}
	return b.String()
}

func faultNames() string {
	names := make([]string, len(Faults))
	for i, f := range Faults {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

// faultTable is the table as Markdown, as docs/simulator.md has it.
func faultTable() string {
	var b strings.Builder
	b.WriteString("| fault | what happens | the lesson |\n|---|---|---|\n")
	for _, f := range Faults {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, f.What, f.Lesson)
	}
	return b.String()
}

func lookUp(name string) (Fault, bool) {
	i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return Faults[i], true
}
