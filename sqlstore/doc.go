// Package sqlstore is the system of record: it keeps the facts of package
// identity in SQLite, in one file, without cgo; or in PostgreSQL.
//
// Start with [OpenSQLite] or [OpenPostgres], which refuse what they can't work with
// in one sentence. Both engines read the same SQL and the same migrations; what
// differs is in dialect.go and in the two files that open.
//
// Reading goes through a few connections that each see one moment (load.go);
// writing goes through one goroutine that commits what many callers want in one
// transaction (writer.go), because the expensive part of a commit is to wait for
// the disk, and one wait serves them all.
//
// Several processes may work on one database at the same time. What was acknowledged
// is on the disk: the write-ahead log is synced before any caller hears of it.
package sqlstore
