package check

import (
	"context"
	"net/http"
	"time"
)

// maxSkew is how far our clock may be from WeChat's. Signatures and pushes bear a few
// minutes; a clock that is that wrong is still going wrong.
const maxSkew = time.Minute

// tryClock compares our clock with the Date of an answer of WeChat's.
func (c *check) tryClock(ctx context.Context) {
	before := c.Now()
	p, err := c.get(ctx, c.API+"/cgi-bin/getcallbackip", "Mozilla/5.0")
	if err != nil {
		c.add(WhatClock, codeUnreachable, hostOf(c.API))
		return
	}
	after := c.Now()
	theirs, err := http.ParseTime(p.header.Get("Date"))
	if err != nil {
		c.add(WhatClock, "clock_unknown", "")
		return
	}
	// The answer was dated at some moment in between, to the second.
	skew := time.Duration(0)
	switch {
	case theirs.Before(before):
		skew = before.Sub(theirs)
	case theirs.After(after):
		skew = theirs.Sub(after)
	}
	if skew > maxSkew {
		c.add(WhatClock, "clock_wrong", skew.Round(time.Second).String())
		return
	}
	c.add(WhatClock, "clock_ok", skew.Round(time.Second).String())
}
