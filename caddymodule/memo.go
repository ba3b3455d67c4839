package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"go.uber.org/zap"
)

// A code may come to two nodes, too. Whoever is first asks WeChat, and tells the other
// what came of it by way of what nodes share. Where that can't be reached both ask, and
// the second gets a refusal from WeChat and starts again: a detour, and no harm.

const (
	memoTime = time.Second            // for what nodes share to answer
	memoLook = 100 * time.Millisecond // between looks at what the other node has found
	memoWait = 7 * time.Second        // for the other node to be done; it may have died
)

// name is what a login is called among nodes. Every part has its length before it, so
// that no two logins share a name.
func (k loginKey) name() string {
	var text []byte
	for _, part := range []string{k.appID, k.ptid, k.host, string(k.login[:]), string(k.code[:])} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return "login/" + hex.EncodeToString(sum[:])
}

// errElsewhere is what another node was told of a login.
type errElsewhere struct{ code code }

func (e *errElsewhere) Error() string { return "another node was refused: " + string(e.code) }

// once has one node of all finish a login.
func (a *App) once(ctx context.Context, rt route, key loginKey, finish func(context.Context) finished) finished {
	name := key.name()
	asking, cancel := context.WithTimeout(ctx, memoTime)
	mine, err := a.shared.PutNew(asking, name+"/begun", nil, exchangeTime)
	cancel()
	if err != nil || mine {
		done := finish(ctx)
		a.tellNodes(ctx, rt, name, done)
		return done
	}
	look, enough := time.NewTicker(memoLook), time.NewTimer(memoWait)
	defer look.Stop()
	defer enough.Stop()
	for {
		if done, ok := a.hearNodes(ctx, rt, name); ok {
			return done
		}
		select {
		case <-look.C:
		case <-enough.C: // if the code is spent, WeChat says so, and the login starts again
			return finish(ctx)
		}
	}
}

// tellNodes shares what came of a login: its session, or a word for why there is none.
func (a *App) tellNodes(ctx context.Context, rt route, name string, done finished) {
	value := []byte{0}
	switch {
	case done.err != nil:
		value = append(value, loginRefusal(done.err).code...)
	default:
		value = append([]byte{1}, done.session.plain()...)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), memoTime)
	defer cancel()
	if err := a.shared.Put(ctx, name, a.tickets.memo.Seal(value, rt.entrance(name)), memoLife); err != nil {
		a.log.Debug("telling other nodes of a login", zap.String("step", "login"), zap.Error(err))
	}
}

// hearNodes is what another node has told of a login; ok is false while it hasn't.
func (a *App) hearNodes(ctx context.Context, rt route, name string) (done finished, ok bool) {
	sealed, ok, err := a.shared.Get(ctx, name)
	if err != nil || !ok {
		return finished{}, false
	}
	value, _, err := a.tickets.memo.Open(sealed, rt.entrance(name))
	if err != nil || len(value) == 0 {
		return finished{}, false
	}
	if value[0] == 0 {
		return finished{err: &errElsewhere{code(value[1:])}}, true
	}
	s, err := readSession(value[1:], rt.seat())
	if err != nil {
		return finished{err: err}, true
	}
	answer, err := a.identify(ctx, rt, s, nil, nil)
	return finished{session: s, answer: answer, err: err, again: true}, true
}
