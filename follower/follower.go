package follower

import (
	"context"
	"time"
)

// Follower is a visitor of an account, who follows it or has ceased to.
type Follower struct {
	AppID, OpenID string
	Following     bool
	// At is when WeChat says that this was so, in whole seconds where it comes from
	// a push.
	At time.Time
	// Scene is how he came to follow, as far as it is known.
	Scene string
}

// Store keeps followers. One that can't be reached answers with
// identity.ErrUnavailable.
//
// Pushes come twice, late, and in any order, so what is kept doesn't depend on it: the
// newest At wins. WeChat dates by the second. Of a follow and an unfollow in the same one
// the unfollow wins, whichever comes first: nobody can ask which was last, all nodes and
// all repetitions have to end at the same, and who is wrongly taken for gone costs a
// message that goes another way, until his next follow, scan or synchronisation.
type Store interface {
	// SetFollower records what is newer than what is known.
	SetFollower(ctx context.Context, f Follower) error
	// SetFollowers records many in one transaction.
	SetFollowers(ctx context.Context, list []Follower) error
	// Followers returns those of the openids that are known, by openid.
	Followers(ctx context.Context, appID string, openIDs []string) (map[string]Follower, error)
	// CountFollowers counts who follows an account now.
	CountFollowers(ctx context.Context, appID string) (int64, error)
	// ForgetFollower forgets a visitor, as if he had never been there.
	ForgetFollower(ctx context.Context, appID, openID string) error
}
