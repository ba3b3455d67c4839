package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// What the API refuses besides what the gateway does; docs/api.md lists all codes.
const (
	apiNoEndpoint   code = "no_endpoint"
	apiKeyNeeded    code = "key_needed"
	apiKeyRefused   code = "key_refused"
	apiScopeNeeded  code = "scope_needed"
	apiNoRealm      code = "realm_unknown"
	apiNoAccount    code = "account_unknown"
	apiNotYourSite  code = "site_not_yours"
	apiBadToken     code = "bad_token"
	apiBadType      code = "bad_content_type"
	apiBadBody      code = "bad_body"
	apiTooLarge     code = "body_too_large"
	apiBadQuery     code = "bad_query"
	apiBadCursor    code = "bad_cursor"
	apiBadID        code = "bad_id"
	apiNoEvidence   code = "evidence_needed"
	apiNoReason     code = "reason_needed"
	apiTooWide      code = "revocation_too_wide"
	apiNoSite       code = "site_unknown"
	apiBadRepeatKey code = "bad_idempotency_key"
	apiReused       code = "idempotency_reused"
	apiInFlight     code = "idempotency_in_flight"

	apiTokenKept     code = "token_not_shared"
	apiNotPassed     code = "path_not_passed"
	apiQuotaSpent    code = "quota_spent"
	apiWechatRefused code = "wechat_refused"
	apiTokenEarly    code = "token_too_early"
	apiNoToken       code = "no_token"
	apiJobBusy       code = "job_busy"
	apiJobUnknown    code = "job_unknown"
	apiJobRefused    code = "job_refused"

	apiBadEntry     code = "entry_refused"
	apiConfigured   code = "in_caddyfile"
	apiAccountUsed  code = "account_in_use"
	apiEntryChanged code = "entry_changed"
)

