// Package inbox is the durable queue of what WeChat's server pushes to accounts, and
// what is done with it.
//
// [Inbox.Accept] verifies a push, writes it down and only then answers, at once and with
// nothing: WeChat waits 5 s, tries three times, and then tells the visitor that the
// account is out of order. What WeChat tries again is known by its key, on every node, and
// written down once.
//
// [Inbox.Run] hands pushes on: to our own [Handlers], and to [Subscriber]s, other backends
// of the account, signed anew as if WeChat had sent them. Each of these is a line of its
// own for each account, so a dead backend delays nobody else. A line is worked on by one
// node at a time, under a lease; what is about one visitor is handed on in the order in
// which it came. Whatever fails is tried again, later and later, and is a dead letter
// after a day, which somebody can look at and replay. All of it happens at least once:
// after a crash the last few pushes may be handed on twice.
//
// What visitors write is theirs: it is sealed in the store, and swept away some days
// after it was handed on.
package inbox
