package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// auditedBack reads the audit from its end.
func auditedBack(t *testing.T, s identity.Store) {
	for i, about := range []string{"a", "b", "a", "c", "a", "b"} {
		c := recorded(about)
		c.At = t0.Add(time.Duration(i) * time.Hour)
		if about == "b" {
			c.Audit.Actor, c.Audit.Op = "staff:li", "block"
		}
		apply(t, s, c)
	}
	for _, tt := range []struct {
		q    identity.AuditQuery
		want string
	}{
		{identity.AuditQuery{}, "[6 5 4 3 2 1] 0"},
		{identity.AuditQuery{Limit: 2}, "[6 5] 5"},
		{identity.AuditQuery{Limit: 2, Before: 5}, "[4 3] 3"},
		{identity.AuditQuery{Before: 3}, "[2 1] 0"},
		{identity.AuditQuery{About: "a"}, "[5 3 1] 0"},
		{identity.AuditQuery{About: "a", Limit: 2, Look: 2}, "[5 3] 3"},
		{identity.AuditQuery{Actor: "staff:li"}, "[6 2] 0"},
		{identity.AuditQuery{Actor: "staff:li", Limit: 2, Look: 3}, "[6] 4"},
		{identity.AuditQuery{Actor: "staff:li", Limit: 2, Look: 3, Before: 4}, "[2] 0"},
		{identity.AuditQuery{Op: "block", About: "a"}, "[] 0"},
		{identity.AuditQuery{Op: "block", Actor: "staff:li", About: "b"}, "[6 2] 0"},
		{identity.AuditQuery{From: t0.Add(2 * time.Hour), To: t0.Add(4 * time.Hour)}, "[4 3] 0"},
		{identity.AuditQuery{From: t0.Add(9 * time.Hour)}, "[] 0"},
		{identity.AuditQuery{To: t0}, "[] 0"},
		{identity.AuditQuery{Realm: "nowhere"}, "[] 0"},
	} {
		if tt.q.Realm == "" {
			tt.q.Realm = realm
		}
		if tt.q.Limit == 0 {
			tt.q.Limit, tt.q.Look = 9, 100
		}
		rows, next, err := s.AuditBack(t.Context(), tt.q)
		if err != nil {
			t.Fatal(err)
		}
		seqs := []int64{}
		for _, r := range rows {
			seqs = append(seqs, r.Seq)
			if string(r.Salt) != "salt of "+r.About {
				t.Errorf("record %d has the salt %q", r.Seq, r.Salt)
			}
		}
		equal(t, fmt.Sprintf("%+v", tt.q), fmt.Sprint(seqs, " ", next), tt.want)
	}
}
