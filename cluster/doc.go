// Package cluster is what the nodes of a gateway share and may lose: access tokens,
// leases, one-time tickets, memos, limits, and what they tell each other. Facts, which
// must never be lost, are in the store.
//
// There is one contract, [Shared], and a suite for it in package clustertest. [Memory]
// implements it for a single node, [Redis] for several, and [Degrading] is a Redis with
// which a node goes on while that is away.
//
// # What an operator sees in Redis
//
// All keys and channels are under a prefix, "wsite:" unless he says otherwise. Keys say
// what they are of and no more, for the rest is a keyed hash; values are sealed:
//
//	wsite:cluster           whose prefix it is; the 30 days of its life begin anew every hour
//	wsite:v:ticket:7c4a…    a value, here of the class "ticket"
//	wsite:r:login:01fe…     how far somebody is ahead of his rate
//	wsite:{l}:job:93bd…     a lease: its fence, and a hash of its holder
//	wsite:{l}:fence         the last fence; it may be lost
//	wsite:m:sites:5e11…     a channel on which nodes tell each other something
//
// Everything may be deleted at any time. A value is "1", its fence and its seal; one that
// doesn't open, or is at a place that isn't its own, is a miss, which [Redis.Unopened]
// counts. The class of a key is its first word up to a slash, so that what it is of, like
// an openid, stands after a slash.
//
// # What a user of the Redis may do
//
// These rights are enough, and their lack is found out at the start where it can be:
//
//	ACL SETUSER gateway on >… resetkeys ~wsite:* resetchannels &wsite:* -@all
//	    +hello +ping +select +info +time +scan +type +get +getrange +strlen +set +del
//	    +eval +evalsha +publish +subscribe +unsubscribe
//
// In a Redis Cluster +cluster|slots as well, and for streams +xadd and ~ with their names.
// SCAN tells such a user all names of the database, as it does everybody.
//
// # Durability
//
// Nothing needs to be saved to disk. A memory that fills up should refuse to write
// (maxmemory-policy noeviction) or evict what ends first (volatile-ttl): a policy that
// evicts any key ends leases early, against which fences help, and lets single-use marks
// be used again, against which nothing does.
package cluster
