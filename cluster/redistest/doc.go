// Package redistest gives tests real Redis servers, started from the program that the
// system has installed (Debian: the package redis-server, which is the sentinel, too).
//
// [Single] is one server, [Cluster] three masters, [Sentinel] a master with a replica and
// a sentinel. Each has a folder and a port of its own, keeps nothing on disk, and ends
// with its test, or with the process, however that ends. They can be killed, paused and
// started again.
package redistest
