// Package outbox tells every line of business what happened to the ids of its
// realm: at least once, and in order for each user.
//
// Events are written with what made them happen, so nothing has to be sent inside
// of a transaction. A [Relay] reads them behind each line's own cursor and hands
// them to its [Sender]. What a line doesn't take is parked with a date to try
// again, and the rest goes on; what it hasn't taken for days becomes a dead letter,
// which somebody can look at and send again. A line that can't be reached at all is
// left alone for a while, and delays no other.
//
// Two relays, on two nodes, share the work by a lease on each line. The lease saves
// work and nothing else: two at once only deliver twice, which consumers are ready
// for anyway.
package outbox