// apiTexts say of each refusal which status it has, what it is, and what can be done.
var apiTexts = map[code]struct {
	status        int
	title, advice string
}{
	apiNoEndpoint:   {404, "there is no such endpoint", "see /openapi.json"},
	codeBadMethod:   {405, "the endpoint takes another method", "see Allow"},
	apiKeyNeeded:    {401, "a key is needed", "send Authorization: Bearer wsk_…"},
	apiKeyRefused:   {401, "the key doesn't hold", "ask the operator whether it was revoked"},
	apiScopeNeeded:  {403, "the key may not do this", "ask the operator for a key with the scope"},
	apiNoRealm:      {404, "there is no such realm for this key", "check the realm in the address"},
	apiNoAccount:    {404, "there is no such account for this key", "check the appid"},
	apiNotYourSite:  {403, "the token was made for a site that this key isn't for", "use the key of that site"},
	apiBadToken:     {422, "the token isn't one of ours, or is too old", "send the X-User that came with the visitor's latest request"},
	apiBadType:      {415, "the body has to be application/json", "set Content-Type"},
	apiBadBody:      {400, "the body isn't what this endpoint takes", "see /openapi.json"},
	apiTooLarge:     {413, "the body is larger than 64 KiB", "send less"},
	apiBadQuery:     {400, "the query isn't what this endpoint takes", "see /openapi.json"},
	apiBadCursor:    {400, "the cursor isn't one of this endpoint and realm", "begin without one, or with the last `next` from here"},
	apiBadID:        {422, "a value can't be an id", "send the id as it came"},
	apiNoEvidence:   {422, "evidence is needed", "say in evidence what proves that this is right"},
	apiNoReason:     {422, "a reason is needed", "say in reason why"},
	apiTooWide:      {403, "this is for a key for all realms", "name a user, a site or the realm, or end the session by a token"},
	apiNoSite:       {404, "there is no such site for this key", "check the ptid and the realm"},
	apiBadRepeatKey: {400, "the Idempotency-Key isn't 1 to 128 visible ASCII characters", "send a UUID"},
	apiReused:       {422, "this Idempotency-Key was used for another request", "take a fresh one for each request"},
	apiInFlight:     {409, "the request with this Idempotency-Key is still under way", "ask again in a moment"},

	apiTokenKept:       {403, "the account's token is not shared", "ask the operator for share_token on"},
	apiNotPassed:       {403, "this path of WeChat's isn't passed through", "ask the operator for it in pass_through"},
	apiQuotaSpent:      {429, "WeChat takes no more such calls for now", "ask again after midnight in China, or in the next minute"},
	apiWechatRefused:   {422, "WeChat has refused", "see the detail"},
	codeWechatDown:     {503, "WeChat doesn't answer", "ask again after Retry-After"},
	codeWechatSetup:    {502, "WeChat refuses the account", "its operator has to act: caddy wsite check tells how"},
	codeWechatNonsense: {502, "WeChat's answer makes no sense", "report it if it lasts"},
	apiTokenEarly:      {503, "the token was found dead just after the last one", "ask again after Retry-After"},
	apiNoToken:         {404, "no access token is kept for this account", "see access_token in the configuration"},
	apiJobBusy:         {409, "a job of this kind is under way for this account", "watch that one, or cancel it"},
	apiJobUnknown:      {404, "there is no such job, or it is over", "check the id"},
	apiBadEntry:        {400, "the account or site can't work like this", "see the detail and the field"},
	apiConfigured:      {409, "it stands in the Caddyfile", "change it there, and reload"},
	apiAccountUsed:     {409, "sites are opened through the account", "take them away first, or open them through another account"},
	apiEntryChanged:    {409, "somebody else has changed, added or removed it meanwhile", "read it again, and change what is there now"},

	apiJobRefused: {422, "such a job makes no sense for this account", "see the detail"},

	sceneCode + scene.FaultOrder:     {422, "the code can't be made so", "see field and detail"},
	sceneCode + scene.FaultExhausted: {409, "no permanent code is left to the account", "make temporary ones"},
	sceneCode + scene.FaultNotFound:  {404, "there is no such code for this key", "check the id, the account and the realm"},
	sceneCode + scene.FaultTaken:     {409, "the scene is another code's", "take another one, or none"},

	messageCode + message.FaultOrder:       {422, "the message makes no sense", "see the detail"},
	messageCode + message.FaultUnreachable: {422, "no account reaches the user", "he has to follow one of the accounts"},
	messageCode + message.FaultTemplate:    {422, "no account has the template", "sync the templates, or check the id"},
	messageCode + message.FaultMissing:     {422, "a field of the template is missing", "see field"},
	messageCode + message.FaultUnknown:     {422, "the template has no such field", "see field"},
	messageCode + message.FaultTooLong:     {422, "a field is too long", "see field and detail"},
	messageCode + message.FaultKind:        {422, "a field is of the wrong kind", "see field and detail"},
	messageCode + message.FaultValue:       {422, "a field has a value that isn't approved", "see field and detail"},
	messageCode + message.FaultReused:      {409, "the client_id was used for another message", "take a fresh one for each message"},
	messageCode + message.FaultNotFound:    {404, "there is no such message for this key", "check the id and the realm"},
	messageCode + message.FaultState:       {409, "the message's state doesn't allow this", "look at its state"},
	messageCode + message.FaultContent:     {410, "the content of the message is gone", "send a new one"},

	merchantCode + merchant.FaultField:      {422, "a field of the merchant, code or notice is wrong", "see field and detail"},
	merchantCode + merchant.FaultNotFound:   {404, "there is no such merchant, code or notice", "check the id and the realm"},
	merchantCode + merchant.FaultTaken:      {409, "another merchant has this id", "take another one, or edit him"},
	merchantCode + merchant.FaultDisabled:   {409, "the merchant is disabled", "enable him first"},
	merchantCode + merchant.FaultAccount:    {422, "the realm has no such account that binds merchants", "name a service account of one of its sites"},
	merchantCode + merchant.FaultState:      {409, "the state doesn't allow this", "look at it again"},
	merchantCode + merchant.FaultTemplate:   {422, "the account doesn't have this template", "sync the templates, or check its id"},
	merchantCode + merchant.FaultNobody:     {422, "nobody would get this notice", "bind somebody first"},
	merchantCode + merchant.FaultTable:      {422, "the table can't be read", "see the detail"},
	merchantCode + merchant.FaultPermission: {403, "WeChat doesn't let the account make codes", "it needs to be a verified service account"},
	merchantCode + merchant.FaultQuota:      {429, "the account may make no more codes for now", "try again later"},
	merchantCode + merchant.FaultWeChat:     {422, "WeChat refuses to make a code", "see the detail"},
	merchantCode + merchant.FaultBusy:       {503, "WeChat makes no code at the moment", "ask again after Retry-After"},
	merchantChanged:                         {409, "somebody else has changed the merchant meanwhile", "look at current, and decide again"},

	codeTooMany:   {429, "too many calls", "wait for as many seconds as Retry-After says"},
	codeFactsDown: {503, "the facts can't be reached", "ask again after Retry-After"},
	codeStarting:  {503, "the gateway is starting", "ask again after Retry-After"},
	codeBug:       {500, "something went wrong in the gateway", "report it with the instance"},
}

