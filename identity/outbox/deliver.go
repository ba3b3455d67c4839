package outbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// attempt is a parcel in the course of a batch.
type attempt struct {
	Parcel
	state   int
	failure *Failure // of failed
}

const (
	untouched int = iota
	blocked       // one before it about the same user didn't get through
	delivered
	failed
)

// users are the ids that the event is about. A conflict may be about nobody yet: its old
// id is empty.
func (a *attempt) users() []string {
	return slices.DeleteFunc([]string{a.Old, a.New, a.Recorded}, func(id string) bool { return id == "" })
}

// deliver sends what may be sent: events that share a user one after the other,
// others at the same time. It begins nothing new when the time is up, or when it is
// plain that the consumer can't be reached.
func (r *Relay) deliver(ctx context.Context, t Target, parcels []Parcel) []*attempt {
	all := make([]*attempt, len(parcels))
	for i, p := range parcels {
		all[i] = &attempt{Parcel: p}
	}
	deadline := r.Now().Add(r.Lease / 2)
	patience := int64(2 * r.Concurrency)
	var unreachable, arrived atomic.Int64
	stopped := func() bool {
		return ctx.Err() != nil || !r.Now().Before(deadline) || arrived.Load() == 0 && unreachable.Load() >= patience
	}
	chains := chainsOf(all)
	next := make(chan []*attempt, len(chains))
	for _, c := range chains {
		next <- c
	}
	close(next)
	var workers sync.WaitGroup
	for range min(r.Concurrency, len(chains)) {
		workers.Go(func() {
			for chain := range next {
				r.inOrder(ctx, t, chain, stopped, func(a *attempt) {
					switch {
					case a.state == delivered:
						arrived.Add(1)
					case a.failure != nil && a.failure.Unreachable:
						unreachable.Add(1)
					}
				})
			}
		})
	}
	workers.Wait()
	return all
}

// inOrder sends a chain. Behind one that didn't get through stay those about the
// same users.
func (r *Relay) inOrder(ctx context.Context, t Target, chain []*attempt, stopped func() bool, sent func(*attempt)) {
	stuck := map[string]bool{}
	for _, a := range chain {
		behind := a.Blocked || slices.ContainsFunc(a.users(), func(id string) bool { return stuck[id] })
		switch {
		case behind:
			a.state = blocked
		case stopped():
			return
		default:
			send(ctx, t, a)
			sent(a)
		}
		if a.state != delivered {
			for _, id := range a.users() {
				stuck[id] = true
			}
		}
	}
}

// send makes one attempt. One that ends because everything ends counts as none.
func send(ctx context.Context, t Target, a *attempt) {
	err := t.Sender.Send(ctx, a.Event)
	switch {
	case err == nil:
		a.state = delivered
	case ctx.Err() != nil:
		a.state = untouched
	default:
		a.state = failed
		if !errors.As(err, &a.failure) {
			a.failure = &Failure{Code: "other"}
		}
	}
}

// chainsOf parts a batch into events that share no user, each part in order.
func chainsOf(all []*attempt) [][]*attempt {
	leader := make([]int, len(all)) // of each event: another one of its chain, or itself
	var find func(i int) int
	find = func(i int) int {
		if leader[i] != i {
			leader[i] = find(leader[i])
		}
		return leader[i]
	}
	first := map[string]int{} // by user
	for i, a := range all {
		leader[i] = i
		for _, id := range a.users() {
			j, met := first[id]
			if !met {
				first[id] = i
				continue
			}
			a, b := find(i), find(j)
			leader[max(a, b)] = min(a, b)
		}
	}
	var chains [][]*attempt
	at := map[int]int{}
	for i, a := range all {
		l := find(i)
		if _, begun := at[l]; !begun {
			at[l] = len(chains)
			chains = append(chains, nil)
		}
		chains[at[l]] = append(chains[at[l]], a)
	}
	return chains
}

// settle decides what to write of a batch. Where nothing at all got through the
// line waits as a whole, so that an outage doesn't park every event; otherwise
// each event that failed waits for itself, and the others go on.
func (r *Relay) settle(batch Batch, all []*attempt) Settlement {
	now := r.Now()
	s := Settlement{State: State{Cursor: batch.Cursor}}
	arrived, fresh, asked := 0, 0, time.Duration(0)
	unreachable := true // whatever failed did so for the consumer's sake
	for _, a := range all {
		switch a.state {
		case delivered:
			arrived++
		case failed:
			if !a.Parked {
				fresh++
			}
			s.Error = a.failure.Code
			unreachable = unreachable && a.failure.Unreachable
			asked = max(asked, a.failure.After)
		}
	}
	down := arrived == 0 && s.Error != "" && (unreachable || fresh > 1)
	since := now
	switch {
	case down && batch.Since.IsZero():
		s.Tries, s.Since = 1, now
	case down:
		s.Tries, s.Since, since = batch.Tries+1, batch.Since, batch.Since
	case arrived == 0 && s.Error == "": // nothing was tried
		s.State = batch.State
	}
	tooLong := down && now.Sub(since) >= r.DeadAfter
	if tooLong {
		s.Since = now // what comes next has its own time
	}
	if down {
		s.Next = now.Add(r.pause(s.Tries, asked))
	}
	for _, a := range all {
		if a.Parked {
			r.settleParked(&s, a, now)
		}
	}
	if !down || tooLong {
		r.settleNew(&s, all, since, now)
	}
	return s
}

func (r *Relay) settleParked(s *Settlement, a *attempt, now time.Time) {
	switch a.state {
	case delivered:
		s.Delivered = append(s.Delivered, a.Seq)
	case failed:
		s.Parked = append(s.Parked, r.parked(a, a.Since, now))
	}
}

// settleNew moves the cursor over new events, up to the first that wasn't begun.
func (r *Relay) settleNew(s *Settlement, all []*attempt, since, now time.Time) {
	for _, a := range all {
		if a.Parked {
			continue
		}
		switch a.state {
		case untouched:
			return
		case failed:
			s.Parked = append(s.Parked, r.parked(a, since, now))
		case blocked:
			p := a.Parcel
			p.Next = now // as soon as the one before is through
			s.Parked = append(s.Parked, p)
		}
		s.Cursor = a.Seq
	}
}

// parked is an event that failed, with the next time to try it.
func (r *Relay) parked(a *attempt, since, now time.Time) Parcel {
	p := a.Parcel
	if since.IsZero() {
		since = now
	}
	p.Tries, p.Since, p.Error = p.Tries+1, since, a.failure.Code
	p.Next = now.Add(r.pause(p.Tries, a.failure.After))
	p.Dead = now.Sub(since) >= r.DeadAfter
	return p
}
