package console

// Route is an address with what it takes.
type Route struct {
	Method, Path string
	Action       Action
	What         string
}

// Routes are all of them, for tests.
func Routes() []Route {
	var all []Route
	for _, r := range routes() {
		all = append(all, Route{r.method, r.path, r.action, r.what})
	}
	return all
}
