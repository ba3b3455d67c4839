// Package cluster is what the nodes of a gateway share and may lose: access tokens,
// leases, one-time tickets, memos, limits, and what they tell each other. Facts, which must
// never be lost, are in the store.
//
// There is one contract, [Shared], and a suite for it in package clustertest.
// [Memory] implements it for a single node.
package cluster
