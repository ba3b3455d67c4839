// Package pgtest gives tests a real PostgreSQL, started from the programs that the
// system has installed (Debian: the package postgresql).
//
// [DSN] is all that most tests need: a fresh, empty database on the one server of
// this process. A test that stops or kills a server has one for itself, by [Start].
// Servers listen on a socket in a folder of their own and sync to the disk as in
// life. They end, and their folders go, when the process ends, however it does.
package pgtest
