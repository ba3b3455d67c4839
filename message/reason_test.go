package message

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestReason(t *testing.T) {
	t.Parallel()
	t.Run("every reason that a message can end for says so in two languages", func(t *testing.T) {
		t.Parallel()
		for code, end := range endings {
			if end.state == Queued || end.state == Sent || end.reason == ReasonNone {
				t.Errorf("%d ends in %+v", code, end)
			}
			if en, zh := end.reason.Say(); en == "" || zh == "" {
				t.Errorf("%s says %q, %q", end.reason, en, zh)
			}
		}
		for reason, said := range sentences {
			if (said[0] == "" || said[1] == "") && reason != ReasonNone {
				t.Errorf("%s says %q", reason, said)
			}
		}
	})
	t.Run("nobody is told the same of two faults", func(t *testing.T) {
		t.Parallel()
		seen := map[string]string{}
		for _, code := range []string{
			FaultOrder, FaultUnreachable, FaultTemplate, FaultMissing, FaultUnknown, FaultTooLong, FaultKind, FaultValue,
			FaultReused, FaultNotFound, FaultState, FaultContent,
		} {
			en, zh := (&Fault{Code: code, Field: "thing1", Limit: "x"}).Say()
			if seen[en] != "" || seen[zh] != "" {
				t.Errorf("%s says what %s%s says", code, seen[en], seen[zh])
			}
			seen[en], seen[zh] = code, code
		}
	})
}

func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 15, 59, 30, 0, time.UTC) // 23:59:30 in China
	for _, x := range []struct {
		what   string
		err    error
		called bool
		kind   Kind
		want   verdict
	}{
		{"a success", nil, true, KindTemplate, verdict{state: Sent}},
		{"a token that isn't to be had", errors.New("x"), false, KindTemplate, verdict{state: Queued, reason: ReasonAccount, lane: true}},
		{"a code about the token, although it means something else elsewhere", &wechat.Error{Code: 40003}, false, KindTemplate, verdict{state: Queued, reason: ReasonAccount, lane: true}},
		{"an end of the call's own", errors.New("x"), true, KindTemplate, verdict{state: Queued, reason: ReasonBusy, unsure: true}},
		{"no host", &wechat.Error{Err: wechat.ErrNoHost}, true, KindTemplate, verdict{state: Queued, reason: ReasonBusy, lane: true}},
		{"no answer", &wechat.Error{Err: errors.New("x")}, true, KindTemplate, verdict{state: Queued, reason: ReasonBusy, unsure: true}},
		{"nonsense", &wechat.Error{Class: wechat.ClassFault}, true, KindCustom, verdict{state: Queued, reason: ReasonBusy, unsure: true}},
		{"the day's quota", &wechat.Error{Code: 45009}, true, KindTemplate, verdict{state: Queued, reason: ReasonQuota, lane: true, until: now.Add(30 * time.Second)}},
		{"... until WeChat's client says", &wechat.Error{Code: 45009, Until: now.Add(time.Hour)}, true, KindTemplate, verdict{state: Queued, reason: ReasonQuota, lane: true, until: now.Add(time.Hour)}},
		{"... but not what is past", &wechat.Error{Code: 45009, Until: now}, true, KindTemplate, verdict{state: Queued, reason: ReasonQuota, lane: true, until: now.Add(30 * time.Second)}},
		{"an address that isn't listed", &wechat.Error{Code: 40164, Class: wechat.ClassConfig}, true, KindTemplate, verdict{state: Queued, reason: ReasonAccount, lane: true}},
		{"an unknown code", &wechat.Error{Code: 12345, Class: wechat.ClassFault}, true, KindTemplate, verdict{state: Failed, reason: ReasonWeChat}},
	} {
		t.Run(x.what, func(t *testing.T) {
			t.Parallel()
			if got := judge(x.err, x.called, x.kind, now); got != x.want {
				t.Errorf("got %+v, want %+v", got, x.want)
			}
		})
	}
}
