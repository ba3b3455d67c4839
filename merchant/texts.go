package merchant

import "strconv"

// What is said to people, in English and Chinese.

// reasons are why a scan binds nobody: to the staff, and to who has scanned. He learns
// nothing about anybody else.
var reasons = map[Reason]struct{ staff, scanner [2]string }{
	ReasonExpired: {
		[2]string{"the code had expired when it was scanned: make a new one", "二维码在扫描时已过期，请重新生成"},
		[2]string{"This code has expired. Please ask for a new one.", "二维码已过期，请联系平台重新获取。"},
	},
	ReasonUsed: {
		[2]string{"the code was used already: make a new one", "二维码已被使用，请重新生成"},
		[2]string{"This code has been used already. Please ask for a new one.", "二维码已被使用，请联系平台重新获取。"},
	},
	ReasonSuperseded: {
		[2]string{"a newer code has taken the place of this one", "已有更新的二维码取代此码"},
		[2]string{"There is a newer code than this one. Please scan that.", "此二维码已被新的二维码取代，请扫描最新的二维码。"},
	},
	ReasonCancelled: {
		[2]string{"the code was cancelled", "二维码已作废"},
		[2]string{"This code is not valid any more. Please ask for a new one.", "二维码已作废，请联系平台重新获取。"},
	},
	ReasonUnknown: {
		[2]string{"there is no such code on record", "系统中没有该二维码"},
		[2]string{"This code is not known here. Please ask who gave it to you.", "无法识别此二维码，请联系提供者确认。"},
	},
	ReasonDisabled: {
		[2]string{"the merchant is disabled: enable him, then make a new code", "商户已停用，请启用后重新生成二维码"},
		[2]string{"The merchant can't be bound at the moment. Please ask the platform.", "该商户目前无法绑定，请联系平台。"},
	},
	ReasonFull: {
		[2]string{"another WeChat is bound to the merchant: unbind it, or decide for the new one", "商户已绑定其他微信，请先解绑，或确认更换为新的微信"},
		[2]string{"The merchant is bound to another WeChat already, which stays so. Please ask the platform.", "该商户已绑定其他微信，原绑定保持不变。如需更换，请联系平台。"},
	},
	ReasonElsewhere: {
		[2]string{"this WeChat is bound to another merchant: unbind it there, or decide for this merchant", "该微信已绑定其他商户，请先在该商户解绑，或确认改绑到本商户"},
		[2]string{"Your WeChat is bound to another merchant already, which stays so. Please ask the platform.", "您的微信已绑定其他商户，原绑定保持不变。如需更换，请联系平台。"},
	},
	ReasonIdentity: {
		[2]string{"this WeChat, or the merchant's user, is known as somebody else: see the conflicts of the realm", "该微信或商户用户已与其他身份关联，请查看身份冲突列表"},
		[2]string{"Your WeChat belongs to another user already. Please ask the platform.", "您的微信已关联其他用户，请联系平台处理。"},
	},
}

// Staff says it to the staff; nothing for no reason.
func (r Reason) Staff() (en, zh string) { s := reasons[r].staff; return s[0], s[1] }

// Scanner says it to who has scanned; nothing for no reason.
func (r Reason) Scanner() (en, zh string) { s := reasons[r].scanner; return s[0], s[1] }

// scannerText is what who has scanned is told: that he is bound, if bound names his
// merchant, or why he isn't.
func scannerText(r Reason, bound string) string {
	if bound != "" {
		return "绑定成功！您将在此收到商户「" + bound + "」的通知。\nYou are bound. Notices for “" + bound + "” will reach you here."
	}
	en, zh := r.Scanner()
	return zh + "\n" + en
}

// Say says in English and Chinese what is wrong.
func (f *Fault) Say() (en, zh string) {
	switch f.Code {
	case FaultNotFound:
		return "there is no such merchant, code or notice", "没有该商户、二维码或通知"
	case FaultTaken:
		return "another merchant has this id", "该编号已被其他商户使用"
	case FaultDisabled:
		return "the merchant is disabled: enable him first", "商户已停用，请先启用"
	case FaultAccount:
		return "the realm has no such account that makes codes", "没有可用于生成二维码的该公众号"
	case FaultState:
		if f.Limit == ErrChanged.Error() {
			return f.Limit, chinese(f.Limit)
		}
		return "that can't be done any more: it is " + f.Limit, "当前状态不允许此操作：" + chinese(f.Limit)
	case FaultIdentity:
		return "the identity centre refuses: " + f.Limit, "该微信或商户用户已与其他身份关联，请先处理身份冲突"
	case FaultTemplate:
		return "the account doesn't have this template: sync the templates", "该公众号没有此模板，请先同步模板"
	case FaultNobody:
		return "nobody would get this notice: none of them is bound", "没有可接收该通知的已绑定商户"
	case FaultTable:
		return "the table can't be read: " + f.Limit, "无法读取表格：" + chinese(f.Limit)
	case FaultBound:
		return "somebody is bound to the merchant at this account already: look at the merchant, and unbind or make a code there", "商户已绑定该公众号；如需更换，请在商户页面解绑或单独生成绑定码"
	case FaultCutOff:
		return "it was cut off before this one: try it again", "操作中断，尚未处理该商户，请重试"
	case FaultPermission:
		return "WeChat doesn't let the account do this: it needs a verified service account", "公众号没有此权限，需要已认证的服务号"
	case FaultQuota:
		return "the account has used up what WeChat lets it do: try again later", "公众号的调用额度已用完，请稍后再试"
	case FaultWeChat:
		return "WeChat refuses: " + f.Limit, "微信拒绝了请求，请检查公众号的配置和状态（" + f.Limit + "）"
	case FaultBusy:
		return "WeChat can't be reached at the moment: try again", "暂时无法连接微信，请稍后再试"
	}
	en, zh = FieldName(f.Field)
	return strconv.Quote(en) + " is wrong: " + f.Limit, zh + " 有误：" + chinese(f.Limit)
}

// Why a recipient gets nothing; beside these there are the codes of a [message.Fault].
const (
	FaultUnbound = "unbound"
	FaultUnknown = "unknown_merchant"
)

// recipientFault says why a recipient gets nothing, if it is our reason.
func recipientFault(code string) (en, zh string) {
	switch code {
	case FaultUnbound:
		return "nobody is bound to the merchant at this account: make him a code", "商户未绑定该公众号，请先生成绑定码"
	case FaultUnknown:
		return "there is no such merchant: check the id", "没有该商户，请检查编号"
	case FaultDisabled:
		return "the merchant is disabled: enable him, then send it again", "商户已停用，请启用后重发"
	}
	return "", ""
}
