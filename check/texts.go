package check

import "maps"

// text is what a code means and what to do about it; {} stands for the detail.
type text struct {
	grade    grade
	said, do Text
}

// The places in WeChat's console that most texts name.
const (
	basics   = "设置与开发 → 开发接口管理 → 基本配置"
	rights   = "设置与开发 → 开发接口管理 → 接口权限"
	features = "设置与开发 → 账号设置 → 功能设置"
	verified = "设置与开发 → 微信认证"
)

// texts are those of all codes.
var texts = merged(textsOfCalls, textsOfPages)

func merged(parts ...map[string]text) map[string]text {
	all := map[string]text{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// textsOfCalls are the codes of what WeChat's API says.
var textsOfCalls = map[string]text{
	"token_ok": {said: Text{"The access token was fetched; it lives for {} minutes more.", "已取得 access_token，剩余有效期 {} 分钟。"}},
	"secret_missing": {
		bad,
		Text{"No app secret is configured.", "未配置 AppSecret。"},
		Text{"Copy it from " + basics + " → 开发者密码(AppSecret) into `secret`.", "在 " + basics + " → 开发者密码(AppSecret) 中取得，填入 `secret`。"},
	},
	"secret_wrong": {
		bad,
		Text{"WeChat says that the app secret is wrong: it was mistyped, reset, or belongs to another account.", "微信返回 AppSecret 错误：填写有误、已被重置，或属于其他账号。"},
		Text{"Reset it at " + basics + " → 开发者密码(AppSecret) → 重置, write it into `secret`, and reload.", "在 " + basics + " → 开发者密码(AppSecret) → 重置，填入 `secret` 后重新加载配置。"},
	},
	"secret_frozen": {
		bad,
		Text{"The app secret is frozen.", "AppSecret 已被冻结。"},
		Text{"Unfreeze it at " + basics + " → 开发者密码(AppSecret) → 解冻.", "在 " + basics + " → 开发者密码(AppSecret) → 解冻。"},
	},
	"appid_wrong": {
		bad,
		Text{"WeChat doesn't know this app id.", "微信不认识此 AppID。"},
		Text{"Compare it with " + basics + " → 开发者ID(AppID).", "请与 " + basics + " → 开发者ID(AppID) 核对。"},
	},
	"ip_not_listed": {
		bad,
		Text{"This machine's address {} is not in the account's IP whitelist.", "本机 IP {} 不在该账号的 IP 白名单中。"},
		Text{"Add {} at " + basics + " → IP白名单 → 查看 → 修改. It works within a few minutes.", "在 " + basics + " → IP白名单 → 查看 → 修改 中加入 {}，几分钟内生效。"},
	},
	"ip_unconfirmed": {
		bad,
		Text{"WeChat has asked the account's administrator whether this machine's address ({}) may be used, and waits for his answer.", "微信已请管理员确认是否允许本机 IP（{}）调用，正等待答复。"},
		Text{"Confirm the message in the administrator's WeChat, or add the address at " + basics + " → IP白名单.", "请管理员在微信消息中确认，或在 " + basics + " → IP白名单 中加入该 IP。"},
	},
	"ip_refused": {
		bad,
		Text{"The account's administrator has refused this machine's address ({}): WeChat blocks it for an hour, or after a second refusal for a day.", "管理员已拒绝本机 IP（{}）：一小时内禁止调用，再次拒绝则禁止 24 小时。"},
		Text{"Add the address at " + basics + " → IP白名单, and wait until the block is over.", "在 " + basics + " → IP白名单 中加入该 IP，并等待限制解除。"},
	},
	"ip_retired": {
		bad,
		Text{"The API is called at an address of WeChat's that is out of service.", "正在通过微信已停用的接入 IP 调用接口。"},
		Text{"Take WeChat's names out of /etc/hosts and out of your own name server.", "请从 /etc/hosts 与自建 DNS 中删除对微信域名的固定解析。"},
	},
	"account_frozen": {
		bad,
		Text{"The account is frozen or closed.", "该账号已被冻结或注销。"},
		Text{"See the notices at mp.weixin.qq.com: 首页 → 通知中心. A migrated account stays frozen: use the new one.", "请查看 mp.weixin.qq.com 首页 → 通知中心。账号迁移后旧号会被冻结，请改用新账号。"},
	},
	"right_missing": {
		bad,
		Text{"The account has no right to this API (48001): it is not verified, or of a kind that never has it.", "该账号没有此接口权限（48001）：未认证，或该类型账号不具备此权限。"},
		Text{"Look at " + rights + "; verify the account at " + verified + ".", "请查看 " + rights + "，并在 " + verified + " 完成认证。"},
	},
	"api_banned": {
		bad,
		Text{"WeChat has banned this API for the account because of a violation (48004).", "该接口因违规被微信封禁（48004）。"},
		Text{"Read the notice at mp.weixin.qq.com: 首页 → 通知中心, and appeal there.", "请在 mp.weixin.qq.com 首页 → 通知中心 查看通知并申诉。"},
	},
	"quota_spent": {
		bad,
		Text{"The day's quota of this API is spent.", "该接口今日调用次数已用完。"},
		Text{"Wait till midnight in China, or clear it at " + rights + " → 接口调用次数清零 (10 times a month).", "等到北京时间零点，或在 " + rights + " → 接口调用次数清零（每月 10 次）。"},
	},
	"too_often": {
		look,
		Text{"WeChat was called too often within a minute.", "一分钟内调用过于频繁。"},
		Text{"Check again in a minute.", "请一分钟后再检查。"},
	},
	"token_dead": {
		bad,
		Text{"WeChat takes the token that it has just given for invalid.", "微信刚发放的 access_token 被判为无效。"},
		Text{"Somebody refreshes it by force: look for other programs that use this account's secret, and reset the secret at " + basics + " if there is one that you don't know.", "有其他程序在强制刷新：请排查使用同一 AppSecret 的程序；如有不明来源，在 " + basics + " 重置 AppSecret。"},
	},
	codeUnreachable: {
		bad,
		Text{"WeChat didn't answer ({}).", "微信无响应（{}）。"},
		Text{"Let this machine reach api.weixin.qq.com, mp.weixin.qq.com and open.weixin.qq.com on port 443: look at the firewall, the proxy and the name server.", "请确保本机可访问 api.weixin.qq.com、mp.weixin.qq.com、open.weixin.qq.com 的 443 端口：检查防火墙、代理与 DNS。"},
	},
	codeRefused: {
		bad,
		Text{"WeChat refused: {}.", "微信拒绝了请求：{}。"},
		Text{"Look the code up in WeChat's documentation: 开发文档 → 全局返回码.", "请在微信开发文档 → 全局返回码 中查询该错误码。"},
	},
	"rights_ok":    {said: Text{"The account may ask about its followers; there are {}.", "可查询关注者，当前共 {} 人。"}},
	"ticket_ok":    {said: Text{"Pages may use the JS-SDK.", "可使用 JS-SDK（jsapi_ticket 正常）。"}},
	"quota_ok":     {said: Text{"The day's quotas last; least is left of {}.", "今日接口次数充足，剩余最少的是 {}。"}},
	"templates_ok": {said: Text{"Template messages may be sent; the account has {} templates.", "可发送模板消息，已有 {} 个模板。"}},
	"template_right_missing": {
		bad,
		Text{"The account may not send template messages (48001).", "该账号没有模板消息权限（48001）。"},
		Text{"Only verified service accounts may: apply for 模板消息 at 新的功能 → 功能插件, or look at " + rights + ".", "仅已认证的服务号可用：在 新的功能 → 功能插件 中开通 模板消息，或查看 " + rights + "。"},
	},
	"templates_none": {
		look,
		Text{"The account has no templates yet.", "该账号还没有任何模板。"},
		Text{"Add some at 广告与服务 → 模板消息 → 模板库.", "在 广告与服务 → 模板消息 → 模板库 中添加。"},
	},
	"quota_unknown": {
		look,
		Text{"WeChat tells nothing of the account's quotas.", "微信未返回该账号的接口额度。"},
		Text{"See them at " + rights + ".", "请在 " + rights + " 中查看。"},
	},
	"quota_low": {
		look,
		Text{"Little of the day's quota is left of {}.", "今日接口次数所剩不多：{}。"},
		Text{"Look for who uses it, or clear it at " + rights + " → 接口调用次数清零 (10 times a month).", "请排查调用方，或在 " + rights + " → 接口调用次数清零（每月 10 次）。"},
	},
	"quota_gone": {
		bad,
		Text{"The day's quota of {} is spent.", "今日 {} 的调用次数已用完。"},
		Text{"Wait till midnight in China, or clear it at " + rights + " → 接口调用次数清零 (10 times a month).", "等到北京时间零点，或在 " + rights + " → 接口调用次数清零（每月 10 次）。"},
	},
	"clock_ok": {said: Text{"This machine's clock agrees with WeChat's (off by {}).", "本机时钟与微信一致（相差 {}）。"}},
	"clock_unknown": {
		look,
		Text{"WeChat's answer has no date.", "微信的响应没有时间。"},
		Text{"Compare this machine's clock with a watch.", "请人工核对本机时钟。"},
	},
	"clock_wrong": {
		bad,
		Text{"This machine's clock is off by {}: pushes will be refused as too old, and tokens end at the wrong time.", "本机时钟相差 {}：推送会因过期被拒绝，令牌也会在错误的时间失效。"},
		Text{"Let it follow a time server: timedatectl set-ntp true.", "请启用时间同步：timedatectl set-ntp true。"},
	},
}
