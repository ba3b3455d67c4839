package console_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
)

// may is the least role for each address, as docs/console.md has it; "" for everybody.
var may = map[string]console.Role{
	"GET /{$}":                                               console.Viewer,
	"GET /overview":                                          console.Viewer,
	"GET /sign-in/code":                                      "",
	"POST /sign-in/code":                                     "",
	"GET /me/factor":                                         console.Viewer,
	"POST /me/factor":                                        console.Viewer,
	"POST /me/factor/off":                                    console.Viewer,
	"POST /staff/{name}/factor/off":                          console.Administrator,
	"GET /sign-in":                                           "",
	"POST /sign-in":                                          "",
	"POST /sign-out":                                         console.Viewer,
	"GET /setup":                                             "",
	"POST /setup":                                            "",
	"POST /language":                                         "",
	"GET /me":                                                console.Viewer,
	"POST /me/password":                                      console.Viewer,
	"POST /me/sessions/end":                                  console.Viewer,
	"GET /staff":                                             console.Administrator,
	"POST /staff":                                            console.Administrator,
	"GET /staff/{name}":                                      console.Administrator,
	"POST /staff/{name}/role":                                console.Administrator,
	"POST /staff/{name}/disable":                             console.Administrator,
	"POST /staff/{name}/enable":                              console.Administrator,
	"POST /staff/{name}/reset":                               console.Administrator,
	"POST /staff/{name}/sessions/end":                        console.Administrator,
	"GET /journal":                                           console.Administrator,
	"GET /merchants":                                         console.Viewer,
	"GET /merchants/{realm}":                                 console.Viewer,
	"POST /merchants/{realm}":                                console.Operator,
	"GET /merchants/{realm}/new":                             console.Operator,
	"GET /merchants/{realm}/import":                          console.Operator,
	"POST /merchants/{realm}/import":                         console.Operator,
	"GET /merchants/{realm}/of/{id}":                         console.Viewer,
	"GET /merchants/{realm}/of/{id}/edit":                    console.Operator,
	"POST /merchants/{realm}/of/{id}/edit":                   console.Operator,
	"POST /merchants/{realm}/of/{id}/disable":                console.Operator,
	"POST /merchants/{realm}/of/{id}/enable":                 console.Operator,
	"POST /merchants/{realm}/of/{id}/unbind":                 console.Operator,
	"POST /merchants/{realm}/of/{id}/codes":                  console.Operator,
	"GET /merchants/{realm}/codes":                           console.Operator,
	"POST /merchants/{realm}/codes":                          console.Operator,
	"GET /merchants/{realm}/of/{id}/codes/{code}":            console.Viewer,
	"GET /merchants/{realm}/of/{id}/codes/{code}/events":     console.Viewer,
	"POST /merchants/{realm}/of/{id}/codes/{code}/cancel":    console.Operator,
	"POST /merchants/{realm}/of/{id}/codes/{code}/replace":   console.Operator,
	"GET /merchants/{realm}/notices":                         console.Viewer,
	"POST /merchants/{realm}/notices":                        console.Operator,
	"GET /merchants/{realm}/notices/new":                     console.Operator,
	"GET /merchants/{realm}/notices/{notice}":                console.Viewer,
	"GET /merchants/{realm}/notices/{notice}/events":         console.Viewer,
	"GET /merchants/{realm}/notices/{notice}/recipients.csv": console.Viewer,
	"POST /merchants/{realm}/notices/{notice}/resend":        console.Operator,
	"POST /merchants/{realm}/notices/{notice}/cancel":        console.Operator,
	"GET /users":                                             console.Viewer,
	"GET /users/{realm}":                                     console.Viewer,
	"POST /users/{realm}/find":                               console.Viewer,
	"GET /users/{realm}/of/{id}":                             console.Viewer,
	"POST /users/{realm}/of/{id}/sign-out":                   console.Operator,
	"POST /users/{realm}/of/{id}/block":                      console.Operator,
	"POST /users/{realm}/of/{id}/unblock":                    console.Operator,
	"POST /users/{realm}/of/{id}/unbind":                     console.Operator,
	"POST /users/{realm}/of/{id}/move":                       console.Operator,
	"POST /users/{realm}/of/{id}/give":                       console.Operator,
	"POST /users/{realm}/of/{id}/move/cancel":                console.Operator,
	"POST /users/{realm}/of/{id}/merge":                      console.Administrator,
	"POST /users/{realm}/of/{id}/erase":                      console.Administrator,
	"GET /users/{realm}/conflicts":                           console.Viewer,
	"POST /users/{realm}/conflicts/{id}":                     console.Administrator,
	"POST /users/{realm}/conflicts/{id}/dismiss":             console.Administrator,
	"POST /users/{realm}/conflicts/{id}/reopen":              console.Administrator,
	"GET /messages":                                          console.Viewer,
	"GET /messages/{realm}":                                  console.Viewer,
	"POST /messages/{realm}/{id}/resend":                     console.Operator,
	"POST /messages/{realm}/{id}/cancel":                     console.Operator,
	"GET /quota":                                             console.Viewer,
	"POST /quota/{appid}/resume":                             console.Operator,
	"POST /quota/{appid}/clear":                              console.Administrator,
	"GET /events":                                            console.Viewer,
	"GET /events/{realm}":                                    console.Viewer,
	"GET /events/{realm}/lines/{id}":                         console.Viewer,
	"POST /events/{realm}/lines/{id}/replay":                 console.Operator,
	"GET /pushes":                                            console.Viewer,
	"GET /pushes/{appid}":                                    console.Viewer,
	"GET /pushes/{appid}/dead":                               console.Viewer,
	"POST /pushes/{appid}/replay":                            console.Operator,
	"GET /jobs":                                              console.Viewer,
	"GET /jobs/live/events":                                  console.Viewer,
	"POST /jobs":                                             console.Operator,
	"GET /jobs/{id}":                                         console.Viewer,
	"POST /jobs/{id}/cancel":                                 console.Operator,
	"POST /jobs/{id}/resume":                                 console.Operator,
	"POST /merchants/{realm}/find":                           console.Viewer,
	"POST /me/guesses":                                       console.Viewer,
	"GET /audit":                                             console.Administrator,
	"GET /audit/{realm}":                                     console.Administrator,
	"GET /audit/{realm}/records.csv":                         console.Administrator,
	"POST /audit/{realm}/verify":                             console.Administrator,
	"GET /accounts/new":                                      console.Administrator,
	"POST /accounts/new":                                     console.Administrator,
	"GET /accounts/of/{appid}":                               console.Viewer,
	"POST /accounts/of/{appid}":                              console.Administrator,
	"POST /accounts/of/{appid}/delete":                       console.Administrator,
	"GET /sites":                                             console.Viewer,
	"GET /sites/new":                                         console.Administrator,
	"POST /sites/new":                                        console.Administrator,
	"GET /sites/of/{ptid}":                                   console.Viewer,
	"POST /sites/of/{ptid}":                                  console.Administrator,
	"POST /sites/of/{ptid}/delete":                           console.Administrator,
	"GET /accounts":                                          console.Viewer,
	"POST /accounts/of/{appid}/templates":                    console.Operator,
	"POST /accounts/of/{appid}/check":                        console.Operator,
}

