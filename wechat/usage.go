package wechat

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Usage is what an API cost an account on this China day, as far as this client
// knows: others may have called it, too.
type Usage struct {
	// AppID and API are empty in the sum of what is beyond [maxUsages].
	AppID, API string
	Today      int64 // requests that may have reached WeChat
	Minute     int64 // of them, those of this minute
	Failed     int64 // calls that brought an errcode, nonsense or no answer
	LastCode   int   // errcode of the last failure; 0 if it had none
	// SpentUntil is when WeChat will take calls again after 45009 or 45011;
	// zero if it takes them, as far as is known.
	SpentUntil time.Time

	minute time.Time
}

// maxUsages bounds the memory: 1,000 accounts with all the APIs of this package.
const maxUsages = 50_000

// china is where WeChat's days begin.
var china = time.FixedZone("CST", 8*60*60)

// midnight is the end of WeChat's day.
func midnight(now time.Time) time.Time {
	y, m, d := now.In(china).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, china)
}

// until is when a call that was refused with a code may work again.
func until(code int, message string, now time.Time) time.Time {
	minute := now.Truncate(time.Minute).Add(time.Minute)
	switch code {
	case 45009:
		// Of mini programs the quota may be a minute's (wechat-api.md §15).
		if strings.Contains(message, "minute") {
			return minute
		}
		return midnight(now)
	case 45011:
		return minute
	case 89506:
		return now.Add(24 * time.Hour)
	case 89507:
		return now.Add(time.Hour)
	}
	return time.Time{}
}

type usageKey struct{ appID, api string }

// usages counts one day; the next one begins empty.
type usages struct {
	mu     sync.Mutex
	end    time.Time
	counts map[usageKey]*Usage
}

func newUsages() *usages { return &usages{counts: map[usageKey]*Usage{}} }

// of is the count of a query; u.mu is held.
func (u *usages) of(q query, now time.Time) *Usage {
	if !now.Before(u.end) {
		clear(u.counts)
		u.end = midnight(now)
	}
	k := usageKey{q.appID, q.api}
	n := u.counts[k]
	if n == nil && len(u.counts) >= maxUsages {
		k = usageKey{}
		n = u.counts[k]
	}
	if n == nil {
		n = &Usage{AppID: k.appID, API: k.api}
		u.counts[k] = n
	}
	return n
}

func (u *usages) sent(q query, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.of(q, now)
	if minute := now.Truncate(time.Minute); !minute.Equal(n.minute) {
		n.minute, n.Minute = minute, 0
	}
	n.Today++
	n.Minute++
}

func (u *usages) failed(q query, e *Error, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.of(q, now)
	n.Failed++
	n.LastCode = e.Code
	if e.Code == 45009 || e.Code == 45011 {
		n.SpentUntil = e.Until
	}
}

// cleared forgets that an API is spent, or all of an account if api is empty.
func (u *usages) cleared(appID, api string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k, n := range u.counts {
		if k.appID == appID && (api == "" || k.api == api) {
			n.SpentUntil = time.Time{}
		}
	}
}

// Usage tells what was called on this China day, ordered by app ID and API.
func (c *Client) Usage() []Usage {
	now := c.now()
	c.usage.mu.Lock()
	defer c.usage.mu.Unlock()
	if !now.Before(c.usage.end) {
		return nil
	}
	list := make([]Usage, 0, len(c.usage.counts))
	for _, n := range c.usage.counts {
		n := *n
		if !now.Before(n.SpentUntil) {
			n.SpentUntil = time.Time{}
		}
		if !now.Truncate(time.Minute).Equal(n.minute) {
			n.Minute = 0
		}
		n.minute = time.Time{}
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b Usage) int {
		return cmp.Or(strings.Compare(a.AppID, b.AppID), strings.Compare(a.API, b.API))
	})
	return list
}
