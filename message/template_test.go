package message

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestParseContent(t *testing.T) {
	t.Parallel()
	for content, want := range map[string][]string{
		"": nil,
		"商品：{{thing4.DATA}}\n金额：{{amount2.DATA}}":                          {"thing4", "amount2"},
		"{{first.DATA}}\n订单：{{keyword1.DATA}}\n{{remark.DATA}}":            {"first", "keyword1", "remark"},
		"{{ thing1.DATA }}{{thing1.DATA}}":                                 {"thing1"},
		"{{thing1.data}} {{.DATA}} {{4.DATA}} {thing1.DATA} {{thing1.DATA": nil,
		"{{{{character_string21.DATA}}}}":                                  {"character_string21"},
	} {
		if got := ParseContent(content); !slices.Equal(got, want) {
			t.Errorf("%q has %q, want %q", content, got, want)
		}
	}
}

func FuzzParseContent(f *testing.F) {
	for _, seed := range []string{"", "商品：{{thing4.DATA}}\n", "{{first.DATA}}{{remark.DATA}}", "{{a.DATA}}{{a.DATA}}", "{{", "}}{{x.DATA}}{{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		keys := ParseContent(content)
		for i, key := range keys {
			if !fieldKey.MatchString(key) || !strings.Contains(content, key+".DATA") || slices.Contains(keys[:i], key) {
				t.Fatalf("key %q of %q", key, content)
			}
		}
		// What is filled in by the template's own word is not refused for its fields.
		data := map[string]string{}
		for _, f := range (Template{Content: content}).Fields() {
			data[f.Key] = fitting1(f.Key)
		}
		if fault := (Template{Content: content}).Check(data); fault != nil {
			t.Fatalf("%q with %q: %v", content, data, fault)
		}
	})
}

