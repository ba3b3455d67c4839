package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

// code names a refusal for people who call for help: it stands on the page, in the
// log, in the metrics and in docs/operations.md.
type code string

const (
	codeNoAccount      code = "no_account"
	codeNoSite         code = "no_site"
	codeNoPair         code = "no_pair"
	codeNoPage         code = "no_page"
	codeBadPath        code = "bad_path"
	codeBadHost        code = "bad_host"
	codeBadMethod      code = "bad_method"
	codeRewritten      code = "rewritten"
	codeLoginRequired  code = "login_required"
	codeUnionRequired  code = "unionid_required"
	codeUnionRefused   code = "unionid_refused"
	codePrefetch       code = "prefetch"
	codeBadCallback    code = "bad_callback"
	codeLoginLoop      code = "login_loop"
	codeLoginUnproved  code = "login_unproved"
	codeLoginRefused   code = "login_refused"
	codeWechatDown     code = "wechat_down"
	codeWechatSetup    code = "wechat_setup"
	codeWechatNonsense code = "wechat_nonsense"
	codeOutside        code = "outside_wechat"
	codeFactsDown      code = "facts_down"
	codeStarting       code = "starting"
	codeBlocked        code = "blocked"
	codeCrossSite      code = "cross_site"
	codeBadBody        code = "bad_body"
	codeBadCode        code = "bad_code"
	codeBadProof       code = "bad_proof"
	codeOutsideMini    code = "outside_mini"
	codeInside         code = "inside_wechat"
	codeBadPage        code = "bad_page"
	codePushRefused    code = "push_refused"
	codeTooMany        code = "too_many_requests"
	codeBug            code = "bug"
)

// refusals is the one table of what can be refused: in which step, with which
// status, and what the visitor is told, in Chinese and in English.
var refusals = map[code]struct {
	step   string
	status int
	zh, en string
}{
	codeNoAccount:      {"route", 404, "没有这个公众号的页面。", "There is no such account here."},
	codeNoSite:         {"route", 404, "没有这个站点。", "There is no such site here."},
	codeNoPair:         {"route", 404, "这个站点不通过该公众号提供。", "This site is not opened through this account."},
	codeNoPage:         {"route", 404, "没有这个页面。", "There is no such page here."},
	codeBadPath:        {"route", 400, "网址格式有误。", "The address is malformed."},
	codeBadHost:        {"route", 421, "这个域名不提供该站点。", "This host does not serve the site."},
	codeBadMethod:      {"route", 405, "不支持这种请求方式。", "This method is not supported here."},
	codeRewritten:      {"route", 500, "网站配置有误，请稍后再试。", "The site is set up wrongly. Please try again later."},
	codeLoginRequired:  {"login", 401, "请先登录。", "Please sign in first."},
	codeUnionRequired:  {"login", 401, "请先授权。", "Please give your consent first."},
	codeUnionRefused:   {"login", 403, "没有您的授权，此页面无法打开。", "Without your consent this page can't be opened."},
	codePrefetch:       {"login", 503, "请直接打开此页面。", "Please open this page itself."},
	codeBadCallback:    {"login", 400, "登录信息不完整，请重新打开页面。", "The login is incomplete. Please open the page again."},
	codeLoginLoop:      {"login", 403, "登录无法保持：浏览器没有保存 Cookie。请允许 Cookie，或在微信中清除缓存后重试。", "The login can't be kept: this browser does not store cookies. Please allow them, or clear WeChat's cache, and try again."},
	codeLoginUnproved:  {"login", 403, "无法确认此次登录由您发起。请重新打开页面。", "It can't be made sure that you started this login. Please open the page again."},
	codeLoginRefused:   {"login", 502, "微信没有确认此次登录，请重试。", "WeChat did not confirm this login. Please try again."},
	codeWechatDown:     {"login", 502, "微信暂时没有回应，请稍后再试。", "WeChat does not answer at the moment. Please try again later."},
	codeWechatSetup:    {"login", 502, "公众号配置有误，管理员需要处理。", "The account is set up wrongly; its operator has to act."},
	codeWechatNonsense: {"login", 502, "微信返回了无法识别的结果，请重试。", "WeChat gave an answer that makes no sense. Please try again."},
	codeOutside:        {"login", 403, "请在微信中打开此页面。", "Please open this page in WeChat."},
	codeFactsDown:      {"identity", 503, "服务暂时不可用，请稍后再试。", "The service is unavailable for a moment. Please try again."},
	codeStarting:       {"identity", 503, "服务正在启动，请稍后再试。", "The service is starting. Please try again in a moment."},
	codeBlocked:        {"identity", 403, "您的账号已被停用，请联系客服。", "Your account is blocked. Please ask the operator of this site."},
	codeCrossSite:      {"login", 403, "请求来自其他网站，已拒绝。", "The request came from another site."},
	codeBadBody:        {"login", 400, "请求格式有误。", "The body isn't what this address takes."},
	codeBadCode:        {"login", 400, "登录凭证无效或已过期，请重新获取。", "The code is spent, too old, or another account's. Get a new one."},
	codeBadProof:       {"login", 400, "加密数据与登录凭证不符，请重新登录。", "The encrypted data doesn't belong to this code. Sign in again."},
	codeOutsideMini:    {"login", 403, "请在小程序中打开此页面。", "Please open this page in its mini program."},
	codeInside:         {"login", 403, "请在电脑浏览器中打开此页面。", "Please open this page in a browser on a computer."},
	codeBadPage:        {"route", 400, "只能为本站页面签名。", "Only pages of this very site can be signed."},
	codePushRefused:    {"push", 403, "推送验证失败。", "The push could not be verified."},
	codeTooMany:        {"limit", 429, "访问过于频繁，请稍后再试。", "Too many requests. Please try again in a moment."},
	codeBug:            {"token", 500, "服务出现错误，请稍后再试。", "Something went wrong here. Please try again later."},
}

