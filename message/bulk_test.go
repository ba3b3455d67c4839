package message_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/message"
)

func TestBatch(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("a batch that was cut off goes on where it was, and nobody gets two", func(t *testing.T) { t.Parallel(); resuming(t, on) })
		t.Run("rows that can't be sent are told of, and don't stop the others", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			var refused []string
			rows := []message.Row{
				{Line: 2, User: "ming", Data: map[string]string{"thing1": "fits"}},
				{Line: 3, User: "nobody"},
				{Line: 4, User: "ming", Data: map[string]string{"thing1": strings.Repeat("长", 21)}},
				{Line: 5, User: "ming", ClientID: "same"},
				{Line: 6, User: "ming", ClientID: "same"},
				{Line: 7, User: "ming", ClientID: "same", Data: map[string]string{"thing1": "another"}},
			}
			counts, err := h.Batch(t.Context(), message.Bulk{
				Name: "b", Order: order(""),
				Refused: func(r message.Row, f *message.Fault) { refused = append(refused, fmt.Sprint(r.Line, f.Code)) },
			}, func(yield func(message.Row, error) bool) {
				for _, r := range rows {
					if !yield(r, nil) {
						return
					}
				}
			})
			if want := (message.Counts{Rows: 6, Queued: 2, Repeated: 1, Refused: 3}); err != nil || counts != want {
				t.Errorf("counted %+v, %v; want %+v", counts, err, want)
			}
			if got := strings.Join(refused, " "); got != "3unreachable 4too_long 7client_id_reused" {
				t.Errorf("refused: %s", got)
			}
		})
	})
}

func resuming(t *testing.T, on engine) {
	h := newHouse(t, on)
	const n = 450
	cut := errors.New("the table ends in the middle")
	rows := func(until int) func(func(message.Row, error) bool) {
		return func(yield func(message.Row, error) bool) {
			for i := range n {
				if i == until {
					yield(message.Row{}, cut)
					return
				}
				if !yield(message.Row{Line: i + 2, User: "ming"}, nil) {
					return
				}
			}
		}
	}
	var heard []message.Counts
	b := message.Bulk{Name: "b", Order: order(""), Progress: func(c message.Counts) { heard = append(heard, c) }}
	counts, err := h.Batch(t.Context(), b, rows(250))
	if !errors.Is(err, cut) || counts.Queued != 250 {
		t.Fatalf("counted %+v, %v", counts, err)
	}
	h.drain()
	counts, err = h.Batch(t.Context(), b, rows(n))
	if want := (message.Counts{Rows: n, Queued: 200, Repeated: 250}); err != nil || counts != want {
		t.Errorf("counted %+v, %v; want %+v", counts, err, want)
	}
	if len(heard) != 5 || heard[0].Rows != 200 || heard[4] != counts {
		t.Errorf("heard %+v", heard)
	}
	h.drain()
	h.wantArrivals(n)
	states, err := h.Count(t.Context(), "shop", "b", "")
	if err != nil || states[message.Sent] != n {
		t.Errorf("the batch stands at %v, %v", states, err)
	}
}
