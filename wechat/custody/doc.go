// Package custody keeps the access tokens of WeChat accounts, and their tickets for
// the JS-SDK, for all nodes of a gateway.
//
// A token belongs to the account, not to a process: whoever gets a new one may kill
// the one that others use, and all the known ways to lose tokens come from two who do
// it at once (wechat-api.md §16). So there are these rules:
//
//   - One node at a time gets an account's token: it takes a lease, then looks again
//     whether another one was faster, then asks WeChat.
//   - What it got is written with the fence of its lease, so that a node that slept
//     through the end of its lease overwrites nothing newer.
//   - The old token is served until the new one is there, and until its own end if
//     WeChat can't be reached. It is never deleted first. Beyond its end it is not
//     served: that WeChat takes the old one for five minutes more is certain only to
//     whoever holds the new one.
//   - A token found dead is compared with the one in custody: if that is another one
//     by now, there is nothing to get. A call is repeated once.
//
// The stable kind of token (wechat-api.md §4.2) is in [cluster.Shared], and may be
// lost: WeChat gives the same one again. Each new token of the legacy kind (§4.1)
// retires the one before, so that kind is in the facts, in a row that only one node
// may write. Both are sealed, and what doesn't open is no token.
//
// A token is renewed after 80 to 90 % of its life, at another moment for each account
// and node. WeChat then gives the same stable token again, with what is left of its
// life, until the last five minutes. Asking as early as that costs one call more in two
// hours, and is how an operator hears a quarter of an hour in advance that his secret
// or his IP whitelist is wrong.
package custody
