package storetest

import (
	"reflect"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// applyConflict: a change that was decided on facts that are gone.
func (h Harness) applyConflict(t *testing.T) {
	// Each of these rows contradicts what [h.lost] has written before. Around it
	// stands a change that would be fine by itself and must not leave a trace.
	for _, c := range []struct {
		why  string
		lose func(c *identity.Change)
	}{
		{"a user that is there can't be inserted", func(c *identity.Change) {
			c.Users = append(c.Users, virtual("v1"))
		}},
		{"a user can't be replaced at an older version", func(c *identity.Change) {
			c.Users = append(c.Users, at(virtual("v1"), 1))
		}},
		{"a user can't be replaced at a version to come", func(c *identity.Change) {
			c.Users = append(c.Users, at(virtual("v1"), 3))
		}},
		{"a user that isn't there can't be replaced", func(c *identity.Change) {
			c.Users = append(c.Users, at(virtual("v3"), 1))
		}},
		{"an openid that is there can't be inserted", func(c *identity.Change) {
			c.Openids = []identity.OpenidRow{{Openid: openid("o1")}}
		}},
		{"an openid can't be replaced at an older version", func(c *identity.Change) {
			c.Openids = []identity.OpenidRow{{Openid: openid("o1"), Version: 1}}
		}},
		{"an openid that isn't there can't be replaced", func(c *identity.Change) {
			c.Openids = []identity.OpenidRow{{Openid: openid("o3"), Version: 1}}
		}},
		{"a unionid that is there can't be inserted", func(c *identity.Change) {
			c.Unions = []identity.UnionRow{{Unionid: unionid("n1"), User: "r2"}}
		}},
		{"a unionid can't be led elsewhere at an older version", func(c *identity.Change) {
			c.Unions = []identity.UnionRow{{Unionid: unionid("n1"), User: "r2", Version: 1}}
		}},
		{"a unionid that isn't there can't be led elsewhere", func(c *identity.Change) {
			c.Unions = []identity.UnionRow{{Unionid: unionid("n3"), User: "r2", Version: 1}}
		}},
		{"a new unionid can't lead to a user who serves another one of the subject", func(c *identity.Change) {
			c.Unions = []identity.UnionRow{{Unionid: unionid("n3"), User: "v1"}}
		}},
		{"a known unionid can't lead to a user who serves another one of the subject", func(c *identity.Change) {
			c.Unions = []identity.UnionRow{{Unionid: unionid("n2"), User: "v1", Version: 1}}
		}},
		{"a user can't be retired while a unionid leads to him", func(c *identity.Change) {
			c.Users = append(c.Users, at(retired(virtual("v2"), "r1", t0), 1))
		}},
		{"a user seen at an older version has changed", func(c *identity.Change) {
			c.Seen = []identity.User{at(virtual("v1"), 1)}
		}},
		{"a user seen that isn't there has changed", func(c *identity.Change) {
			c.Seen = []identity.User{at(virtual("v3"), 1)}
		}},
		{"a user seen as not there has changed once he is", func(c *identity.Change) {
			c.Seen = []identity.User{virtual("v1")}
		}},
	} {
		h.promise(t, c.why, func(t *testing.T, s identity.Store) { h.lost(t, s, c.lose) })
	}

	h.promise(t, "a user seen at his version is no conflict, and not written", func(t *testing.T, s identity.Store) {
		apply(t, s, change(virtual("v1")))
		c := change(virtual("v2"))
		c.Seen = []identity.User{at(virtual("v1"), 1), virtual("v3")}
		apply(t, s, c)
		equal(t, "version", user(t, s, "v1").Version, 1)
	})
	h.promise(t, "the same change applied twice is a conflict", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", virtual("v1"))
		apply(t, s, c)
		wantConflict(t, s.Apply(t.Context(), c))
	})
}

func at(u identity.User, version int64) identity.User {
	u.Version = version
	return u
}

// lost applies a change that must lose, and sees that nothing of it was written.
func (h Harness) lost(t *testing.T, s identity.Store, lose func(c *identity.Change)) {
	apply(t, s, linked("o1", "n1", virtual("v1")), linked("o2", "n2", virtual("v2")))
	known := load(t, s, query("o1", "n1", ""))
	apply(t, s, identity.Change{
		Realm: realm, At: t0, Openids: []identity.OpenidRow{known.Openid}, Unions: []identity.UnionRow{known.Union}, Users: []identity.User{known.UnionUser},
	})
	before := look(t, s)

	c := change(named("r1"), named("r2"))
	c.Openids = []identity.OpenidRow{{Openid: openid("o3"), Unionid: unionid("n3")}}
	c.Unions = []identity.UnionRow{{Unionid: unionid("n3"), User: "r1"}}
	c.Events = []identity.Event{replaced("v9", "r1")}
	c.Stale = []string{"r1"}
	c.Conflict = conflict("o3", "n9")
	lose(&c)
	wantConflict(t, s.Apply(t.Context(), c))

	if after := look(t, s); !reflect.DeepEqual(before, after) {
		t.Errorf("a change that lost has left something: got %+v, want %+v", after, before)
	}
}
