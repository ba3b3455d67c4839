// Package nodes tests several gateways as operators run them: processes of Caddy that
// share one PostgreSQL and one Redis, with a load balancer before them. They are killed and
// paused, as are the servers that they share, while visitors of a simulated WeChat come and
// go; and nobody may notice more of it than docs/operations.md admits.
//
// All of it is tests. WSITE_SOAK=1 has the story last for minutes, and WSITE_SEED repeats the
// order of what a test has logged.
package nodes
