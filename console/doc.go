// Package console is the page on which staff keep merchants, bind them to WeChat, send them
// notices, and see how accounts stand.
//
// It is rendered on the server, in Chinese and English, and needs nothing from elsewhere.
// What it does is done by the same methods as the HTTP API.
//
// # Staff
//
// Everybody has a name, a password and a [Role]; what a role may do stands in one table,
// which every request is held against. Nobody is given a password: who is added, or has
// forgotten his, gets a code that lets him choose one, once, within a day ([Console.Add],
// [Console.Reset]). Where nobody is yet, the first visitor finds such a code in a file on
// the gateway, as who can read that can do everything anyway.
//
// # Sessions
//
// Who has a second factor gives a code of it as well: until then he has half of a session,
// which opens nothing. A code is good once.
//
// A session is a random token in a cookie, of which the digest alone is kept. It ends
// after [Idle] without use, after [Longest] in any case, with a new password, and when
// somebody ends it. Who he is and what he may do is read anew for each request.
//
// # Against other pages
//
// No other site can have a browser do anything here: the cookie stays with us, a request
// that says it comes from elsewhere is refused, and every form of somebody who is signed
// in carries a word that only his own pages know. Nothing runs in a page that we didn't
// write.
//
// # The journal
//
// Whatever somebody wants to change is written down before it is tried, and afterwards
// what came of it. The history of a merchant names staff as staff:<name>.
package console
