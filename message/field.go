package message

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fieldKind is what WeChat takes in the fields whose keys begin with a word
// (wechat-api.md §10.1).
type fieldKind struct {
	max  int // characters, not bytes
	what string
	fit  func(string) bool // nil for anything
}

const (
	day   = `(\d{4}年(0?[1-9]|1[0-2])月(0?[1-9]|[12]\d|3[01])日|\d{4}[-/](0?[1-9]|1[0-2])[-/](0?[1-9]|[12]\d|3[01]))`
	clock = `([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?`
)

var (
	dates   = span(day + `( ?` + clock + `)?`)
	moments = span(`(` + day + `( ?` + clock + `)?|` + clock + `)`)
	amounts = regexp.MustCompile(`^\p{Sc}?\d{1,12}(\.\d{1,2})?元?$`)
	phones  = regexp.MustCompile(`^[0-9+\-() ]+$`)
	numbers = regexp.MustCompile(`^\d+(\.\d+)?$`)
	letters = regexp.MustCompile(`^[A-Za-z]+$`)
	ascii   = regexp.MustCompile(`^[\x20-\x7e]+$`)
	symbols = regexp.MustCompile(`^[^\pL\pN\s]+$`)
	han     = regexp.MustCompile(`^\p{Han}+$`)
)

// span matches one moment, or two with a tilde between them.
func span(moment string) *regexp.Regexp {
	return regexp.MustCompile(`^` + moment + `( ?~ ?` + moment + `)?$`)
}

var fieldKinds = map[string]fieldKind{
	"thing":            {20, "characters of any kind", nil},
	"short_thing":      {5, "characters of any kind", nil},
	"character_string": {32, "ASCII letters, digits and symbols", ascii.MatchString},
	"time":             {50, "a time such as 2024-09-22 15:01", moments.MatchString},
	"date":             {50, "a date such as 2024-09-22", dates.MatchString},
	"amount":           {24, "an amount such as ¥39.80 or 39.8元", amounts.MatchString},
	"phone_number":     {17, "digits and symbols of a phone number", phones.MatchString},
	"car_number":       {8, "characters of a number plate", nil},
	"const":            {20, "a value approved for the template", nil},
	"enum_string":      {20, "a value approved for the template", nil},
	"phrase":           {5, "Chinese characters", han.MatchString},
	"number":           {32, "digits", numbers.MatchString},
	"letter":           {32, "Latin letters", letters.MatchString},
	"symbol":           {5, "symbols", symbols.MatchString},
	"name":             {20, "10 Chinese characters, or 20 others", fitsName},
}

// whatsZH say what a field takes in Chinese.
var whatsZH = map[string]string{
	"characters of any kind":               "任意字符",
	"ASCII letters, digits and symbols":    "英文字母、数字和符号",
	"a time such as 2024-09-22 15:01":      "时间，例如 2024-09-22 15:01",
	"a date such as 2024-09-22":            "日期，例如 2024-09-22",
	"an amount such as ¥39.80 or 39.8元":    "金额，例如 ¥39.80 或 39.8元",
	"digits and symbols of a phone number": "电话号码",
	"characters of a number plate":         "车牌号",
	"a value approved for the template":    "模板已审核的取值",
	"Chinese characters":                   "汉字",
	"digits":                               "数字",
	"Latin letters":                        "英文字母",
	"symbols":                              "符号",
	"10 Chinese characters, or 20 others":  "10 个汉字，或 20 个其他字符",
}

// untyped are the fields of templates from before May 2023. WeChat cuts what is longer
// and shows no line break, so it is refused rather than shown in part.
var untyped = fieldKind{20, "characters of any kind", nil}

// fitsName: names with Chinese characters are shorter.
func fitsName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) || utf8.RuneCountInString(s) <= 10
}

// kindOf is the kind of a field. Its key is a word and a number: thing4.
func kindOf(key string) fieldKind {
	if k, ok := fieldKinds[strings.TrimRight(key, "0123456789")]; ok {
		return k
	}
	return untyped
}

// unshown are fields that WeChat takes and doesn't show, since May 2023.
func unshown(key string) bool { return key == "first" || key == "remark" }

// checkField judges one value. approved are the values that it may have; nil for any.
func checkField(key, value string, approved []string) *Fault {
	kind := kindOf(key)
	switch {
	case unshown(key):
		return nil
	case value == "":
		return &Fault{Code: FaultMissing, Field: key}
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return &Fault{Code: FaultKind, Field: key, Limit: "one line of text"}
	case approved != nil && !slices.Contains(approved, value):
		return &Fault{Code: FaultValue, Field: key, Limit: strings.Join(approved, ", ")}
	case utf8.RuneCountInString(value) > kind.max:
		return &Fault{Code: FaultTooLong, Field: key, Limit: strconv.Itoa(kind.max) + " characters"}
	case kind.fit != nil && !kind.fit(value):
		return &Fault{Code: FaultKind, Field: key, Limit: kind.what}
	}
	return nil
}
