// Package storetest is the suite that every store of the inbox has to pass.
package storetest
