package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// cutoff is one of the realm of the cast, or of all.
func cutoff(kind identity.CutoffKind, name string, before time.Time) identity.Cutoff {
	cut := identity.Cutoff{
		Kind: kind, Realm: realm, Name: name, Before: before, At: t0.Add(time.Minute), Until: t0.Add(identity.CutoffLife), Actor: "key:1", Reason: "ticket 7",
	}
	if kind == identity.CutoffAll {
		cut.Realm = ""
	}
	return cut
}

func cut(c identity.Cutoff) identity.Change {
	return identity.Change{Realm: realm, At: t0, Cutoff: &c}
}

// wantCutoffs looks for cutoffs in the order given, whatever their numbers.
func wantCutoffs(t *testing.T, what string, got []identity.Cutoff, err error, want ...identity.Cutoff) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i := range got {
		got[i].Seq = 0
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// cutoffs: what ends all that began before a moment.
func (h Harness) cutoffs(t *testing.T) {
	user, guest := cutoff(identity.CutoffUser, "r1", t0), cutoff(identity.CutoffGuest, "g1", t0)
	site, whole, all := cutoff(identity.CutoffSite, "s1", t0), cutoff(identity.CutoffRealm, "", t0), cutoff(identity.CutoffAll, "", t0)
	h.promise(t, "Cutoff returns what was applied, and zero where there is none", func(t *testing.T, s identity.Store) {
		apply(t, s, cut(user), cut(all))
		for _, want := range []identity.Cutoff{user, all, {}} {
			kind, name := want.Kind, want.Name
			if kind == "" {
				kind = identity.CutoffSite
			}
			got, err := s.Cutoff(t.Context(), kind, want.Realm, name)
			wantCutoffs(t, string(kind), []identity.Cutoff{got}, err, want)
		}
	})
	h.promise(t, "of two for the same the later moment holds, and an earlier one writes nothing", func(t *testing.T, s identity.Store) {
		later := site
		later.Before, later.Reason = t0.Add(time.Hour), "ticket 8"
		apply(t, s, cut(site), cut(whole), cut(later))
		_, newest := stale(t, s, -1)
		apply(t, s, cut(site), cut(later))
		_, after := stale(t, s, -1)
		equal(t, "entries for caches", after, newest)
		list, err := s.Cutoffs(t.Context(), realm, 0, 10)
		wantCutoffs(t, "written again it stands at the end", list, err, whole, later)
	})
	h.promise(t, "Cutoffs lists those of a realm, or of all, page by page", func(t *testing.T, s identity.Store) {
		elsewhere := site
		elsewhere.Realm = "other"
		apply(t, s, cut(user), cut(elsewhere), cut(all), cut(whole))
		list, err := s.Cutoffs(t.Context(), realm, 0, 10)
		wantCutoffs(t, "of the realm", list, err, user, whole)
		var after int64
		for _, want := range []identity.Cutoff{user, elsewhere, all, whole} {
			page, err := s.Cutoffs(t.Context(), "", after, 1)
			if len(page) == 1 {
				after = page[0].Seq
			}
			wantCutoffs(t, "of all", page, err, want)
		}
		page, err := s.Cutoffs(t.Context(), "", after, 1)
		wantCutoffs(t, "behind the last", page, err)
	})
	h.promise(t, "Kept are those of guests, sites, realms and all, and each is an entry for caches", func(t *testing.T, s identity.Store) {
		apply(t, s, cut(user), cut(cutoff(identity.CutoffSession, "s", t0)))
		_, none := stale(t, s, -1)
		equal(t, "entries for users and sessions", none, 0)
		for _, c := range []identity.Cutoff{guest, site, whole, all} {
			apply(t, s, cut(c))
		}
		kept, err := s.Kept(t.Context())
		if err != nil || len(kept) != 4 {
			t.Fatalf("kept are %+v, %v", kept, err)
		}
		got, _ := stale(t, s, 0)
		if len(got) != 4 {
			t.Fatalf("entries are %+v", got)
		}
		for i, c := range []identity.Cutoff{guest, site, whole, all} {
			equal(t, "entry", got[i], identity.Stale{Seq: int64(i + 1), Kind: identity.StaleCutoff, Realm: c.Realm, Key: string(c.Kind)})
		}
	})
	h.promise(t, "logins that were made before go with a realm, and with all of them, and stay with a site", func(t *testing.T, s identity.Store) {
		c, old := change(named("r1")), identity.LoginRow{Session: "old", Openid: openid("o1"), User: "r1", Used: t0.Add(-time.Microsecond)}
		young := old
		young.Session, young.Used = "young", t0
		c.Logins = []identity.LoginRow{old, young}
		apply(t, s, c, cut(site))
		wantLogins(t, s, "old", "young")
		elsewhere := whole
		elsewhere.Realm = "other"
		apply(t, s, cut(elsewhere))
		wantLogins(t, s, "old", "young")
		apply(t, s, cut(whole))
		wantLogins(t, s, "young")
		c = identity.Change{Realm: realm, At: t0, Logins: []identity.LoginRow{old}}
		apply(t, s, c, cut(all))
		wantLogins(t, s, "young")
	})
	h.promise(t, "Sweep forgets cutoffs that are over by now, and no others", func(t *testing.T, s identity.Store) {
		over := site
		over.Until = t0.Add(time.Hour)
		apply(t, s, cut(over), cut(whole))
		sweep(t, s, over.Until.Add(-time.Microsecond))
		list, err := s.Cutoffs(t.Context(), "", 0, 10)
		wantCutoffs(t, "a moment before", list, err, over, whole)
		sweep(t, s, over.Until)
		list, err = s.Cutoffs(t.Context(), "", 0, 10)
		wantCutoffs(t, "after it", list, err, whole)
	})
	h.promise(t, "Erase takes a user's cutoff away, and nobody else's", func(t *testing.T, s identity.Store) {
		other := cutoff(identity.CutoffUser, "r2", t0)
		apply(t, s, linked("o1", "n1", named("r1")), cut(user), cut(other), erase(erasure(), t0.Add(time.Hour)))
		list, err := s.Cutoffs(t.Context(), realm, 0, 10)
		wantCutoffs(t, "what is left", list, err, other)
	})
	h.promise(t, "a change that is refused cuts nothing off", func(t *testing.T, s identity.Store) {
		apply(t, s, change(virtual("v1")))
		c := cut(all)
		c.Users = []identity.User{virtual("v1")}
		wantConflict(t, s.Apply(t.Context(), c))
		kept, err := s.Kept(t.Context())
		wantCutoffs(t, "kept", kept, err)
	})
	h.promise(t, "another process reads what was cut off", func(t *testing.T, s identity.Store) {
		other := h.Second(t, s)
		apply(t, s, cut(all))
		kept, err := other.Kept(t.Context())
		wantCutoffs(t, "kept", kept, err, all)
	})
}

// wantLogins says which of the sessions old and young have a login.
func wantLogins(t *testing.T, s identity.Store, want ...string) {
	t.Helper()
	var got []string
	for _, session := range []string{"old", "young"} {
		q := query("o1", "", "")
		q.Session = session
		if load(t, s, q).Login.User != "" {
			got = append(got, session)
		}
	}
	equal(t, "logins", fmt.Sprint(got), fmt.Sprint(want))
}
