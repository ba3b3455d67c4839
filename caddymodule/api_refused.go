package caddymodule

import (
	"errors"

	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

// channelProblem finds the words for what the channels to WeChat refuse; nil if it isn't
// theirs.
func channelProblem(err error) *apiRefusal {
	var fault *message.Fault
	var drawn *scene.Fault
	var refused *job.Refusal
	var early *custody.EarlyError
	var said *wechat.Error
	switch ref := merchantProblem(err); {
	case ref != nil:
		return ref
	case errors.As(err, &fault):
		says, _ := fault.Say()
		return &apiRefusal{code: code(messageCode + fault.Code), detail: says, field: fault.Field}
	case errors.As(err, &drawn):
		says, _ := drawn.Say()
		return &apiRefusal{code: code(sceneCode + drawn.Code), detail: says, field: drawn.Field}
	case errors.As(err, &refused):
		return &apiRefusal{code: apiJobRefused, detail: refused.Message}
	case errors.Is(err, job.ErrBusy):
		return apiRefuse(apiJobBusy)
	case errors.Is(err, job.ErrUnknown):
		return apiRefuse(apiJobUnknown)
	case errors.Is(err, custody.ErrUnknownAccount):
		return apiRefuse(apiNoToken)
	case errors.As(err, &early):
		return apiRefuse(apiTokenEarly)
	case errors.As(err, &said):
		return wechatProblem(said)
	}
	return nil
}

// messageCode begins the codes of what is wrong with a message.
const messageCode = "message_"

// merchantCode begins the codes of what is wrong with a merchant, his code or a notice.
const merchantCode = "merchant_"

// merchantChanged is of an edit that was made from an older version.
const merchantChanged = merchantCode + "changed"

// merchantProblem finds the words for what the desk refuses. What the identity centre refuses
// it says itself.
func merchantProblem(err error) *apiRefusal {
	var fault *merchant.Fault
	var changed *merchant.Changed
	switch {
	case errors.As(err, &changed):
		current := merchantOf(changed.Current)
		return &apiRefusal{code: merchantChanged, current: &current}
	case errors.As(err, &fault) && fault.Code != merchant.FaultIdentity:
		says, _ := fault.Say()
		return &apiRefusal{code: code(merchantCode + fault.Code), detail: says, field: fault.Field}
	}
	return nil
}

// sceneCode begins the codes of what is wrong with a QR code.
const sceneCode = "qr_"

// wechatProblem finds the words for what WeChat has refused.
func wechatProblem(e *wechat.Error) *apiRefusal {
	c := codeWechatDown
	switch {
	case !e.Until.IsZero():
		c = apiQuotaSpent
	case e.Class == wechat.ClassConfig:
		c = codeWechatSetup
	case e.Class == wechat.ClassFault:
		c = codeWechatNonsense
	case e.Class == wechat.ClassUser || e.Class == wechat.ClassRestart || e.Class == wechat.ClassRefresh:
		c = apiWechatRefused
	}
	ref := apiRefuse(c).because(e).saying("%s", e.Error())
	if e.Hint != "" {
		ref.detail += "; " + e.Hint
	}
	return ref
}
