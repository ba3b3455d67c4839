package wechat

import (
	"fmt"
	"testing"
	"time"
)

// Whoever calls with ever new names can't fill the memory, and the next day begins
// with all of it.
func TestUsageIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	c, err := NewClient(Config{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxUsages + 100 {
		q := query{appID: fmt.Sprintf("wx%d", i), api: "x"}
		c.usage.sent(q, now)
		c.usage.failed(q, &Error{Code: 40001}, now)
	}
	if u := c.Usage(); len(u) != maxUsages+1 || u[0] != (Usage{Today: 100, Minute: 100, Failed: 100, LastCode: 40001}) {
		t.Errorf("%d entries, the sum is %+v", len(u), u[0])
	}
	now = now.Add(24 * time.Hour)
	c.usage.sent(query{appID: "wx1", api: "y"}, now)
	if u := c.Usage(); len(u) != 1 || u[0].API != "y" {
		t.Errorf("on the next day: %d entries", len(u))
	}
}
