// Package scene keeps the parametric QR codes of accounts: who made which, what a scan of
// it shall do, and who scanned it.
//
// A code leads to an act, such as binding a merchant, so whoever holds the code may do
// it: its scene is random and can't be guessed. Of a secret code only a digest is kept;
// its image and its address are given out once, when it is made.
//
// A scan is pushed at least once, sometimes late, and sometimes for codes that other
// systems have made with the same account. A push is acted on once for each event, at the
// time at which WeChat says that it happened; what isn't ours is handed on untouched.
package scene
