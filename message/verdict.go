package message

import (
	"errors"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// How long things wait.
const (
	// sameID is until when a repetition under the same id may begin. WeChat forgets
	// ids after ten minutes, and a call may take some time.
	sameID  = 9 * time.Minute
	maxCall = 45 * time.Second
	// tooLate is how long after its time a message is still worth sending.
	tooLate = 48 * time.Hour
	// userPause is how long a user is spared who got too many messages.
	userPause = time.Hour
	maxRounds = 3 // of such pauses
	// firstPause doubles with each attempt, up to maxPause.
	firstPause = 5 * time.Second
	maxPause   = 10 * time.Minute
	// lanePause doubles while a lane is of no use, up to maxLanePause.
	lanePause    = time.Minute
	maxLanePause = 30 * time.Minute
)

// china is WeChat's day. It has no summer time.
var china = time.FixedZone("CST", 8*60*60)

// verdict is what to do after an attempt.
type verdict struct {
	state  State // Queued: try again
	reason Reason
	detail string
	// lane says that the lane, not the message, is the reason; until may say how long,
	// and zero means longer each time.
	lane  bool
	until time.Time
	// move says that another account is to send it.
	move *Address
	// unsure says that WeChat may have taken the message all the same.
	unsure bool
	// unfollowed says that the user doesn't follow the account.
	unfollowed bool
	// resync says that the templates are not what we think.
	resync bool
}

// ending is where a message ends after one of WeChat's codes.
type ending struct {
	state  State
	reason Reason
}

var endings = map[int]ending{
	40003: {Failed, ReasonOpenID},
	40008: {Failed, ReasonData},
	40033: {Failed, ReasonData},
	40036: {Failed, ReasonTemplate},
	40037: {Failed, ReasonTemplate},
	40039: {Failed, ReasonData},
	40048: {Failed, ReasonData},
	40066: {Failed, ReasonData},
	40132: {Failed, ReasonOpenID},
	40165: {Failed, ReasonData},
	40166: {Failed, ReasonData},
	41030: {Failed, ReasonData},
	43004: {Dropped, ReasonUnfollowed},
	43005: {Dropped, ReasonUnfollowed},
	43019: {Dropped, ReasonBlacklisted},
	43101: {Dropped, ReasonRefused},
	43102: {Failed, ReasonTemplate},
	43107: {Failed, ReasonTemplate},
	44004: {Failed, ReasonData},
	45002: {Failed, ReasonData},
	45015: {Dropped, ReasonWindow},
	45047: {Dropped, ReasonTooMany},
	46004: {Failed, ReasonOpenID},
	47001: {Failed, ReasonData},
	47003: {Failed, ReasonData},
	48001: {Failed, ReasonPermission},
	48002: {Blocked, ReasonBlocked},
	48004: {Failed, ReasonPermission},
	48008: {Failed, ReasonPermission},
	49003: {Failed, ReasonOpenID},
	50001: {Dropped, ReasonLimited},
	50002: {Dropped, ReasonLimited},
	50005: {Dropped, ReasonUnfollowed},
}

// judge says what the end of an attempt means. called says whether WeChat was asked at
// all.
func judge(err error, called bool, kind Kind, now time.Time) verdict {
	if err == nil {
		return verdict{state: Sent}
	}
	var e *wechat.Error
	if !errors.As(err, &e) {
		if called {
			// It may have been the call's own end, or something after it.
			return verdict{state: Queued, reason: ReasonBusy, unsure: true}
		}
		return verdict{state: Queued, reason: ReasonAccount, lane: true}
	}
	v := verdict{state: Queued, detail: e.Message}
	end, final := endings[e.Code]
	switch {
	case !called:
		// It is about the token, whatever the code means elsewhere.
		v.reason, v.lane, v.until = ReasonAccount, true, e.Until
	case e.Code == 0:
		// No answer, or nonsense.
		v.reason, v.unsure = ReasonBusy, !unsent(e, kind)
		v.lane = !v.unsure
	case final:
		v.state, v.reason = end.state, end.reason
		v.unfollowed = end.reason == ReasonUnfollowed
		v.resync = end.reason == ReasonTemplate
	case e.Code == 43117:
		v.reason, v.until = ReasonUserRate, now.Add(userPause)
	case e.Code == 45009:
		v.reason, v.lane, v.until = ReasonQuota, true, later(e.Until, now, midnight(now))
	case e.Code == 45011:
		v.reason, v.lane, v.until = ReasonRate, true, later(e.Until, now, now.Truncate(time.Minute).Add(time.Minute))
	case e.Code == -1:
		v.reason = ReasonBusy
	case e.Class == wechat.ClassRetry || e.Class == wechat.ClassRefresh || e.Class == wechat.ClassConfig:
		v.reason, v.lane, v.until = ReasonAccount, true, e.Until
	default:
		v.state, v.reason = Failed, ReasonWeChat
	}
	return v
}

// unsent says whether a call without an answer surely never left. Calls with an id of
// the message go to several hosts, of which only the last one is told of.
func unsent(e *wechat.Error, kind Kind) bool {
	if kind == KindTemplate {
		return errors.Is(e, wechat.ErrNoHost)
	}
	return e.Unsent()
}

// later is what WeChat's client says, if that lies ahead, else what we know.
func later(said, now, known time.Time) time.Time {
	if said.After(now) {
		return said
	}
	return known
}

// midnight is when WeChat's next day begins.
func midnight(now time.Time) time.Time {
	y, m, d := now.In(china).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, china).UTC()
}

// doubled is first, twice as long for each time after, at most most.
func doubled(first time.Duration, times int, most time.Duration) time.Duration {
	if shift := max(times-1, 0); shift < 30 && first<<shift < most {
		return first << shift
	}
	return most
}

// Paused is how a lane is left alone that was left alone before: longer each time, unless
// until says how long. It forgets what was before once the lane was of use for as long as
// a pause may be.
func Paused(before, next Pause, now time.Time) Pause {
	switch {
	case before.Until.After(now) && !next.Until.After(before.Until):
		return before // several attempts at once have found the same
	case before.Until.After(now):
		next.Times = before.Times
	case now.Sub(before.Until) < maxLanePause:
		next.Times = before.Times + 1
	default:
		next.Times = 1
	}
	if next.Until.IsZero() {
		next.Until = now.Add(doubled(lanePause, next.Times, maxLanePause))
	}
	return next
}
