package job

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// atOnce is how many rows are written at a time: the store takes them into one
// transaction.
const atOnce = 16

// lesson says where it comes from that somebody's unionid is known.
type lesson struct {
	via, actor string
	// strangers are learnt too: openids that are not on record become so, without a user.
	// The first visit mints one, and finds whom the unionid leads to.
	strangers bool
}

// learn tells the identity centre the unionids of fans, in every realm that uses the
// account and lacks them. Users are minted for those alone who have been there.
func (k *Kinds) learn(ctx context.Context, a Account, from lesson, fans []wechat.Fan) (filled int64, problems []Problem, err error) {
	fans = slices.DeleteFunc(slices.Clone(fans), func(f wechat.Fan) bool { return f.UnionID == "" })
	if !a.linkable() || len(fans) == 0 {
		return 0, nil, nil
	}
	ids := make([]string, len(fans))
	for i, f := range fans {
		ids[i] = f.OpenID
	}
	learnt := make([]bool, len(fans))
	for _, realm := range a.Realms {
		named, err := k.Facts.OpenidsNamed(ctx, realm, a.AppID, ids)
		if err != nil {
			return 0, nil, err
		}
		bad, err := inParallel(len(fans), func(i int) (*Problem, error) {
			row, known := named[ids[i]]
			if known && row.UnionID != "" && row.Subject == a.Subject || !known && !from.strangers {
				return nil, nil
			}
			p, err := k.tell(ctx, realm, a, from, fans[i], known)
			learnt[i] = learnt[i] || p == nil && err == nil
			return p, err
		})
		if err != nil {
			return 0, nil, err
		}
		problems = append(problems, bad...)
	}
	for _, new := range learnt {
		if new {
			filled++
		}
	}
	return filled, problems, nil
}

// tell tells the identity centre one unionid in one realm.
func (k *Kinds) tell(ctx context.Context, realm string, a Account, from lesson, f wechat.Fan, known bool) (*Problem, error) {
	o, n := identity.Openid{AppID: a.AppID, OpenID: f.OpenID}, identity.Unionid{Subject: a.Subject, UnionID: f.UnionID}
	if !known {
		_, err := k.Centre.Import(ctx, identity.Import{Realm: realm, Openid: o, Unionid: n, Actor: from.actor})
		return aboutRow(f.OpenID, err)
	}
	answer, err := k.Centre.Resolve(ctx, identity.Claim{Realm: realm, Openid: o, Unionid: n, Via: from.via, Actor: from.actor})
	if err == nil && slices.Contains(answer.Notes, identity.NoteUnionIDMismatch) {
		err = &identity.Conflict{Code: identity.CodeUnionIDMismatch}
	}
	return aboutRow(f.OpenID, err)
}

// aboutRow makes a problem of what the identity centre says against a row. Any other error
// is not about the row, and stays.
func aboutRow(openID string, err error) (*Problem, error) {
	var conflict *identity.Conflict
	var fault *identity.Fault
	switch {
	case errors.As(err, &conflict):
		return &Problem{Row: identity.Mask(openID), Code: conflict.Code, Message: conflict.Error() + ": " + conflict.Advice()}, nil
	case errors.As(err, &fault):
		return &Problem{Row: identity.Mask(openID), Code: "bad_" + fault.Field, Message: fault.Error()}, nil
	}
	return nil, err
}

// inParallel does n rows, several at a time. Problems keep the order of the rows; after an
// error no further row is begun.
func inParallel(n int, do func(i int) (*Problem, error)) ([]Problem, error) {
	found := make([]*Problem, n)
	var mu sync.Mutex
	var first error
	next := 0
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, first == nil && next <= n
	}
	var all sync.WaitGroup
	for range min(atOnce, n) {
		all.Go(func() {
			for i, more := take(); more; i, more = take() {
				p, err := do(i)
				mu.Lock()
				if found[i] = p; first == nil {
					first = err
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	var problems []Problem
	for _, p := range found {
		if p != nil {
			problems = append(problems, *p)
		}
	}
	return problems, first
}
