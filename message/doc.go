// Package message sends WeChat messages to users: template messages, subscription
// notifications and customer-service messages.
//
// A message is addressed to a user of a realm, never to an openid: which account
// reaches him, and under which openid, is found out here, and found out again at the
// moment of sending. It is checked against its template before it is accepted, kept in
// an outbox, and sent by whichever node is free.
//
// # How often a message arrives
//
// Whatever was accepted is sent, or ends in a state that says why not. Template
// messages carry their id in the outbox to WeChat, which takes the same id for the same
// openid only once within ten minutes. So an attempt of which nobody knows how it ended
// (the process died, the connection broke) is repeated within nine minutes of its
// beginning, and not later: then the message ends as failed, with the reason
// [ReasonUnknown], and a person may replay it. Subscription notifications and
// customer-service messages have no such id. They are never repeated after an attempt of
// unknown outcome: a notice twice is a complaint, and a notice missed is in the list.
//
// # What is kept
//
// The content of a message is personal. It is sealed at rest, taken away seven days
// after the message has ended, and the row after ninety; see also [Outbox.EraseUser].
package message