// fitting1 is a value that fits a field.
func fitting1(key string) string {
	switch kind := strings.TrimRight(key, "0123456789"); kind {
	case "time", "date":
		return "2024年9月22日 15:01"
	case "amount", "number", "phone_number":
		return "39"
	case "phrase":
		return "配送中"
	case "symbol":
		return "+"
	}
	return "abc"
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ten, twenty := strings.Repeat("字", 10), strings.Repeat("字", 20)
	for _, x := range []struct {
		key       string
		fit, not  []string
		otherwise string // the code of the faults of not
	}{
		{"thing1", []string{"巧克力", twenty, "a,b😀"}, []string{twenty + "一"}, FaultTooLong},
		{"thing1", nil, []string{"two\nlines", "a\x00b", "\xff"}, FaultKind},
		{"short_thing1", []string{"一二三四五"}, []string{"一二三四五六"}, FaultTooLong},
		{"character_string1", []string{"A-1/b#", strings.Repeat("a", 32)}, []string{"订单1", "é"}, FaultKind},
		{"character_string1", nil, []string{strings.Repeat("a", 33)}, FaultTooLong},
		{"time1", []string{"2024年9月22日 15:01", "2024-09-22 15:01", "15:01", "15:01~16:30", "2024年9月22日 15:01~2024年9月22日 16:30"}, []string{"tomorrow", "2024-13-01", "25:00", "22.9.2024"}, FaultKind},
		{"date1", []string{"2024年9月22日", "2024-09-22", "2024-09-22 15:01:59", "2024-9-1~2024-9-2"}, []string{"15:01", "2024-09", "2024-00-10"}, FaultKind},
		{"amount1", []string{"39.8元", "¥100", "￥0.01", "123456789012"}, []string{"much", "1234567890123", "1,000", "39.", "元"}, FaultKind},
		{"phone_number1", []string{"+86-0766-66888866", "13800138000"}, []string{"call me", "１２３"}, FaultKind},
		{"phone_number1", nil, []string{"123456789012345678"}, FaultTooLong},
		{"car_number1", []string{"粤A8Z888挂"}, []string{"粤A8Z888888挂"}, FaultTooLong},
		{"phrase1", []string{"配送中"}, []string{"sent", "配送中!"}, FaultKind},
		{"phrase1", nil, []string{"一二三四五六"}, FaultTooLong},
		{"number1", []string{"1", "3.14"}, []string{"one", "-", "1e3"}, FaultKind},
		{"letter1", []string{"abc"}, []string{"a1", "字"}, FaultKind},
		{"symbol1", []string{"+-"}, []string{"a", "1"}, FaultKind},
		{"name1", []string{ten, strings.Repeat("n", 20), "Anna Smith"}, []string{ten + "一"}, FaultKind},
		{"name1", nil, []string{strings.Repeat("n", 21)}, FaultTooLong},
		{"keyword1", []string{twenty}, []string{twenty + "一"}, FaultTooLong},
		{"const1", []string{"已发货"}, []string{twenty + "一"}, FaultTooLong},
		{"first", []string{strings.Repeat("长", 300), ""}, nil, ""},
	} {
		template := Template{Content: "{{" + x.key + ".DATA}}"}
		for _, value := range x.fit {
			if fault := template.Check(map[string]string{x.key: value}); fault != nil {
				t.Errorf("%s refuses %q: %v", x.key, value, fault)
			}
		}
		for _, value := range x.not {
			fault := template.Check(map[string]string{x.key: value})
			if fault == nil || fault.Code != x.otherwise || fault.Field != x.key || fault.Limit == "" {
				t.Errorf("%s says of %q: %+v, want %s", x.key, value, fault, x.otherwise)
			}
		}
	}
	t.Run("a field may be held to the values that were approved", func(t *testing.T) {
		t.Parallel()
		template := Template{Content: "{{const1.DATA}}{{thing2.DATA}}", Approved: map[string][]string{"const1": {"已发货", "已签收"}}}
		if fault := template.Check(map[string]string{"const1": "已签收", "thing2": "x"}); fault != nil {
			t.Error(fault)
		}
		fault := template.Check(map[string]string{"const1": "已丢失", "thing2": "x"})
		if fault == nil || fault.Code != FaultValue || fault.Field != "const1" || !strings.Contains(fault.Limit, "已签收") {
			t.Errorf("got %+v", fault)
		}
	})
	t.Run("what is accepted has every field, no other, and none above its limit", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, accepted)
	})
}

func accepted(t *rapid.T) {
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"thing1", "thing2", "phrase3", "number4", "first", "keyword5", "name6", "character_string7"}), 1, 5, rapid.ID[string]).Draw(t, "keys")
	template := Template{}
	for _, key := range keys {
		template.Content += "行：{{" + key + ".DATA}}\n"
	}
	data := rapid.MapOfN(rapid.SampledFrom(append(slices.Clone(keys), "thing9")), rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("字a1+\n😀")), 0, 36, -1), rapid.Just("abc"), rapid.Just("字"), rapid.Just("12"),
	), 0, 6).Draw(t, "data")
	fault := template.Check(data)
	wrong := ""
	for key, value := range data {
		if !slices.Contains(keys, key) || !unshown(key) && (utf8.RuneCountInString(value) > kindOf(key).max || value == "" || strings.Contains(value, "\n")) {
			wrong = key
		}
	}
	for _, key := range keys {
		if _, given := data[key]; !given && !unshown(key) {
			wrong = key
		}
	}
	switch {
	case fault == nil && wrong != "":
		t.Fatalf("%q was accepted with %q, although %s is wrong", template.Content, data, wrong)
	case fault != nil && fault.Field == "":
		t.Fatalf("the fault %+v names no field", fault)
	}
	if fault != nil {
		if en, zh := fault.Say(); !strings.Contains(en, fault.Field) || !strings.Contains(zh, fault.Field) {
			t.Fatalf("the fault says %q, %q", en, zh)
		}
	}
}
