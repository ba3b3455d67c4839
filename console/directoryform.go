package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// ErrConfigured says that something stands in the Caddyfile, where alone it is changed.
var ErrConfigured = errors.New("it stands in the Caddyfile")

// What accounts and sites are refused for, besides what is wrong with them.
var (
	changedMeanwhile = refuse(http.StatusConflict, "其他人刚刚修改、添加或删除过。下面列出与您填写不同的现值；再次保存会以您填写的内容为准", "Somebody else has changed, added or removed it meanwhile. Below is what differs now; saving again makes it what you have entered")
	inCaddyfile      = refuse(http.StatusConflict, "它写在 Caddyfile 中，请在那里修改并重新加载", "It stands in the Caddyfile: change it there, and reload")
	inUse            = refuse(http.StatusConflict, "仍有站点通过该账号打开，请先处理这些站点", "Sites are opened through this account: see to them first")
	notConfirmed     = refuse(http.StatusBadRequest, "输入的编号不一致，未作任何更改", "That isn't its id: nothing was changed")
)

// faultHints say in Chinese what each field takes; what a fault says is English.
var faultHints = map[string]string{
	"": "编号格式不正确", "name": "名称最多 64 个字，前后不能有空格", "kind": "类型须为 service、subscription、mini、app 或 web，且之后不能修改", "secret": "此类账号需要 AppSecret，且每个账号各不相同",
	"subject": "主体（开放平台）名称不正确，或与记录不符", "verify": "校验码是 MP_verify_ 与 .txt 之间的 16 位字母或数字", "callback_host": "回调域名不正确",
	"mini_login_page": "小程序登录页应形如 /pages/login/index", "access_token": "凭证方式须为 stable、legacy 或 off", "share_token": "共享凭证须为 on 或 off",
	"pass_through": "透传路径应形如 /cgi-bin/menu/get 或 /cgi-bin/menu/*", "push": "消息推送设置不正确", "token": "推送 Token 为 3–32 位字母或数字，明文模式下不得与其他账号相同",
	"aes_key": "EncodingAESKey 为 43 位字母或数字，安全与兼容模式必填", "mode": "推送模式须为 safe、compatible 或 plain",
	"realm": "没有这个域", "accounts": "请填写已存在的账号；公众号须排在小程序和应用之前，同类网站应用只能有一个", "hosts": "域名格式不正确，或不能用于此站点",
	"audience": "受众已被其他站点使用，或格式不正确", "path": "路径规则应形如“/pay/notify public”，每行一条", "outside": "微信外访问方式不正确",
	"upstream": "上游应为 host:port，且在允许的网络内", "algorithm": "签名算法须为 ES256、RS256 或 EdDSA", "claims": "声明须为 openid、unionid，或均不选",
	"send": "可选 bearer 与 plain", "phone": "只有小程序可以取得手机号", "fragment": "开关须为 on 或 off", "on_origin": "开关须为 on 或 off；关闭时须另有域名", "bind_header": "开关须为 on 或 off", "no_cache": "开关须为 on 或 off",
}

// directoryFault says in our words why an account or a site was not written; nil for what
// isn't about it.
func directoryFault(err error) *fault {
	var f *fault
	var wrong *directory.Fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &wrong):
		hint := faultHints[wrong.Field]
		return refuse(http.StatusBadRequest, cmp.Or(hint, "填写有误")+"（"+wrong.Message+"）", wrong.Message)
	case errors.Is(err, ErrConfigured):
		return inCaddyfile
	case errors.Is(err, directory.ErrUsed):
		return inUse
	case errors.Is(err, identity.ErrConflict):
		return changedMeanwhile
	}
	return nil
}

// shownFault is the fault of an error, or the error itself.
func shownFault(err error) error {
	if f := directoryFault(err); f != nil {
		return f
	}
	return err
}

func cmpErr(err error, f *fault) error {
	if err != nil {
		return err
	}
	return f
}

// confirmed refuses what somebody has not typed the id of.
func (v *visit) confirmed(id string) error {
	if strings.TrimSpace(v.r.FormValue("confirm")) != id {
		return notConfirmed
	}
	return nil
}

// difference is a field that is not what somebody has entered.
type difference struct{ Field, Entered, Now string }

// differences compares two entries field by field.
func differences(entered, now any) []difference {
	was, is := fieldsOf(entered), fieldsOf(now)
	var list []difference
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if was[name] != is[name] {
			list = append(list, difference{name, was[name], is[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if _, there := is[name]; !there {
			list = append(list, difference{name, was[name], ""})
		}
	}
	return list
}

// fieldsOf are the fields of an account or a site as texts.
func fieldsOf(entry any) map[string]string {
	text, _ := json.Marshal(entry)
	var fields map[string]any
	_ = json.Unmarshal(text, &fields)
	out := map[string]string{}
	for name, value := range fields {
		if said, ok := value.(string); ok {
			out[name] = said
		} else {
			text, _ := json.Marshal(value)
			out[name] = string(text)
		}
	}
	return out
}

// list reads words with blanks, commas or lines between them.
func (v *visit) list(field string) []string {
	return strings.FieldsFunc(v.r.FormValue(field), func(r rune) bool { return r == ' ' || r == ',' || r == '，' || r == '\n' || r == '\r' || r == '\t' })
}

// enteredSite is a site as it was typed.
func (v *visit) enteredSite(ptid string) (directory.Site, error) {
	form := v.r.PostForm
	value := func(name string) string { return strings.TrimSpace(v.r.FormValue(name)) }
	s := directory.Site{
		PTID: ptid, Realm: value("realm"), Accounts: v.list("accounts"), Hosts: v.list("hosts"), OnOrigin: onOff(form.Has("on_origin")), Audience: value("audience"),
		Outside: directory.Outside(value("outside")), Fragment: onOff(form.Has("fragment")), Upstream: value("upstream"), Algorithm: value("algorithm"),
		Claims: form["claims"], Send: form["send"], BindHeader: onOff(form.Has("bind_header")), Phone: onOff(form.Has("phone")), NoCache: onOff(form.Has("no_cache")),
	}
	if len(s.Claims) == 0 {
		s.Claims = []string{"none"}
	}
	for n, line := range strings.Split(v.r.FormValue("paths"), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		path, policy, _ := strings.Cut(line, " ")
		if policy = strings.Join(strings.Fields(policy), " "); !slices.Contains(directory.Policies, directory.Policy(policy)) {
			return s, &directory.Fault{Kind: "site", ID: ptid, Field: "path", Message: fmt.Sprintf("line %d: a policy is `login`, `optional`, `public`, `ask unionid` or `require unionid`", n+1)}
		}
		s.Paths = append(s.Paths, directory.PathRule{Path: path, Policy: directory.Policy(policy)})
	}
	return s, nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
