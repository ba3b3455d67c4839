package custody

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// Reason is why an operator must act.
type Reason string

const (
	ReasonIP      Reason = "ip"      // this machine's address is not on the account's whitelist
	ReasonConfirm Reason = "confirm" // an administrator must confirm the address
	ReasonRefused Reason = "refused" // an administrator has refused it
	ReasonSecret  Reason = "secret"  // WeChat doesn't take the app id or the secret
	ReasonFrozen  Reason = "frozen"  // the secret or the account is frozen
	ReasonQuota   Reason = "quota"   // no more calls today
	ReasonConfig  Reason = "config"  // WeChat refuses for another reason that an operator can change
	ReasonDead    Reason = "dead"    // WeChat gives a token again that it doesn't take
	ReasonRival   Reason = "rival"   // another program replaces the tokens
	ReasonDown    Reason = "down"    // no answer, and no token left
)

// Alarm says that an operator must act, or, once it is over, that he need no more.
type Alarm struct {
	AppID  string
	Kind   Kind
	Reason Reason
	// On is true when the alarm begins and false when it ends: each is heard once.
	On   bool
	At   time.Time
	Code int        // WeChat's, if it gave one
	IP   netip.Addr // this machine's, if WeChat told
	// Do and DoZH say what to do, in English and Chinese.
	Do, DoZH string
}

// advice is what to do, by reason.
var advice = map[Reason][2]string{
	ReasonIP:      {"add the IP address of this machine to the account's IP whitelist in WeChat's console", "在微信后台把本机的 IP 地址加入该账号的 IP 白名单"},
	ReasonConfirm: {"have an administrator of the account confirm the IP address of this machine on his phone, or add it to the IP whitelist", "请该账号的管理员在手机上确认本机的 IP 地址，或把它加入 IP 白名单"},
	ReasonRefused: {"an administrator has refused the IP address of this machine: add it to the account's IP whitelist", "管理员拒绝了本机的 IP 地址：请把它加入该账号的 IP 白名单"},
	ReasonSecret:  {"check the account's app id and secret: the secret may have been reset in WeChat's console", "检查该账号的 AppID 和 AppSecret：AppSecret 可能已在微信后台重置"},
	ReasonFrozen:  {"the account or its secret is frozen: unfreeze it in WeChat's console", "该账号或其 AppSecret 已被冻结：请在微信后台解冻"},
	ReasonQuota:   {"the day's quota is used up: wait for midnight in China, or clear it in WeChat's console, and look for whoever uses it", "当日调用额度已用完：等到北京时间零点，或在微信后台清零，并查明是谁用掉的"},
	ReasonConfig:  {"WeChat refuses this account: look the code up in WeChat's table of return codes", "微信拒绝了该账号的请求：请按返回码查询微信文档"},
	ReasonDead:    {"WeChat gives the same token again although it doesn't take it: if it doesn't pass, reset the token in WeChat's console, or permit force_refresh", "微信仍返回已失效的同一个 access_token：若不能自行恢复，请在微信后台重置，或允许强制刷新"},
	ReasonRival:   {"another program replaces this account's access tokens: have it take them from this gateway, or use `access_token stable` here", "另有程序在更换该账号的 access_token：请让它改从本网关获取，或在此改用 access_token stable"},
	ReasonDown:    {"WeChat can't be reached, and the account has no token left: check this machine's network and WeChat's status", "无法连接微信，且该账号已没有可用的 access_token：请检查本机网络和微信的运行状况"},
}

// reasonOf finds the reason in an error; empty if no operator can do anything.
func reasonOf(err error) (r Reason, code int, ip netip.Addr) {
	var e *wechat.Error
	var ofToken *tokenError
	if !errors.As(err, &e) || errors.As(err, &ofToken) {
		return "", 0, netip.Addr{}
	}
	switch e.Code {
	case 40164:
		r = ReasonIP
	case 89501, 89503:
		r = ReasonConfirm
	case 89506, 89507:
		r = ReasonRefused
	case 40001, 40013, 40125, 41002, 41004:
		if e.Class == wechat.ClassConfig {
			r = ReasonSecret
		}
	case 40243, 50004, 50007:
		r = ReasonFrozen
	case 45009:
		r = ReasonQuota
	default:
		if e.Class == wechat.ClassConfig {
			r = ReasonConfig
		}
	}
	return r, e.Code, e.IP()
}

// raise begins an alarm, unless it is on, and ends another one.
func (k *Keeper) raise(e *entry, r Reason, code int, ip netip.Addr) {
	e.alarms.Lock()
	defer e.alarms.Unlock()
	if e.alarm.Reason == r && e.alarm.IP == ip {
		return
	}
	k.end(e)
	a := Alarm{AppID: e.key.appID, Kind: e.key.kind, Reason: r, On: true, At: k.Now(), Code: code, IP: ip, Do: advice[r][0], DoZH: advice[r][1]}
	if ip.IsValid() {
		a.Do, a.DoZH = a.Do+": "+ip.String(), a.DoZH+"："+ip.String()
	}
	k.tell(e, a)
}

// calm ends the alarm if it has one of the reasons.
func (k *Keeper) calm(e *entry, reasons ...Reason) {
	e.alarms.Lock()
	defer e.alarms.Unlock()
	if slices.Contains(reasons, e.alarm.Reason) {
		k.end(e)
	}
}

// end ends the alarm if one is on. The caller has e.alarms.
func (k *Keeper) end(e *entry) {
	if a := e.alarm; a.On {
		a.On, a.At = false, k.Now()
		k.tell(e, a)
	}
}

// tell says what begins or ends, to the log too. The caller has e.alarms.
func (k *Keeper) tell(e *entry, a Alarm) {
	e.mu.Lock()
	if e.alarm = a; !a.On {
		e.alarm = Alarm{}
	}
	e.mu.Unlock()
	at := []any{"step", "custody", "appid", a.AppID, "kind", a.Kind, "code", a.Reason, "errcode", a.Code, "hint", a.Do}
	if a.On {
		k.Log.ErrorContext(context.Background(), "an account needs an operator", at...)
	} else {
		k.Log.InfoContext(context.Background(), "an account needs no operator any more", at...)
	}
	k.Alarm(a)
}
