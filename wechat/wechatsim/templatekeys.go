package wechatsim

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z_]+[0-9]*)\.DATA\s*\}\}`)

// keys are the names of the values that a template wants, in its order.
func (t Template) keys() []string {
	keys := []string{}
	for _, m := range placeholder.FindAllStringSubmatch(t.Content, -1) {
		if !slices.Contains(keys, m[1]) {
			keys = append(keys, m[1])
		}
	}
	return keys
}

const day = `(?:\d{4}年\d{1,2}月\d{1,2}日|\d{4}[-/]\d{1,2}[-/]\d{1,2})`

// valueKinds are the kinds of values by the names of their placeholders, without
// the digits (wechat-api.md §10.1).
var valueKinds = map[string]func(string) bool{
	"thing":            atMost(20),
	"short_thing":      atMost(5),
	"character_string": matches(`^[\x20-\x7e]{1,32}$`),
	"time":             matches(`^(?:` + day + `(?: ?\d{1,2}:\d{2}(?::\d{2})?)?|\d{1,2}:\d{2}(?::\d{2})?)(?: ?~ ?(?:` + day + ` ?)?(?:\d{1,2}:\d{2}(?::\d{2})?)?)?$`),
	"date":             matches(`^` + day + `(?: ?\d{1,2}:\d{2}(?::\d{2})?)?(?: ?~ ?` + day + `(?: ?\d{1,2}:\d{2}(?::\d{2})?)?)?$`),
	"amount":           matches(`^\p{Sc}?\d{1,12}(?:\.\d{1,2})?元?$`),
	"phone_number":     matches(`^[0-9+\-() ]{1,17}$`),
	"car_number":       atMost(8),
	"const":            atMost(20),
	"enum_string":      atMost(20),
	"phrase":           matches(`^\p{Han}{1,5}$`),
	"number":           matches(`^\d{1,32}(?:\.\d+)?$`),
	"letter":           matches(`^[A-Za-z]{1,32}$`),
	"symbol":           matches(`^[^\p{L}\p{N}]{1,5}$`),
	"name":             isName,
}

func atMost(n int) func(string) bool {
	return func(s string) bool { return s != "" && utf8.RuneCountInString(s) <= n }
}

func matches(form string) func(string) bool { return regexp.MustCompile(form).MatchString }

// isName is up to 10 characters of a Chinese name, or 20 of a Latin one.
func isName(s string) bool {
	most := 20
	if regexp.MustCompile(`\p{Han}`).MatchString(s) {
		most = 10
	}
	return s != "" && utf8.RuneCountInString(s) <= most
}

// kindOfKey is what a key's value has to be; nil if the key is of no kind.
func kindOfKey(key string) func(string) bool {
	return valueKinds[strings.TrimRight(key, "0123456789")]
}

// oldKey says whether a key is of the templates before 2023, whose values are cut
// instead of refused; first and remark are not even shown.
func oldKey(key string) bool {
	return key == "first" || key == "remark" || strings.TrimRight(key, "0123456789") == "keyword"
}

// maxOldValue is where the value of an old template is cut, in characters.
const maxOldValue = 20

// fit checks the values against the template, in its order. It returns what the
// person sees, or the key of the first value that doesn't fit.
func (t Template) fit(values map[string]string) (lines []Line, wrong string) {
	for _, row := range strings.Split(t.Content, "\n") {
		m := placeholder.FindStringSubmatch(row)
		if m == nil {
			continue
		}
		key := m[1]
		value := values[key]
		label := strings.TrimRight(strings.TrimSpace(row[:strings.Index(row, "{{")]), "：:")
		if oldKey(key) {
			if key == "first" || key == "remark" {
				continue
			}
			value = strings.NewReplacer("\n", "", "\r", "").Replace(value)
			if runes := []rune(value); len(runes) > maxOldValue {
				value = string(runes[:maxOldValue])
			}
			lines = append(lines, Line{label, value})
			continue
		}
		fits := kindOfKey(key)
		if fits == nil || !fits(value) || !t.allows(key, value) || strings.ContainsAny(value, "\r\n") {
			return nil, key
		}
		lines = append(lines, Line{label, value})
	}
	return lines, ""
}

// allows says whether a value is one of the words of its key, if there are any.
func (t Template) allows(key, value string) bool {
	words, limited := t.Words[key]
	return !limited || slices.Contains(words, value)
}

// library are the templates that an account can pick from: a few of each kind.
// The example is what a message looks like.
var library = []Template{
	{
		Short: "43216", Title: "订单状态通知",
		Content: "订单编号:{{character_string1.DATA}}\n商品名称:{{thing2.DATA}}\n订单金额:{{amount3.DATA}}\n订单状态:{{const4.DATA}}\n下单时间:{{time5.DATA}}\n",
		Example: "订单编号:A20240922001\n商品名称:巧克力\n订单金额:39.8元\n订单状态:已发货\n下单时间:2024年9月22日 15:01\n",
		Words:   map[string][]string{"const4": {"已付款", "已发货", "已完成", "已取消"}},
	},
	{
		Short: "43217", Title: "登录成功通知",
		Content: "登录账号:{{thing1.DATA}}\n登录时间:{{time2.DATA}}\n登录地点:{{thing3.DATA}}\n",
		Example: "登录账号:小明\n登录时间:2024年9月22日 15:01\n登录地点:上海\n",
	},
	{
		Short: "43218", Title: "预约提醒",
		Content: "预约人:{{name1.DATA}}\n联系电话:{{phone_number2.DATA}}\n预约时间:{{time3.DATA}}\n车牌号:{{car_number4.DATA}}\n状态:{{phrase5.DATA}}\n",
		Example: "预约人:张三\n联系电话:13800138000\n预约时间:2024年9月22日 15:01~16:30\n车牌号:粤A8Z888\n状态:已确认\n",
	},
	{
		Short: "OPENTM201490080", Title: "旧版订单通知",
		Content: "{{first.DATA}}\n订单编号:{{keyword1.DATA}}\n订单状态:{{keyword2.DATA}}\n{{remark.DATA}}\n",
		Example: "您好\n订单编号:A1\n订单状态:已付款\n谢谢\n",
	},
	{
		Short: "30001", Title: "活动开始提醒", Subscription: true,
		Content: "活动名称:{{thing1.DATA}}\n开始时间:{{date2.DATA}}\n参加人:{{name3.DATA}}\n",
		Example: "活动名称:读书会\n开始时间:2024-09-22 15:01\n参加人:李娜\n",
	},
}

// startTemplates are those of the library that every account begins with, so that
// something can be sent at once.
var startTemplates = []string{"43216", "43217", "30001"}
