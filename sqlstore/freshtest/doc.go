// Package freshtest gives tests facts that are set up already: a file or a database
// that is migrated once in a process, and copied for each test. To migrate takes a
// third of a second under the race detector, more than most tests.
package freshtest
