package caddymodule

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// WeChat's client delivers a code twice now and then, at the same moment or some
// seconds apart (wechat-api.md §1.6). logins makes one exchange of it and answers
// both alike.
type logins struct {
	now  func() time.Time
	mu   sync.Mutex
	memo map[loginKey]*underway
	next time.Time // of the next clearing out
}

// loginKey is everything that a code is bound to. A code alone would not do: who
// has stolen an address must not get the session that its owner got.
type loginKey struct {
	appID, ptid string
	host        string // as in the route
	login       [16]byte
	code        [32]byte // its SHA-256
}

// finished is how an exchange ended.
type finished struct {
	session *session
	answer  identity.Answer
	err     error
	again   bool // it ended before this callback came
}

type underway struct {
	done   chan struct{}
	result finished
	until  time.Time
}

const (
	memoLife     = time.Minute
	exchangeTime = 20 * time.Second
)

func newLogins(now func() time.Time) *logins {
	return &logins{now: now, memo: map[loginKey]*underway{}}
}

// do runs finish once per key and minute. It goes on when the visitor who began
// has gone away, since another one may be waiting for the same.
func (l *logins) do(key loginKey, finish func(context.Context) finished) finished {
	now := l.now()
	l.mu.Lock()
	if now.After(l.next) {
		for k, u := range l.memo {
			if now.After(u.until) {
				delete(l.memo, k)
			}
		}
		l.next = now.Add(memoLife / 2)
	}
	u := l.memo[key]
	if u == nil || now.After(u.until) {
		u = &underway{done: make(chan struct{}), until: now.Add(memoLife)}
		l.memo[key] = u
		go u.run(finish)
	}
	l.mu.Unlock()
	again := u.over()
	<-u.done
	result := u.result
	result.again = again
	if result.session != nil {
		s := *result.session // each gets its own: one of them may yet be changed
		result.session = &s
	}
	return result
}

func (u *underway) over() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

func (u *underway) run(finish func(context.Context) finished) {
	defer close(u.done)
	defer func() {
		if p := recover(); p != nil {
			u.result = finished{err: fmt.Errorf("finishing login: %v", p)}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), exchangeTime)
	defer cancel()
	u.result = finish(ctx)
}
