// Package wechat is a client of WeChat's web login for Official Accounts, and
// knows WeChat's browsers by their User-Agent.
//
// A login goes like this: [Client.AuthorizeURL] sends the visitor to WeChat,
// WeChat sends him back with a code, [Client.Exchange] turns the code into a
// [Grant], and [Client.UserInfo] asks for the nickname if he consented to that.
//
// Three rules shape the package:
//
//   - A code works once. A request with a code is sent again only if the first
//     one surely never left, or if WeChat said that it was too busy to look.
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
