package identity

import "time"

// lineage is all keys of one algorithm, by generation. Its methods are pure: every
// node draws the same conclusions from the same facts.
type lineage []*signingKey

// start is the index of the youngest generation whose time to sign has come, or 0.
func (l lineage) start(now time.Time) int {
	for i := len(l) - 1; i > 0; i-- {
		if l[i].began(now) {
			return i
		}
	}
	return 0
}

// inForce is the key that signs now, nil if there is none. If the one whose time it
// is was revoked, the next takes its place ahead of time. A first key from a node
// whose clock is ahead of ours counts too.
func (l lineage) inForce(now time.Time) *signingKey {
	if len(l) == 0 {
		return nil
	}
	for _, s := range l[l.start(now):] {
		if s.usable() {
			return s
		}
	}
	return nil
}

// next is the key that is to follow the one in force, nil if there is none.
func (l lineage) next(now time.Time) *signingKey {
	current := l.inForce(now)
	for _, s := range l {
		if current != nil && s.usable() && s.generation > current.generation {
			return s
		}
	}
	return nil
}

// retiredAt is when the i-th key was succeeded; zero if it wasn't yet.
func (l lineage) retiredAt(i int, now time.Time) time.Time {
	for _, s := range l[i+1:] {
		if s.began(now) {
			return s.UseFrom
		}
	}
	return time.Time{}
}

// over says that no token of the i-th key can be valid any more, with a day to
// spare. life is the longest life of a token. The keys of an algorithm that nobody
// signs with here have no successors: their planned end counts.
func (l lineage) over(i int, inUse bool, life time.Duration, now time.Time) bool {
	end := l[i].UseUntil
	if inUse {
		if end = l.retiredAt(i, now); end.IsZero() {
			return false
		}
	}
	return now.After(end.Add(life + forgetAfter))
}

// generation is the number of the next key to be made.
func (l lineage) generation() int {
	if len(l) == 0 {
		return 1
	}
	return l[len(l)-1].generation + 1
}

// first makes a key that signs at once, if there is none that can.
func (l lineage) first(alg string, now time.Time) (lineage, error) {
	if l.inForce(now) != nil {
		return nil, nil
	}
	s, err := makeKey(alg, l.generation(), now, now)
	if err != nil {
		return nil, err
	}
	return lineage{s}, nil
}

// due is what the calendar asks for: the next key when the one in force nears its
// end, and the private halves of those that are over destroyed.
func (l lineage) due(life time.Duration, now time.Time) (lineage, error) {
	var todo lineage
	current := l.inForce(now)
	if current != nil && l.next(now) == nil && !now.Before(current.UseUntil.Add(-announced)) {
		from := current.UseUntil
		if soonest := now.Add(announced); from.Before(soonest) {
			from = soonest
		}
		s, err := makeKey(current.Algorithm, l.generation(), now, from)
		if err != nil {
			return nil, err
		}
		todo = append(todo, s)
	}
	for i, s := range l {
		if s.usable() && l.over(i, true, life, now) {
			todo = append(todo, s.without(time.Time{}))
		}
	}
	return todo, nil
}

// revoke is what withdrawing a key takes. A successor comes first, so that there is
// no moment without a key in force, even if we die half-way.
func (l lineage) revoke(target *signingKey, inUse bool, now time.Time) (lineage, error) {
	if !target.RevokedAt.IsZero() {
		return nil, nil
	}
	var todo lineage
	if inUse && target == l.inForce(now) {
		successor := l.next(now)
		if successor == nil {
			s, err := makeKey(target.Algorithm, l.generation(), now, now)
			if err != nil {
				return nil, err
			}
			todo = append(todo, s)
		} else if successor.UseFrom.After(now) {
			early := *successor
			early.UseFrom, early.UseUntil = now, now.Add(signingLife)
			todo = append(todo, &early)
		}
	}
	return append(todo, target.without(now)), nil
}