// conflictStatus is that of a [identity.Conflict]; 409 but for these.
var conflictStatus = map[string]int{
	identity.CodeUserUnknown: 404, identity.CodeOpenidUnknown: 404, identity.CodeRebindUnknown: 404, identity.CodeUserErased: 410,
}

// apiRefusal is why a call failed.
type apiRefusal struct {
	code   code
	detail string // instead of the title, if more can be said
	scope  string
	field  string // that is wrong
	cause  error

	current *merchantOut
}

func apiRefuse(c code) *apiRefusal                    { return &apiRefusal{code: c} }
func (ref *apiRefusal) because(err error) *apiRefusal { ref.cause = err; return ref }
func (ref *apiRefusal) saying(f string, a ...any) *apiRefusal {
	ref.detail = fmt.Sprintf(f, a...)
	return ref
}
func (ref *apiRefusal) Error() string { return string(ref.code) }
func (ref *apiRefusal) Unwrap() error { return ref.cause }

// problem is a refusal as it is answered (RFC 9457).
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Advice   string `json:"advice,omitempty"`
	Holder   string `json:"holder,omitempty"`
	Scope    string `json:"scope,omitempty"`
	Field    string `json:"field,omitempty"`
	Instance string `json:"instance,omitempty"`
	// Current is a merchant as somebody else has left him.
	Current *merchantOut `json:"current,omitempty"`
}

// problemType is where a code is explained.
const problemType = "https://github.com/caddy-wsite/caddy-wsite/blob/main/docs/api.md#"

// problemOf finds the words for an error. What it can't tell is in its cause, which is
// for the log alone.
func problemOf(err error) (problem, error) {
	var conflict *identity.Conflict
	var fault *identity.Fault
	var ref *apiRefusal
	switch {
	case errors.As(err, &conflict):
		status := conflictStatus[conflict.Code]
		if status == 0 {
			status = http.StatusConflict
		}
		p := problem{Title: (&identity.Conflict{Code: conflict.Code}).Error(), Status: status, Code: conflict.Code, Detail: conflict.Error(), Advice: conflict.Advice()}
		if conflict.Holder != "" {
			p.Holder = identity.Mask(conflict.Holder)
		}
		return p, nil
	case errors.As(err, &fault):
		ref = apiRefuse(apiBadID).saying("%s", fault.Error())
	case errors.As(err, &ref):
	case channelProblem(err) != nil:
		ref = channelProblem(err)
	case errors.Is(err, identity.ErrUnavailable):
		ref = apiRefuse(codeFactsDown).because(err)
	default:
		ref = apiRefuse(codeBug).because(err)
	}
	text := apiTexts[ref.code]
	p := problem{Title: text.title, Status: text.status, Code: string(ref.code), Detail: ref.detail, Advice: text.advice, Scope: ref.scope, Field: ref.field, Current: ref.current}
	if p.Detail == "" {
		p.Detail = p.Title
	}
	return p, ref.cause
}

// refuse answers with a problem, outside of a call's own answer.
func (h *API) refuse(w http.ResponseWriter, r *http.Request, endpoint string, err error) {
	status, body := h.problem(r, endpoint, err)
	writeAPI(w, status, body)
}

// problem is the one place where an error of the API becomes an answer, a count, and a
// line in the log if it is ours.
func (h *API) problem(r *http.Request, endpoint string, err error) (int, []byte) {
	p, cause := problemOf(err)
	p.Type = problemType + p.Code
	if id := requestID(r); id != "" {
		p.Instance = "urn:uuid:" + id
	}
	h.app.metrics.called(endpoint, p.Code)
	tell(trace.SpanFromContext(r.Context()), p.Code, p.Status)
	if p.Status >= 500 {
		h.app.log.Error("the API could not answer", zap.String("step", "api"), zap.String("endpoint", endpoint), zap.String("code", p.Code),
			zap.String("request", requestID(r)), zap.Error(cause))
	}
	body, _ := json.Marshal(p) // strings and a number
	return p.Status, body
}

// writeAPI writes an answer. Nobody may keep it: it tells of a person.
func writeAPI(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case status >= 400:
		h.Set("Content-Type", "application/problem+json")
	case len(body) > 0:
		h.Set("Content-Type", "application/json")
	}
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="caddy-wsite"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
