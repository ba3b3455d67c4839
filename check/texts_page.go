package check

// textsOfPages are the codes of what a visitor's browser and WeChat's pushes meet.
var textsOfPages = map[string]text{
	"verify_ok": {said: Text{"{} is answered.", "{} 可正常访问。"}},
	"verify_unset": {
		look,
		Text{"No code of WeChat's domain check is configured.", "未配置微信的域名校验码。"},
		Text{"At " + features + " → 网页授权域名 → 设置 WeChat offers MP_verify_….txt: write the 16 letters and digits of its name into `verify`.", "在 " + features + " → 网页授权域名 → 设置 中下载 MP_verify_….txt，将文件名中的 16 位字符填入 `verify`。"},
	},
	"verify_missing": {
		bad,
		Text{"The file of WeChat's domain check is not there: {}.", "域名校验文件不存在：{}。"},
		Text{"Let the origin's site block have `wsite` before anything that answers by itself, and write the code into `verify`.", "请确保该域名的站点块中 `wsite` 位于其他处理器之前，并将校验码填入 `verify`。"},
	},
	"verify_wrong": {
		bad,
		Text{"{} is answered by something else than its code.", "{} 的内容与校验码不符。"},
		Text{"Look for a file of that name, or for a page that answers every path, in front of the gateway.", "请检查网关之前是否有同名文件，或对任意路径都返回页面的服务。"},
	},
	"verify_redirected": {
		bad,
		Text{"{} is redirected; WeChat doesn't follow.", "{} 被重定向，微信不会跟随。"},
		Text{"Answer it on the very host that is registered at " + features + " → 网页授权域名.", "请在 " + features + " → 网页授权域名 所登记的同一域名上直接返回该文件。"},
	},
	"origin_unreachable": {
		bad,
		Text{"{} doesn't answer.", "{} 无法访问。"},
		Text{"Check its DNS record, its certificate and the firewall; WeChat comes from the internet.", "请检查域名解析、证书与防火墙；微信从公网访问。"},
	},

	"callback_ok": {said: Text{"WeChat takes {} as the place that logins come back to.", "微信接受 {} 作为网页授权回调域名。"}},
	"callback_unjudged": {
		look,
		Text{"WeChat has neither refused {} nor gone on: it tells only a phone.", "微信既未拒绝 {}，也未继续：只有在手机微信中才能看到结果。"},
		Text{"Open a page of a site in WeChat, and compare {} with " + features + " → 网页授权域名.", "请在手机微信中打开一个页面，并将 {} 与 " + features + " → 网页授权域名 核对。"},
	},
	"callback_malformed": {
		bad,
		Text{"The callback address or the app id can't be sent to WeChat.", "回调地址或 AppID 的格式无法提交给微信。"},
		Text{"Check `origin` and the app id.", "请检查 `origin` 与 AppID。"},
	},
	"callback_domain_wrong": {
		bad,
		Text{"WeChat refuses to send logins back to {} (10003): the host is not one of the account's.", "微信拒绝回调到 {}（10003）：与后台配置的域名不一致。"},
		Text{"Add {} at " + features + " → 网页授权域名: the bare host, without https:// and without a port; www. counts. For a website application: open.weixin.qq.com → 管理中心 → 授权回调域.", "在 " + features + " → 网页授权域名 中加入 {}：只填域名，不带 https:// 与端口，www 亦须一致。网站应用请在 open.weixin.qq.com → 管理中心 → 授权回调域 设置。"},
	},
	"scope_refused": {
		bad,
		Text{"The account has no right to sign visitors in (10005).", "该账号没有网页授权权限（10005）。"},
		Text{"Only verified service accounts have it: verify at " + verified + ", then look at " + rights + " → 网页授权; a subscription account is configured with `kind subscription`.", "仅已认证的服务号具备：在 " + verified + " 完成认证，再查看 " + rights + " → 网页授权；订阅号请配置 `kind subscription`。"},
	},
	"account_banned": {
		bad,
		Text{"The account is banned (10004).", "该账号已被封禁（10004）。"},
		Text{"Read the notice at mp.weixin.qq.com: 首页 → 通知中心, and appeal there.", "请在 mp.weixin.qq.com 首页 → 通知中心 查看通知并申诉。"},
	},
	"followers_only": {
		look,
		Text{"This is a test account: only its followers can sign in (10006).", "这是测试号：只有关注者才能登录（10006）。"},
		Text{"Follow it by the QR code of its console page.", "请先扫描测试号管理页中的二维码关注。"},
	},
	"login_too_often": {
		look,
		Text{"WeChat's login page was opened too often (10009).", "登录页打开过于频繁（10009）。"},
		Text{"Check again in a minute.", "请一分钟后再检查。"},
	},
	"platform_unauthorized": {
		bad,
		Text{"The account hasn't authorised the third-party platform that signs its visitors in (10015).", "该账号未授权给代其登录的第三方平台（10015）。"},
		Text{"Authorise it at open.weixin.qq.com, or take the account back: " + "设置与开发 → 账号设置 → 授权管理.", "请重新授权，或在 设置与开发 → 账号设置 → 授权管理 中取消授权。"},
	},
	"appid_of_other_kind": {
		bad,
		Text{"This app id is of a website or an app at the open platform, not of an Official Account (10016).", "此 AppID 属于开放平台的网站或移动应用，不是公众号（10016）。"},
		Text{"Use the app id of " + basics + ", or configure `kind web` or `kind app`.", "请使用 " + basics + " 中的 AppID，或配置 `kind web`、`kind app`。"},
	},
	"login_broken": {
		bad,
		Text{"WeChat's login page refuses the login to {}.", "微信登录页拒绝了到 {} 的登录。"},
		Text{"Compare the app id with " + basics + " and the host with " + features + " → 网页授权域名.", "请将 AppID 与 " + basics + "、域名与 " + features + " → 网页授权域名 核对。"},
	},

	"push_network_ok": {said: Text{"WeChat reaches the server that it pushes to, at {}.", "微信可连通推送服务器 {}。"}},
	"push_no_name": {
		bad,
		Text{"WeChat finds no address for the server that it pushes to ({}).", "微信无法解析推送服务器的域名（{}）。"},
		Text{"Check the name at " + basics + " → 服务器配置 → 服务器地址(URL), and its DNS records as seen from China.", "请核对 " + basics + " → 服务器配置 → 服务器地址(URL)，并检查该域名在国内的解析。"},
	},
	"push_no_ping": {
		look,
		Text{"WeChat gets no ping back from {}; that need not mean anything where pings are blocked.", "微信 ping 不通 {}；若服务器禁 ping，可忽略。"},
		Text{"If pushes stay away, let the addresses of getcallbackip through the firewall.", "若收不到推送，请在防火墙放行 getcallbackip 返回的地址。"},
	},
	"push_ok": {said: Text{"The push address at {} answers as WeChat wants it.", "推送地址 {} 的应答符合微信要求。"}},
	"push_malformed": {
		bad,
		Text{"The push address is no address.", "推送地址格式错误。"},
		Text{"Check `origin`, and compare with " + basics + " → 服务器配置 → 服务器地址(URL).", "请检查 `origin`，并与 " + basics + " → 服务器配置 → 服务器地址(URL) 核对。"},
	},
	"push_port": {
		bad,
		Text{"WeChat pushes to the ports 80 and 443 alone, not to {}.", "微信只推送到 80 与 443 端口，不支持 {}。"},
		Text{"Serve the address on port 443, and save it at " + basics + " → 服务器配置 → 服务器地址(URL).", "请在 443 端口提供服务，并保存到 " + basics + " → 服务器配置 → 服务器地址(URL)。"},
	},
	"push_unreachable": {
		bad,
		Text{"The push address at {} doesn't answer.", "推送地址 {} 无法访问。"},
		Text{"Check its DNS record, its certificate and the firewall; WeChat comes from the internet.", "请检查域名解析、证书与防火墙；微信从公网访问。"},
	},
	"push_redirected": {
		bad,
		Text{"The push address at {} is redirected, which WeChat takes for a failure.", "推送地址 {} 被重定向，微信视为失败。"},
		Text{"Save the final address, with https and the right host, at " + basics + " → 服务器配置 → 服务器地址(URL).", "请将最终地址（https 与正确的域名）保存到 " + basics + " → 服务器配置 → 服务器地址(URL)。"},
	},
	"push_refused": {
		bad,
		Text{"The push address refused a signed request with the status {}.", "推送地址以状态码 {} 拒绝了已签名的请求。"},
		Text{"Let the token in `push` be that of " + basics + " → 服务器配置 → 令牌(Token), and the address lead to `wsite`.", "请确保 `push` 中的 token 与 " + basics + " → 服务器配置 → 令牌(Token) 一致，且该地址由 `wsite` 处理。"},
	},
	"push_wrong_echo": {
		bad,
		Text{"Something else than the gateway answers the push address at {}: it didn't return the echo.", "推送地址 {} 由其他程序应答：未原样返回 echostr。"},
		Text{"Let the address at " + basics + " → 服务器配置 lead to `wsite`, with nothing in front that answers or adds to the body.", "请确保 " + basics + " → 服务器配置 中的地址由 `wsite` 处理，前面没有其他程序应答或改写内容。"},
	},
}
