package message

import (
	"cmp"
	"strconv"
)

// Codes of a [Fault].
const (
	FaultOrder       = "bad_order"        // the order itself makes no sense
	FaultUnreachable = "unreachable"      // no account of the order reaches the user
	FaultTemplate    = "unknown_template" // no account of the order has it
	FaultMissing     = "missing"          // the template needs the field
	FaultUnknown     = "unknown_field"    // the template has no such field
	FaultTooLong     = "too_long"         // Limit says how long it may be
	FaultKind        = "wrong_kind"       // Limit says what it may be
	FaultValue       = "not_approved"     // Limit lists what it may be
	FaultReused      = "client_id_reused" // the same ClientID was used for another message
	FaultNotFound    = "not_found"
	FaultState       = "wrong_state" // the message's state doesn't allow it
	FaultContent     = "no_content"  // the content was swept, or doesn't open
)

// Fault is an order, or what somebody wants done to a message, that is refused. It
// never repeats what somebody wanted to send.
type Fault struct {
	Code string
	// Field is the field that is wrong; empty if it is none.
	Field string
	// Limit is what the field may be, such as "20 characters".
	Limit string
}

func (f *Fault) Error() string { en, _ := f.Say(); return en }

// Say says in English and Chinese what is wrong.
func (f *Fault) Say() (en, zh string) {
	field := strconv.Quote(f.Field)
	switch f.Code {
	case FaultUnreachable:
		return "no account that may send this message reaches the user", "没有可用的公众号能够联系到该用户"
	case FaultTemplate:
		return "no account that may be used has this template", "可用的公众号中没有该模板"
	case FaultMissing:
		return "field " + field + " is missing", "缺少字段 " + f.Field
	case FaultUnknown:
		return "the template has no field " + field, "模板中没有字段 " + f.Field
	case FaultTooLong:
		return "field " + field + " is too long: at most " + f.Limit, "字段 " + f.Field + " 过长，上限：" + f.Limit
	case FaultKind:
		return "field " + field + " is not of its kind: " + f.Limit, "字段 " + f.Field + " 的格式不符，应为：" + cmp.Or(whatsZH[f.Limit], f.Limit)
	case FaultValue:
		return "field " + field + " has a value that isn't approved: " + f.Limit, "字段 " + f.Field + " 的取值未获批准，可选：" + f.Limit
	case FaultReused:
		return "the client id was used for another message", "该 client id 已用于另一条消息"
	case FaultNotFound:
		return "there is no such message", "没有这条消息"
	case FaultState:
		return "the message's state doesn't allow it: " + f.Limit, "消息当前的状态不允许此操作：" + f.Limit
	case FaultContent:
		return "the content of the message is not kept any more", "消息内容已被清除"
	}
	if f.Field == "" {
		return "the order is wrong: " + f.Limit, "请求有误：" + f.Limit
	}
	return "the order's " + field + " is wrong: " + f.Limit, "请求中的 " + f.Field + " 有误：" + f.Limit
}
