package merchant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// imported is what became of the lines of a table.
func (h *house) imported(text string) (string, error) {
	var said []string
	err := h.Import(h.t.Context(), "shop", strings.NewReader(text), staff, func(i merchant.Imported) {
		one := fmt.Sprint(i.Line, " ", i.ID, " ", i.Became)
		if i.Fault != nil {
			one += " " + i.Fault.Code + " " + i.Fault.Field
		}
		said = append(said, strings.TrimSpace(one))
	})
	return strings.Join(said, "\n"), err
}

func TestImport(t *testing.T) {
	t.Parallel()
	const table = "商户编号,商户名称,登录账号,联系人,联系电话,状态,注册时间,站点,备注\r\n" +
		"m1,上海商户,a@example.com,王小明,13800001234,正常,2024-09-22 15:01,shop1;shop2,x\r\n" +
		"m2,\"两行,名\",,,,停用,,,\r\n"
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(table)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(table)
	if err != nil {
		t.Fatal(err)
	}
	for encoding, text := range map[string]string{"UTF-8": table, "UTF-8 with a mark": "\ufeff" + table, "GBK": gbk, "UTF-16": wide} {
		t.Run("a table in "+encoding+" is read", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, sqlite)
			if got, err := h.imported(text); got != "2 m1 created\n3 m2 created" || err != nil {
				t.Fatalf("got %q, %v", got, err)
			}
			m := h.get("m1")
			at := time.Date(2024, 9, 22, 7, 1, 0, 0, time.UTC) // China is 8 hours ahead
			if m.Name != "上海商户" || m.Contact != "王小明" || !m.Registered.Equal(at) || fmt.Sprint(m.Sites) != "[shop1 shop2]" {
				t.Errorf("got %+v", m)
			}
			if m := h.get("m2"); m.Name != "两行,名" || m.Status != merchant.Disabled || m.Persons != 1 {
				t.Errorf("got %+v", m)
			}
			if got, err := h.imported(text); got != "2 m1 unchanged\n3 m2 unchanged" || err != nil {
				t.Errorf("the same again is %q, %v", got, err)
			}
		})
	}
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("every line is reported, and a bad one keeps no other from being written", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			h.merchant("m1", boss)
			h.bound("m1", "ming")
			got, err := h.imported("id,phone,name,user,status,persons,last_login\n" +
				"m1,139,商户 m1,boss-m1,,,\n" + // changed in one column
				"m1,140,商户 m1,boss-m1,,,\n" + // and again
				"m1,140,商户 m1,other,,,\n" + // while somebody is bound
				"m2,,,,,,\n" +
				"a/b,,x,,,,\n" +
				"m3,,x,,gone,,\n" +
				"m4,,x,,,many,\n" +
				"m5,,x,,,,yesterday\n" +
				"m6,,x\n" +
				"\n" +
				"m7,,x,,disabled,3,2024-1-2\n" +
				"m8,,x,,0,3,2024-01-02\n")
			want := "5 m2 refused bad_field name\n6 a/b refused bad_field id\n7 m3 refused bad_field status\n8 m4 refused bad_field persons\n" +
				"9 m5 refused bad_field last_login\n10 m6 refused bad_table\n12 m7 refused bad_field last_login"
			rest := ""
			for line := range strings.Lines(got) {
				if strings.Contains(line, "m1") || strings.Contains(line, "m8") {
					rest += line
				} else {
					want = strings.Replace(want, strings.TrimSpace(line), "", 1)
				}
			}
			if err != nil || strings.TrimSpace(want) != "" || rest != "2 m1 updated\n3 m1 updated\n4 m1 refused bad_field user\n13 m8 created" {
				t.Errorf("got %q, %v; missing is %q, and the others are %q", got, err, want, rest)
			}
			if m := h.get("m1"); m.Phone != "140" || m.User != "boss-m1" || m.Login != "m1@example.com" {
				t.Errorf("got %+v", m)
			}
		})
	})
	t.Run("what is no table is refused", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, sqlite)
		for _, text := range []string{"", "name,phone\nx,1\n", "id\x00,name\n", "PK\x03\x04\xff\xff\xfe"} {
			_, err := h.imported(text)
			wantFault(t, err, merchant.FaultTable, "")
		}
	})
}
