package merchant_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	ming, wang := merchant.Binding{Slot: 0, OpenID: "ming"}, merchant.Binding{Slot: 1, OpenID: "wang"}
	type in struct {
		state     merchant.State
		status    merchant.Status
		persons   int
		held      []merchant.Binding
		elsewhere bool
	}
	none := merchant.ReasonNone
	for what, c := range map[string]struct {
		in
		by   string
		want merchant.Verdict
	}{
		"a stranger is taken":                      {in{}, "ming", merchant.Verdict{State: merchant.Scanned}},
		"who is bound already keeps his place":     {in{held: []merchant.Binding{wang}, persons: 2}, "wang", merchant.Verdict{State: merchant.Scanned, Slot: 1, Again: true}},
		"a second person takes the next place":     {in{held: []merchant.Binding{ming}, persons: 2}, "wang", merchant.Verdict{State: merchant.Scanned, Slot: 1}},
		"a place that is free is taken first":      {in{held: []merchant.Binding{wang}, persons: 2}, "ming", merchant.Verdict{State: merchant.Scanned}},
		"a merchant has one person":                {in{held: []merchant.Binding{ming}}, "wang", merchant.Verdict{State: merchant.Refused, Reason: merchant.ReasonFull}},
		"a merchant has as many as he may":         {in{held: []merchant.Binding{ming, wang}, persons: 2}, "li", merchant.Verdict{State: merchant.Refused, Reason: merchant.ReasonFull}},
		"a place above what is allowed counts too": {in{held: []merchant.Binding{wang}, persons: 1}, "li", merchant.Verdict{State: merchant.Refused, Reason: merchant.ReasonFull}},
		"a person has one merchant":                {in{elsewhere: true}, "ming", merchant.Verdict{State: merchant.Refused, Reason: merchant.ReasonElsewhere}},
		"both at once":                             {in{elsewhere: true, held: []merchant.Binding{ming}}, "wang", merchant.Verdict{State: merchant.Refused, Reason: merchant.ReasonElsewhere}},
		"a merchant who is disabled":               {in{status: merchant.Disabled}, "ming", merchant.Verdict{State: merchant.Refused, Reason: merchant.ReasonDisabled}},
		"a newer code":                             {in{state: merchant.Superseded}, "ming", merchant.Verdict{Reason: merchant.ReasonSuperseded}},
		"a cancelled code":                         {in{state: merchant.Cancelled}, "ming", merchant.Verdict{Reason: merchant.ReasonCancelled}},
		"an expired code":                          {in{state: merchant.Expired}, "ming", merchant.Verdict{Reason: merchant.ReasonExpired}},
		"a code that somebody else is at":          {in{state: merchant.Scanned, held: []merchant.Binding{ming}}, "wang", merchant.Verdict{Reason: merchant.ReasonUsed, Slot: 1}},
		"a code that was refused":                  {in{state: merchant.Refused}, "ming", merchant.Verdict{Reason: merchant.ReasonUsed}},
		"a code that has bound somebody else":      {in{state: merchant.Bound, held: []merchant.Binding{ming}}, "wang", merchant.Verdict{Reason: merchant.ReasonUsed, Slot: 1}},
		"a code that has bound the same":           {in{state: merchant.Bound, held: []merchant.Binding{ming}}, "ming", merchant.Verdict{Reason: merchant.ReasonUsed, Again: true}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			m := merchant.Merchant{Status: merchant.Normal, Persons: max(c.persons, 1)}
			if c.status != "" {
				m.Status = c.status
			}
			code := merchant.Code{State: merchant.Waiting}
			if c.state != "" {
				code.State = c.state
			}
			if got := merchant.Judge(code, m, c.held, c.elsewhere, scene.Scan{OpenID: c.by}); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if c.want.Reason != none {
				wantTexts(t, c.want.Reason)
			}
		})
	}
	for _, r := range []merchant.Reason{merchant.ReasonUnknown, merchant.ReasonIdentity} {
		wantTexts(t, r)
	}
}

// wantTexts wants sentences for the staff and for the scanner, in both languages.
func wantTexts(t *testing.T, r merchant.Reason) {
	t.Helper()
	for who, say := range map[string]func() (string, string){"staff": r.Staff, "scanner": r.Scanner} {
		if en, zh := say(); en == "" || zh == "" || en == zh {
			t.Errorf("of %s the %s is told %q, %q", r, who, en, zh)
		}
	}
}

func TestJudgeProperties(t *testing.T) {
	t.Parallel()
	states := []merchant.State{merchant.Waiting, merchant.Scanned, merchant.Bound, merchant.Refused, merchant.Superseded, merchant.Cancelled}
	rapid.Check(t, func(r *rapid.T) {
		m := merchant.Merchant{Persons: rapid.IntRange(1, 4).Draw(r, "persons"), Status: rapid.SampledFrom([]merchant.Status{merchant.Normal, merchant.Disabled}).Draw(r, "status")}
		var held []merchant.Binding
		taken := map[int]bool{}
		for i, slot := range rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 0, 4, rapid.ID).Draw(r, "slots") {
			held, taken[slot] = append(held, merchant.Binding{Slot: slot, OpenID: fmt.Sprint("o", i)}), true
		}
		by := fmt.Sprint("o", rapid.IntRange(0, 5).Draw(r, "by"))
		code := merchant.Code{State: rapid.SampledFrom(states).Draw(r, "state")}
		elsewhere := rapid.Bool().Draw(r, "elsewhere")
		v := merchant.Judge(code, m, held, elsewhere, scene.Scan{OpenID: by})
		if v.State != merchant.Scanned {
			if v.Reason == merchant.ReasonNone {
				r.Fatal("nobody knows why it binds nobody")
			}
			return
		}
		switch {
		case code.State != merchant.Waiting:
			r.Fatalf("a code that is %s binds", code.State)
		case m.Status != merchant.Normal:
			r.Fatal("a merchant who is disabled is bound")
		case v.Again:
			return
		case elsewhere:
			r.Fatal("a person gets two merchants")
		case taken[v.Slot] || v.Slot >= m.Persons || len(held) >= m.Persons:
			r.Fatalf("of %d persons, %d of them there, one takes the place %d of %v", m.Persons, len(held), v.Slot, taken)
		}
	})
}
