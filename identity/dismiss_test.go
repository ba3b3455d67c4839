package identity

import (
	"context"
	"slices"
	"testing"
)

// Conflicts reads those on the list.
func (f *facts) Conflicts(_ context.Context, _ string, after int64, limit int) ([]ConflictRow, error) {
	rest := f.conflicts[min(int(after), len(f.conflicts)):]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func TestDismiss(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.refused("wx1/o1 S/n1 z! bind", CodeUnionIDTaken)
	stands := func() ConflictRow {
		t.Helper()
		if len(s.conflicts) != 1 {
			t.Fatalf("listed are %+v", s.conflicts)
		}
		return s.conflicts[0]
	}
	records, events := len(s.audit), len(s.events)
	for range 2 {
		s.ok("dismissing", s.centre.Dismiss(t.Context(), "r", 1, true, "y", operator))
	}
	if row := stands(); row.Dismissed.IsZero() || row.DismissedBy != operator.Actor || row.DismissedWhy != operator.Evidence {
		t.Errorf("it stands as %+v", row)
	}
	if len(s.audit) != records+1 || s.audit[records].Op != "dismiss" || s.audit[records].Actor != operator.Actor {
		t.Errorf("the audit says %+v", s.audit[records:])
	}
	s.refused("wx1/o1 S/n1 z! bind", CodeUnionIDTaken)
	if row := stands(); row.Dismissed.IsZero() || len(s.events) != events {
		t.Error("claimed again it is open")
	}
	for range 2 {
		s.ok("taking it up again", s.centre.Dismiss(t.Context(), "r", 1, false, "y", operator))
	}
	if row := stands(); row != (ConflictRow{
		Seq: 1, Realm: "r", Code: row.Code, Openid: row.Openid, Subject: row.Subject, User: row.User, Have: row.Have, Got: row.Got, At: row.At,
	}) || len(s.audit) != records+2 || s.audit[records+1].Op != "reopen" {
		t.Errorf("it stands as %+v, recorded %d times", row, len(s.audit)-records)
	}
	s.conflict("dismissing what isn't there", s.centre.Dismiss(t.Context(), "r", 2, true, "y", operator), CodeUserErased)
}
