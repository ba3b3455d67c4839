package message

import (
	"maps"
	"regexp"
	"slices"
	"time"
)

// Template is a template of an account, as WeChat lists it.
type Template struct {
	AppID    string
	ID       string
	Title    string
	Content  string
	Example  string
	Industry string // "primary/deputy"
	// Approved are the values that fields may have, as operators have copied them from
	// WeChat's console: WeChat lists them nowhere.
	Approved map[string][]string
	// Removed is when WeChat no longer listed it; zero while it does.
	Removed time.Time
}

// placeholder is the place of a field in the content of a template.
var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\.DATA\s*\}\}`)

// Field is a field of a template.
type Field struct {
	Key string
	// Max is how many characters it may have, and What says of which kind.
	Max  int
	What string
	// WhatZH is the same in Chinese.
	WhatZH string
	// Required fields must be given. first and remark are not: WeChat shows them no
	// longer.
	Required bool
	// Approved are its only values; nil for any.
	Approved []string
}

// Fields are the fields in the order in which the content has them, each once.
func (t Template) Fields() []Field {
	var fields []Field
	for _, key := range ParseContent(t.Content) {
		kind := kindOf(key)
		fields = append(fields, Field{Key: key, Max: kind.max, What: kind.what, WhatZH: whatsZH[kind.what], Required: !unshown(key), Approved: t.Approved[key]})
	}
	return fields
}

// ParseContent reads the keys out of a template's content, such as thing4 out of
// "商品：{{thing4.DATA}}": in their order, each once.
func ParseContent(content string) []string {
	var keys []string
	for _, found := range placeholder.FindAllStringSubmatch(content, -1) {
		if key := found[1]; !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Check judges what shall be put into the fields: nil if WeChat will take it as far as
// anybody can tell. Of several faults it returns the first, by the template's order.
func (t Template) Check(data map[string]string) *Fault {
	known := map[string]bool{}
	for _, f := range t.Fields() {
		known[f.Key] = true
		value, given := data[f.Key]
		if !given && !f.Required {
			continue
		}
		if fault := checkField(f.Key, value, f.Approved); fault != nil {
			return fault
		}
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if !known[key] {
			return &Fault{Code: FaultUnknown, Field: key}
		}
	}
	return nil
}

// checkLoose judges fields by their keys alone, where the template isn't known.
func checkLoose(data map[string]string) *Fault {
	if len(data) == 0 {
		return &Fault{Code: FaultOrder, Field: "data", Limit: "a notification has fields"}
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if !fieldKey.MatchString(key) {
			return &Fault{Code: FaultUnknown, Field: key}
		}
		if fault := checkField(key, data[key], nil); fault != nil {
			return fault
		}
	}
	return nil
}
