// Package identity answers one question: who is that, for us?
//
// WeChat proves an openid per account and sometimes a unionid per open-platform
// account. A business knows user ids. Between the two stand a few rules, kept
// here and nowhere else:
//
//   - A stranger gets a virtual user id that is derived from his openid, so that
//     two nodes that see him at once mint the same one.
//   - A unionid leads to exactly one live user within a subject; a real user beats
//     a virtual one, and of two virtual ones the older lives.
//   - An openid without a unionid never leads to a real user.
//   - A retired id forwards for ever, and its retirement is an event, written in
//     the transaction that causes it.
//   - A conflict changes nothing.
//
// Start with [decide], a pure function from what is known and what is claimed to
// what shall be written. [Centre] loads, decides, applies and tries again when
// somebody was faster. A [Store] keeps the facts; it decides nothing.
//
// What an upstream is told of all this is a [Token]. [Keys] signs it, with keys that
// live sealed in the facts and rotate by themselves; [Verify] is the other end.
// [Sealer] seals everything that must not be read outside, under the master key.
//
// The package does no I/O: no HTTP, no SQL, no files, no logging.
package identity
