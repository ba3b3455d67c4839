package merchant_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// codesFor makes codes for merchants and says what became of each.
func (h *house) codesFor(ctx context.Context, ids ...string) ([]merchant.MadeCode, error) {
	var list []merchant.MadeCode
	err := h.MakeCodes(ctx, merchant.Bulk{Realm: "shop", AppID: account, Merchants: ids, By: staff}, func(m merchant.MadeCode) { list = append(list, m) })
	return list, err
}

// became are the reasons of a list, in order.
func became(list []merchant.MadeCode) string {
	var all []string
	for _, m := range list {
		switch {
		case m.Fault != nil:
			all = append(all, m.Merchant+":"+m.Fault.Code)
		default:
			all = append(all, m.Merchant)
		}
	}
	return strings.Join(all, " ")
}

func TestMakeCodes(t *testing.T) {
	t.Parallel()
	t.Run("those get one who are not bound and not disabled, and the others have a reason", func(t *testing.T) {
		t.Parallel()
		onBoth(t, func(t *testing.T, on engine) {
			h := newHouse(t, on)
			for _, id := range []string{"M1", "M2", "M3", "M4"} {
				h.merchant(id)
			}
			h.bound("M2", "o-two")
			_, err := h.Disable(t.Context(), "shop", "M3", 1, staff)
			h.must(err)
			older := h.code("M1")
			list, err := h.codesFor(t.Context(), "M4", "M1", "M2", "M3", "M9", "M1")
			h.must(err)
			if got := became(list); got != "M4 M1 M2:bound M3:disabled M9:not_found" {
				t.Fatalf("they became %s", got)
			}
			h.want(older, merchant.Superseded, merchant.ReasonNone)
			for _, m := range list[:2] {
				if m.Code.URL == "" || m.Name != "商户 "+m.Merchant {
					t.Errorf("made is %+v", m)
				}
			}
			h.must(h.scanned(list[0].Code, "o-four", "s"))
			h.wantBound("M4", "o-four")
			var table bytes.Buffer
			h.must(merchant.WriteCodes(&table, list))
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(table.String(), "\ufeff"))).ReadAll()
			if err != nil || len(rows) != 6 || rows[1][2] != list[0].Code.URL || rows[3][4] == "" || rows[3][5] == "" || rows[1][4] != "" {
				t.Errorf("the table is %v, %v", rows, err)
			}
		})
	})
	t.Run("what nobody could make is refused, and nothing is made", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, sqlite)
		h.merchant("M1")
		_, err := h.codesFor(t.Context())
		wantFault(t, err, merchant.FaultField, "merchants")
		_, err = h.codesFor(t.Context(), make([]string, merchant.MostCodes+1)...)
		wantFault(t, err, merchant.FaultField, "merchants")
		_, err = h.codesFor(t.Context(), "M1", "../M2")
		wantFault(t, err, merchant.FaultField, "merchants")
		err = h.MakeCodes(t.Context(), merchant.Bulk{Realm: "shop", AppID: "wx00", Merchants: []string{"M1"}}, nil)
		wantFault(t, err, merchant.FaultAccount, "")
		err = h.MakeCodes(t.Context(), merchant.Bulk{Realm: "shop", AppID: account, Merchants: []string{"M1"}, Life: 1}, nil)
		wantFault(t, err, merchant.FaultField, "life")
		if codes, err := h.CodesOf(t.Context(), "shop", "M1"); err != nil || len(codes) != 0 {
			t.Errorf("there are %v, %v", codes, err)
		}
	})
	t.Run("what cuts it off leaves what was made, and names the others", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, sqlite)
		for _, id := range []string{"M1", "M2", "M3"} {
			h.merchant(id)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var list []merchant.MadeCode
		err := h.MakeCodes(ctx, merchant.Bulk{Realm: "shop", AppID: account, Merchants: []string{"M1", "M2", "M3"}, By: staff}, func(m merchant.MadeCode) {
			list = append(list, m)
			cancel()
		})
		if !errors.Is(err, context.Canceled) || became(list) != "M1 M2:cut_off M3:cut_off" {
			t.Errorf("they became %s, %v", became(list), err)
		}
	})
	t.Run("once WeChat makes no more it isn't asked for the others", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, sqlite)
		for _, id := range []string{"M1", "M2", "M3"} {
			h.merchant(id)
		}
		asked := 0
		h.config.Codes = makes(func() error { asked++; return &merchant.Fault{Code: merchant.FaultQuota} })
		h.Desk = merchant.New(h.config)
		list, err := h.codesFor(t.Context(), "M1", "M2", "M3")
		if h.must(err); became(list) != "M1:wechat_quota M2:wechat_quota M3:wechat_quota" || asked != 1 {
			t.Errorf("asked %d times, they became %s", asked, became(list))
		}
	})
}

// makes is a WeChat that makes no codes.
type makes func() error

func (m makes) Make(context.Context, scene.Order) (scene.Code, error) { return scene.Code{}, m() }
