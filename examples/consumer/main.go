// Command consumer is a line of business in small: it keeps orders under user ids, and
// keeps up with what the gateway says of these ids. Its whole art is in recipe.go, and
// docs/events.md explains it.
//
//	go run ./examples/consumer -listen 127.0.0.1:3001 -secret whsec_…
//
// Orders are posted to /orders as {"user": "…", "item": "…"} and listed there; events
// are posted to /hooks.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:3001", "the address to listen on")
	secret := flag.String("secret", "", "the secret of the line of business, whsec_…")
	file := flag.String("file", "orders.db", "the SQLite file of the orders")
	flag.Parse()
	c, err := open(*file, *secret)
	if err != nil {
		log.Fatal(err)
	}
	defer c.close()
	server := &http.Server{Addr: *listen, Handler: c.routes(), ReadHeaderTimeout: 5 * time.Second}
	log.Printf("orders and events are taken at http://%s", *listen)
	log.Print(server.ListenAndServe())
}