// filled is an address with somebody in it.
var filled = strings.NewReplacer("{$}", "", "{name}", "nobody", "{appid}", "wx99", "{ptid}", "nosite", "{realm}", "nowhere", "{id}", "nobody", "{code}", "none", "{notice}", "none")

func TestRights(t *testing.T) {
	t.Parallel()
	for _, role := range append([]console.Role{""}, console.Roles...) {
		t.Run("a "+string(role)+" may do what the table says, and no more", func(t *testing.T) {
			t.Parallel()
			k := start(t)
			if _, err := k.console.Add(t.Context(), "root", console.Administrator); err != nil {
				t.Fatal(err)
			}
			for i, r := range console.Routes() {
				name := r.Method + " " + r.Path
				least, known := may[name]
				if !known {
					t.Fatalf("nobody says who may %s", name)
				}
				b := k.browser(t)
				if role != "" {
					b = k.staff(t, "u"+strconv.Itoa(i), role)
				}
				var a answer
				if r.Method == http.MethodGet {
					a = b.get(filled.Replace(r.Path))
				} else {
					a = b.post(filled.Replace(r.Path), "role", "viewer")
				}
				allowed := slices.Index(console.Roles, role) >= slices.Index(console.Roles, least)
				away := a.status == http.StatusUnauthorized && r.Path != "/sign-in" || a.status == http.StatusForbidden && !slices.Contains([]string{"/setup", "/me/password", "/me/factor/off"}, r.Path) || a.header.Get("Location") == "/sign-in" && r.Path != "/sign-out" && r.Path != "/sign-in/code"
				if away == allowed {
					t.Errorf("%s answers a %q with %d %s", name, role, a.status, a.header.Get("Location"))
				}
			}
		})
	}
	t.Run("whatever is changed by who is signed in stands in the journal", func(t *testing.T) {
		t.Parallel()
		for _, r := range console.Routes() {
			if r.Method == http.MethodPost && (r.Action == "") != (r.What == "") {
				t.Errorf("%s %s: the right is %q, and the journal calls it %q", r.Method, r.Path, r.Action, r.What)
			}
		}
	})
}
