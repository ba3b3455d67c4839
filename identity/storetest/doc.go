// Package storetest is the suite that every [identity.Store] must pass. Each
// sentence of the contract is a sub-test of that name.
//
// A store plugs in with four functions; see [Harness]. Change the suite when you
// change the contract, before you change a store.
package storetest
