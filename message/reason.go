package message

// Reason says why a message stands as it does. It is a stable word for programs;
// [Reason.Say] has the sentences for people.
type Reason string

const (
	ReasonNone        Reason = ""
	ReasonUnreachable Reason = "unreachable"    // no address is left
	ReasonUnfollowed  Reason = "unfollowed"     // 43004, 50005
	ReasonRefused     Reason = "refused"        // 43101: no subscription, or one that is used up
	ReasonBlocked     Reason = "blocked"        // 48002, or WeChat's result
	ReasonBlacklisted Reason = "blacklisted"    // 43019
	ReasonLimited     Reason = "user_limited"   // 50001, 50002
	ReasonWindow      Reason = "window_closed"  // 45015
	ReasonTooMany     Reason = "too_many"       // 45047
	ReasonOpenID      Reason = "bad_openid"     // 40003, 49003
	ReasonTemplate    Reason = "template_gone"  // 40036, 40037, 43102
	ReasonData        Reason = "bad_data"       // 47003 and its like
	ReasonPermission  Reason = "not_permitted"  // 48001, 48004, 48008
	ReasonQuota       Reason = "quota"          // 45009: waits for midnight in China
	ReasonRate        Reason = "rate"           // 45011: waits for the next minute
	ReasonUserRate    Reason = "user_rate"      // 43117, or WeChat's result
	ReasonBusy        Reason = "busy"           // WeChat is, or can't be reached
	ReasonAccount     Reason = "account"        // its token can't be had: see the account
	ReasonSystem      Reason = "wechat_failed"  // WeChat's result "system failed", and unknown ones
	ReasonWeChat      Reason = "wechat_refused" // any other code of WeChat
	ReasonUnknown     Reason = "outcome_unknown"
	ReasonContent     Reason = "no_content" // it was erased, or doesn't open
	ReasonTooLate     Reason = "too_late"   // waited for longer than makes sense
)

var sentences = map[Reason][2]string{
	ReasonNone:        {"", ""},
	ReasonUnreachable: {"no account that may send this message reaches the user", "没有可用的公众号能够联系到该用户"},
	ReasonUnfollowed:  {"the user doesn't follow the account: ask him to follow it", "用户未关注该公众号，请让其关注后重发"},
	ReasonRefused:     {"the user hasn't subscribed to such notifications, or his subscription is used up", "用户未订阅此类通知，或订阅次数已用完"},
	ReasonBlocked:     {"the user refuses messages of the account: he has to allow them in WeChat", "用户拒收该公众号的消息，需由用户在公众号资料页中重新允许"},
	ReasonBlacklisted: {"the user is on the account's blacklist: take him off it in WeChat's console", "用户在该公众号的黑名单中，请在公众平台移出"},
	ReasonLimited:     {"WeChat has limited this user", "该微信用户的使用受到限制"},
	ReasonWindow:      {"the time in which the user may be answered is over: use a template message", "已超出可回复用户的时间窗口，请改用模板消息"},
	ReasonTooMany:     {"no more messages until the user does something", "下发条数已达上限，需等待用户再次互动"},
	ReasonOpenID:      {"WeChat doesn't know the user under this openid at this account", "该公众号下没有此 openid"},
	ReasonTemplate:    {"the account doesn't have this template any more: sync the templates, and choose another", "该公众号已没有此模板，请同步模板后另选"},
	ReasonData:        {"WeChat refuses the content of a field: write it otherwise, and send again", "微信拒绝了某个字段的内容，请修改后重新发送"},
	ReasonPermission:  {"the account may not send such messages", "该公众号没有此类消息的权限"},
	ReasonQuota:       {"the account's messages of today are used up: it goes on at midnight in China", "该公众号今日额度已用完，北京时间零点后继续"},
	ReasonRate:        {"the account sends too fast: it goes on in the next minute", "该公众号发送过快，下一分钟继续"},
	ReasonUserRate:    {"the user got too many messages lately: it is tried again later", "该用户近期收到的消息过多，稍后重试"},
	ReasonBusy:        {"WeChat is busy or can't be reached: it is tried again", "微信繁忙或无法连接，将会重试"},
	ReasonAccount:     {"the account's access token can't be had: check the account", "无法取得该公众号的 access_token，请检查公众号配置"},
	ReasonSystem:      {"WeChat could not deliver it", "微信未能送达"},
	ReasonWeChat:      {"WeChat refuses it", "微信拒绝发送"},
	ReasonUnknown:     {"nobody knows whether the last attempt reached WeChat: it is not repeated by itself", "无法确定上一次发送是否成功，不会自动重发"},
	ReasonContent:     {"the content is not there any more, or doesn't open", "消息内容已不存在或无法解密"},
	ReasonTooLate:     {"it could not be sent in two days", "两天内未能发出"},
}

// Say says it in English and Chinese; nothing for no reason.
func (r Reason) Say() (en, zh string) {
	said := sentences[r]
	return said[0], said[1]
}

var states = map[State][2]string{
	Queued:    {"waiting to be sent", "等待发送"},
	Sent:      {"sent", "已发出"},
	Delivered: {"delivered", "已送达"},
	Blocked:   {"refused by the user", "用户拒收"},
	Failed:    {"failed", "发送失败"},
	Dropped:   {"not sent", "未发送"},
	Cancelled: {"cancelled", "已取消"},
}

// Say says it in English and Chinese; nothing for a state that isn't one.
func (s State) Say() (en, zh string) { return states[s][0], states[s][1] }

var kinds = map[Kind][2]string{
	KindTemplate:     {"template messages", "模板消息"},
	KindSubscription: {"subscription messages", "订阅通知"},
	KindCustom:       {"customer service messages", "客服消息"},
}

// Say names it in English and Chinese; nothing for a kind that isn't one.
func (k Kind) Say() (en, zh string) { return kinds[k][0], kinds[k][1] }
