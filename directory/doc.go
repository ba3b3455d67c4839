// Package directory knows which accounts, realms and sites exist, and refuses a
// set of them that can't work together.
//
// A micro-site is named by two things in its address: the account that it was
// opened through and its own id, /wsite/:appId/:ptid/. The directory answers
// what belongs to such a pair; it never looks at a request.
package directory
