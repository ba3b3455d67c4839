// Package clustertest is the contract of [cluster.Shared] as tests. Every
// implementation runs them.
package clustertest
