package merchant

// stateNames are what the states of a code are called.
var stateNames = map[State][2]string{
	Waiting:    {"waiting for a scan", "等待扫码"},
	Scanned:    {"scanned, being bound", "已扫码，正在绑定"},
	Bound:      {"bound", "已绑定"},
	Refused:    {"refused", "未能绑定"},
	Expired:    {"expired", "已过期"},
	Superseded: {"superseded by a newer one", "已被新码取代"},
	Cancelled:  {"cancelled", "已作废"},
}

// Say says it in English and Chinese; nothing for a state that isn't one.
func (s State) Say() (en, zh string) { return stateNames[s][0], stateNames[s][1] }

// fieldNames are what the fields of a merchant, a code and a notice are called where staff
// fill them in.
var fieldNames = map[string][2]string{
	"id":         {"Id", "编号"},
	"name":       {"Name", "名称"},
	"login":      {"Login", "登录账号"},
	"contact":    {"Contact", "联系人"},
	"phone":      {"Phone", "电话"},
	"status":     {"State", "商户状态"},
	"persons":    {"Persons", "可绑定人数"},
	"user":       {"User id", "用户 ID"},
	"sites":      {"Sites", "站点"},
	"registered": {"Registered", "注册时间"},
	"last_login": {"Last login", "最后登录"},
	"slot":       {"Who is bound", "绑定者"},
	"life":       {"How long it is good", "有效期"},
	"merchants":  {"Merchants", "商户"},
	"not_before": {"When", "发送时间"},
	"url":        {"Link", "链接"},
	"mini_path":  {"Path in the mini program", "小程序路径"},
}

// FieldName names a field of a merchant, a code or a notice in English and Chinese; one that
// it doesn't know is named as it is.
func FieldName(field string) (en, zh string) {
	if names, known := fieldNames[field]; known {
		return names[0], names[1]
	}
	return field, field
}

// limits are what a field may be, in Chinese.
var limits = map[string]string{
	"it is required": "必填",
	"1 to 64 letters, digits, dots, dashes and underscores":     "1–64 个字母、数字、点、短横线或下划线",
	"1 to 100 characters in one line":                           "1–100 个字符，不能换行",
	"at most 64 characters in one line":                         "最多 64 个字符，不能换行",
	"at most 32 characters in one line":                         "最多 32 个字符，不能换行",
	"normal or disabled":                                        "只能是正常或停用",
	"1 to 20":                                                   "1–20",
	"1 to 64 visible ASCII characters":                          "1–64 个可见的 ASCII 字符",
	"at most 100":                                               "最多 100 个",
	"ids of sites":                                              "应为站点 ID",
	"ids of merchants":                                          "应为商户编号",
	"1 to 500 merchants at once":                                "每次 1–500 个商户",
	"either some, or all":                                       "请选择部分商户或全部商户之一",
	"at most 1000, or all":                                      "最多 1000 个，或选择全部",
	"at most a year ahead":                                      "最多提前一年",
	"1 minute to 30 days":                                       "1 分钟至 30 天",
	"60 to 2592000 seconds":                                     "60–2592000 秒",
	"an http or https address of at most 2048 bytes":            "应为 http 或 https 地址，最多 2048 字节",
	"at most 2048 bytes, and only with mini_appid":              "最多 2048 字节，且须填写 mini_appid",
	"a time such as 2024-09-22 15:01":                           "应为时间，例如 2024-09-22 15:01",
	"at most 64 bytes of text":                                  "最多 64 字节的文本",
	"one that somebody has":                                     "请选择当前的绑定者",
	"it can't be changed while somebody is bound: unbind first": "已有绑定时不能修改，请先解绑",
	"it is longer than 64 MB":                                   "超过 64 MB",
	"it has no header":                                          "缺少列名行",
	"it is no text in UTF-8 or GBK: save it as CSV":             "不是 UTF-8 或 GBK 文本，请另存为 CSV",
	"no column is called id or 商户编号":                            "没有名为 id 或 商户编号 的列",
	"a quote is not closed, or stands inside a field":           "引号未闭合或位置有误",
	"the row has more or fewer fields than the header":          "该行的列数与列名行不一致",
	ErrChanged.Error():                                          "其他人刚刚修改过",
}

// chinese says a limit, or a state, in Chinese; one that isn't ours stays as it is.
func chinese(limit string) string {
	if zh, known := limits[limit]; known {
		return zh
	}
	if _, zh := State(limit).Say(); zh != "" {
		return zh
	}
	return limit
}
