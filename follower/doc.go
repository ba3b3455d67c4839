// Package follower keeps who follows which account, as WeChat's pushes and its lists of
// followers tell it.
package follower
