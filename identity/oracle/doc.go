// Package oracle holds the identity centre against a second, naive reading of the
// law, docs/identity.md, and against what happens to processes in life: others that
// write at the same time, kill -9, and somebody who edits the database by hand.
//
// It has tests only. The model knows neither versions nor transactions nor ids: where
// the gateway mints one, the model says which one is meant and learns its name.
package oracle
