// Package wechat is a client of what an account needs from WeChat: the web login
// of visitors, the account's tokens and tickets, its followers, QR codes, messages
// and templates, mini programs, and the tools around quotas. It knows WeChat's
// browsers by their User-Agent.
//
// A login goes like this: [Client.AuthorizeURL] sends the visitor to WeChat,
// WeChat sends him back with a code, [Client.Exchange] turns the code into a
// [Grant], and [Client.UserInfo] asks for the nickname if he consented to that.
//
// Everything else is called in an account's name, by a [Bearer]: the account's
// token comes from [Client.StableToken], and somebody must keep it, for the client
// doesn't. [Error] says when it is dead, [Client.Usage] what was called, and
// [Client.Raw] calls what has no method here.
//
// Three rules shape the package:
//
//   - A code works once. A request with a code is sent again only if the first
//     one surely never left, or if WeChat said that it was too busy to look; a
//     message that WeChat can't tell from its repetition, not even then.
//   - Whatever WeChat answers is checked. An accepted grant has a well-formed
//     openid; anything else is an [Error] that tells by its [Class] what to do.
//   - A secret, a code, a token or a whole openid never gets into an error or
//     into a formatted value.
//
// Network trouble moves a call to the next host of [Config.Hosts]; an error code
// never does, since all hosts answer alike (wechat-api.md §5).
//
// The package logs nothing and reads no environment.
package wechat