// refusal is an answer that isn't the site's.
type refusal struct {
	code  code
	cause error
	again string           // address at which to try again
	allow string           // methods that would do
	limit *cluster.Verdict // of a limit that was passed
}

func refuse(c code) *refusal                          { return &refusal{code: c} }
func (ref *refusal) because(err error) *refusal       { ref.cause = err; return ref }
func (ref *refusal) retryAt(addr string) *refusal     { ref.again = addr; return ref }
func (ref *refusal) allowing(methods string) *refusal { ref.allow = methods; return ref }
func (ref *refusal) status() int                      { return refusals[ref.code].status }
func (ref *refusal) step() string                     { return refusals[ref.code].step }

// Error is for the log and for `{err.message}`: it names no visitor.
func (ref *refusal) Error() string {
	if ref.cause != nil {
		return fmt.Sprintf("%s (%s): %v", ref.code, ref.step(), ref.cause)
	}
	return fmt.Sprintf("%s (%s)", ref.code, ref.step())
}

func (ref *refusal) Unwrap() error { return ref.cause }

// wechatRefusal finds the refusal for what WeChat's client says.
func wechatRefusal(err error) *refusal {
	var e *wechat.Error
	switch {
	case errors.Is(err, custody.ErrUnknownAccount): // no use in trying again
		return refuse(codeWechatSetup).because(err)
	case !errors.As(err, &e):
		return refuse(codeWechatDown).because(err)
	}
	switch e.Class {
	case wechat.ClassRestart, wechat.ClassRefresh, wechat.ClassUser:
		return refuse(codeLoginRefused).because(err)
	case wechat.ClassConfig:
		return refuse(codeWechatSetup).because(err)
	case wechat.ClassFault:
		return refuse(codeWechatNonsense).because(err)
	}
	return refuse(codeWechatDown).because(err)
}

// loginRefusal finds the refusal for what ended a login, here or on another node.
func loginRefusal(err error) *refusal {
	var conflict *identity.Conflict
	var elsewhere *errElsewhere
	switch {
	case errors.Is(err, identity.ErrUnavailable):
		return refuse(codeFactsDown).because(err)
	case errors.As(err, &conflict):
		return refuse(codeBug).because(err)
	case errors.As(err, &elsewhere) && refusals[elsewhere.code].status != 0:
		return refuse(elsewhere.code).because(err)
	}
	return wechatRefusal(err)
}

// factsRefusal finds the refusal for what the facts say of a login.
func factsRefusal(err error) *refusal {
	if errors.Is(err, identity.ErrUnavailable) {
		return refuse(codeFactsDown).because(err)
	}
	return refuse(codeBug).because(err)
}

// refused is the one place where a refusal becomes an answer, a line in the log
// and a count. Where the server has error routes the page is the operator's.
func (a *App) refused(w http.ResponseWriter, r *http.Request, rt route, ref *refusal) error {
	a.metrics.refused(ref)
	a.logRefusal(r, rt, ref)

	h := w.Header()
	h.Set("Cache-Control", "no-store")
	ref.advise(h)
	if ref.again == "" && rt.site != nil && rt.base != "" && ref.step() != "route" {
		ref.again = rt.base + "/"
	}
	if server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && server.Errors != nil && len(server.Errors.Routes) > 0 {
		a.hideSession(r) // such a page may come from a site
		return caddyhttp.Error(ref.status(), ref)
	}
	if !wantsPage(r) {
		return a.writeProblem(w, ref, nil)
	}
	return a.writePage(w, ref.status(), pageRefusal, refusalView{
		Code: string(ref.code), ZH: refusals[ref.code].zh, EN: refusals[ref.code].en, Again: ref.again,
	})
}

// advise tells a client, in headers, how to do better.
func (ref *refusal) advise(h http.Header) {
	if ref.allow != "" {
		h.Set("Allow", ref.allow)
	}
	if ref.status() == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(5))
	}
	if ref.limit != nil {
		writeLimit(h, *ref.limit)
	}
}

func (a *App) logRefusal(r *http.Request, rt route, ref *refusal) {
	log := a.log.Warn
	switch {
	case ref.status() == http.StatusUnauthorized || ref.status() == http.StatusNotFound || ref.code == codePrefetch || ref.code == codeTooMany || ref.code == codeBadPath || ref.code == codeBadMethod:
		log = a.log.Debug // everyday, or somebody else's mistake
	case ref.code == codeWechatSetup || ref.status() == http.StatusInternalServerError:
		log = a.log.Error // waits for the operator
	}
	fields := []zap.Field{zap.String("step", ref.step()), zap.String("code", string(ref.code)), zap.String("method", r.Method)}
	if rt.site != nil {
		fields = append(fields, zap.String("ptid", rt.site.PTID))
	}
	if rt.account != nil {
		fields = append(fields, zap.String("appid", rt.account.AppID))
	}
	var we *wechat.Error
	if errors.As(ref.cause, &we) && we.Hint != "" {
		fields = append(fields, zap.Int("errcode", we.Code), zap.String("hint", we.Hint), zap.String("rid", we.RID))
	}
	if id := requestID(r); id != "" {
		fields = append(fields, zap.String("request", id))
	}
	log("refused", append(fields, zap.Error(ref.cause))...)
}

// wantsPage says whether the answer will be looked at, or read by a program.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return acceptsHTML(r)
}
