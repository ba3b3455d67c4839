package identity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// about lists the numbers of the records about a user.
func (s *stage) about(user string, after int64, limit int) (seqs []int64) {
	s.Helper()
	records, err := s.centre.Audit(s.Context(), "r", user, after, limit)
	s.ok("reading audit", err)
	for _, r := range records {
		seqs = append(seqs, r.Seq)
	}
	return seqs
}

func TestAuditOfAUser(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.resolve("wx1/o1 S").User.ID
	s.resolve("wx1/o2 S")
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.resolve("wx1/o2 S/n2")
	s.ok("blocking", s.centre.Block(t.Context(), "r", "y", operator))
	s.ok("unblocking", s.centre.Unblock(t.Context(), "r", "y", operator))
	for _, tt := range []struct {
		user  string
		after int64
		limit int
		want  []int64
	}{
		{"", 0, 99, []int64{1, 2, 3, 4, 5, 6}},
		{"y", 0, 99, []int64{1, 3, 5, 6}}, // 1 is about the guest who became y
		{"y", 1, 2, []int64{3, 5}},
		{g, 0, 99, []int64{1}},
		{s.guest("wx1/o2", 0), 0, 99, []int64{2, 4}},
		{"nobody", 0, 99, nil},
	} {
		if got := s.about(tt.user, tt.after, tt.limit); !slices.Equal(got, tt.want) {
			t.Errorf("about %q after %d, %d of them: %v, want %v", tt.user, tt.after, tt.limit, got, tt.want)
		}
	}
}

// Every change has a record with actor, cause, evidence, before and after (I15).
func TestAuditTellsWhatHappened(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.resolve("wx1/o1 S").User.ID
	s.is("wx1/o1 S/n1 y! bind", "y")
	s.ok("parting", s.centre.Unbind(t.Context(), "r", "y", Unionid{}, operator))
	records, err := s.centre.Audit(t.Context(), "r", "", 0, 99)
	s.ok("reading audit", err)
	var got []string
	for _, r := range records {
		d := r.Detail
		got = append(got, fmt.Sprintf("%s %s %s %s %q %d>%d %d>%d %d>%d", r.Actor, r.Op, d.User, d.Cause, d.Evidence,
			len(d.Before.Users), len(d.After.Users), len(d.Before.Unions), len(d.After.Unions), len(d.Before.Openids), len(d.After.Openids)))
	}
	want := []string{
		"gateway resolve " + g + "  \"\" 0>0 0>0 0>1",
		"gateway bind y C \"\" 0>2 0>1 1>1",
		"command:test unbind y  \"a letter\" 1>1 1>1 1>1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("records\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Who was erased is not named in the records about others either.
func TestAuditForgetsTheErased(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	g := s.resolve("wx1/o1gone S").User.ID
	s.is("wx1/o1gone S/n1gone ygone! bind", "ygone")
	s.is("wx1/o2 S/n2 z! bind", "z")
	s.refused("wx1/o1gone S/n1gone z! bind", CodeUnionIDTaken)
	s.refused("wx1/o1gone S/n1gone k! bind", CodeUnionIDTaken)
	s.resolve("wx2/p3 S/n3 " + g) // another WeChat account on the phone
	s.imported("wx1/o4 S ygone!", ImportedHint)
	s.ok("parting", s.centre.Unbind(t.Context(), "r", "z", Unionid{}, operator))
	s.ok("erasing", s.centre.Erase(t.Context(), "r", "ygone", operator))
	records, err := s.centre.Audit(t.Context(), "r", "", 0, 99)
	s.ok("reading audit", err)
	text, err := json.Marshal(records)
	s.ok("writing audit", err)
	for _, id := range []string{g, "o1gone", "n1gone", "ygone"} {
		if n := strings.Count(string(text), id); n > 0 {
			t.Errorf("%s is named %d times", id, n)
		}
	}
	key, err := s.centre.GuestKey("r")
	s.ok("finding the key", err)
	for _, id := range []string{g, "ygone"} {
		if _, there := s.salts[mark(key, MarkUser, id)]; there {
			t.Errorf("the key of %s is still there", id)
		}
	}
	last := s.audit[len(s.audit)-1]
	last.Salt = s.salts[last.About]
	if d, err := openAudit(key, "r", last); err != nil || d == nil || d.User != "" || len(d.Before.Users) > 0 {
		t.Errorf("the record of the erasure says %+v, %v", d, err)
	}
	readable := 0
	for _, r := range records {
		if r.Detail != nil {
			readable++
		}
	}
	if readable < 4 || !strings.Contains(string(text), "n2") {
		t.Errorf("only %d records of %d can be read: %s", readable, len(records), text)
	}
}
