// Package push is the wire format of what WeChat's server pushes to an account's
// callback URL: the check of the URL, messages and events, plain and encrypted, and
// the replies to them (wechat-api.md §8, §9).
//
// [Keys.Open] turns a request into a [Message], or says in a [Refusal] what is wrong
// with it. [Keys.Post] writes a message as WeChat would post it to somebody with keys
// of his own, [Keys.Seal] a reply as WeChat reads it.
//
// Which mode an account is in is decided by its configuration, never by the request:
// one who could choose would choose the mode that is easiest to forge.
//
// The package reads no network and no clock, and logs nothing.
package push
