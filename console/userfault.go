package console

import (
	"errors"
	"net/http"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// conflictNames are what the rules of identity refuse, in Chinese; [identity.Conflict] has
// the English.
var conflictNames = map[string]string{
	identity.CodeUnionIDMismatch: "该 openid 已登记的 unionid 与此不同；如公众号更换了开放平台，请运行 `caddy wsite resubject`",
	identity.CodeUnionIDTaken:    "该微信已对应另一个用户；可合并两个用户，或先解绑",
	identity.CodeUserTaken:       "该用户已有另一个微信；请先解绑，或换绑",
	identity.CodeUnionIDNeeded:   "仅凭 openid 不能关联真实用户；请先取得其 unionid",
	identity.CodeUserVirtual:     "这是网关生成的虚拟 ID；请使用业务系统的用户 ID",
	identity.CodeUserUnknown:     "没有这个用户；请检查 ID 和域",
	identity.CodeUserRetired:     "该 ID 已被合并；请使用现在的 ID",
	identity.CodeUserErased:      "该用户已被删除，无法恢复",
	identity.CodeUserBlocked:     "该用户已被封禁；请先解除封禁",
	identity.CodeNotBound:        "没有微信对应该用户，无可解绑",
	identity.CodeSubjectNeeded:   "该用户在多个主体下有微信；请指明主体",
	identity.CodeSameUser:        "两者已是同一个用户",
	identity.CodeHintTaken:       "另一条记录为该 openid 指定了别的用户",
	identity.CodeRebindWaiting:   "该用户已有等待中的换绑；请先取消",
	identity.CodeRebindUnknown:   "没有等待中的换绑，或已结束",
	identity.CodeOpenidUnknown:   "没有人使用这个 openid；请先让本人打开一次页面",
	identity.CodeSubjectMissing:  "该公众号没有主体，因此没有 unionid",
	identity.CodeForeignUnionID:  "该 unionid 登记在另一个主体下",
	identity.CodeSeveralUnionIDs: "该用户在此主体下有多个微信；请先解绑丢失的那个",
	identity.CodeNothing:         "该行既没有 unionid 也没有用户",
}

// conflictText says what a conflict is.
func conflictText(code string) Text {
	c := identity.Conflict{Code: code}
	en := c.Error()
	if advice := c.Advice(); advice != "" {
		en += ": " + advice
	}
	zh := conflictNames[code]
	if zh == "" {
		zh = code
	}
	return Text{zh, en}
}

// userFault says in our words what is refused about a user; nil if it is something else.
func userFault(err error) *fault {
	var conflict *identity.Conflict
	var wrong *identity.Fault
	switch {
	case errors.As(err, &conflict):
		said := conflictText(conflict.Code)
		status := http.StatusConflict
		switch conflict.Code {
		case identity.CodeUserUnknown, identity.CodeOpenidUnknown:
			status = http.StatusNotFound
		case identity.CodeUserErased:
			status = http.StatusGone
		}
		return refuse(status, said.ZH, said.EN)
	case errors.As(err, &wrong):
		return refuse(http.StatusBadRequest, "这不可能是 ID，请检查输入", "This can't be an id: check what you typed")
	case errors.Is(err, ErrUserChanged):
		return refuse(http.StatusConflict, "您打开页面后，该用户已有变化，因此未执行；请查看下面的现状后重新决定", "This user has changed since you opened the page, so nothing was done: look at him as he is now, and decide again")
	}
	return nil
}

// Op is what the audit calls what was done, in words.
func (v userView) Op(op string) Text { return wordsOf(auditOps, op) }

// Why is the reason of a record, without the openids and unionids that it may quote.
func (v userView) Why(r identity.AuditRecord) string {
	if r.Detail == nil {
		return ""
	}
	said := r.Detail.Evidence
	for _, p := range v.User.Persons() {
		for _, id := range append([]string{p.UnionID}, openidsOf(p)...) {
			if id != "" {
				said = strings.ReplaceAll(said, id, Masked(id))
			}
		}
	}
	return said
}

func openidsOf(p Person) []string {
	var ids []string
	for _, link := range p.Links {
		ids = append(ids, link.OpenID)
	}
	return ids
}
