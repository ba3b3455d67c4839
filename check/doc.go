// Package check finds out whether an account works: it does for real what the gateway does
// with it, one thing after the other, and says of each failure what to click in WeChat's
// console.
package check
