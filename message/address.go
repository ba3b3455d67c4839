package message

import (
	"context"
	"slices"
)

// Address is an openid of a user at one account.
type Address struct {
	AppID  string
	OpenID string
	// Following says whether he follows the account, if that is Known.
	Following bool
	Known     bool
}

// People knows where users can be reached.
type People interface {
	// Addresses are those of a user, or of the user into whom he was merged, in any
	// order. A user whom nobody knows has none.
	Addresses(ctx context.Context, realm, user string) ([]Address, error)
}

// choose picks the address for a message: of an account among prefer where he follows,
// the first of prefer before the others; else of one where nobody knows whether he
// follows. Where he is known not to follow nothing is sent, unless the kind of message
// needs no follower.
//
// prefer holds only accounts that can send the message. An account that isn't in it is
// never chosen: its openids mean nothing to the others.
func choose(addresses []Address, prefer []string, kind Kind) (Address, bool) {
	best, rank := Address{}, 0
	for _, a := range addresses {
		place := slices.Index(prefer, a.AppID)
		if place < 0 || a.AppID == "" || a.OpenID == "" {
			continue
		}
		r := 2 * len(prefer) // one who follows, or may
		switch {
		case a.Known && a.Following:
			r = 3 * len(prefer)
		case a.Known && kind != KindSubscription:
			continue
		case a.Known:
			r = len(prefer)
		}
		// Within an account the smaller openid wins, so that two nodes choose alike.
		if r -= place; r > rank || r == rank && a.OpenID < best.OpenID {
			best, rank = a, r
		}
	}
	return best, rank > 0
}
