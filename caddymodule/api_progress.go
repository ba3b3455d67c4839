package caddymodule

import "github.com/caddy-wsite/caddy-wsite/message"

// progressOut counts the messages of a batch by their states.
type progressOut struct {
	Queued    int64 `json:"queued"`
	Sent      int64 `json:"sent"`
	Delivered int64 `json:"delivered"`
	Blocked   int64 `json:"blocked"`
	Failed    int64 `json:"failed"`
	Dropped   int64 `json:"dropped"`
	Cancelled int64 `json:"cancelled"`
}

func (c *apiCall) batchProgress(in realmQuery) (progressOut, error) {
	if err := c.inRealm(in.Realm); err != nil {
		return progressOut{}, err
	}
	n, err := c.messages.Count(c.ctx, c.realm, c.r.PathValue("batch"), c.counts())
	return progressOf(n), err
}

// progressOf counts messages by their states.
func progressOf(n map[message.State]int64) progressOut {
	return progressOut{
		n[message.Queued], n[message.Sent], n[message.Delivered], n[message.Blocked], n[message.Failed], n[message.Dropped], n[message.Cancelled],
	}
}
