package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	_ "modernc.org/sqlite" // the driver
)

// consumer is a line of business: a table of orders, and the key of its webhook.
type consumer struct {
	db  *sql.DB
	key *webhooks.Webhook
}

func open(file, secret string) (*consumer, error) {
	if secret == "" {
		return nil, fmt.Errorf("a -secret is needed: the one that the gateway has for this line of business")
	}
	key, err := webhooks.NewWebhook(secret)
	if err != nil {
		return nil, fmt.Errorf("reading -secret: it has to be whsec_ and base64")
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, fmt.Errorf("opening orders: %w", err)
	}
	if _, err := db.Exec(schema); err != nil {
		return nil, fmt.Errorf("opening orders: %w", err)
	}
	return &consumer{db, key}, nil
}

func (c *consumer) close() { _ = c.db.Close() }

func (c *consumer) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks", c.hook)
	mux.HandleFunc("POST /orders", c.order)
	mux.HandleFunc("GET /orders", c.orders)
	return mux
}

// hook takes an event: verified as it came, byte by byte, and applied in one
// transaction. 2xx says that it is on the disk.
func (c *consumer) hook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "the event can't be read", http.StatusBadRequest)
		return
	}
	if err := c.key.Verify(body, r.Header); err != nil {
		http.Error(w, "the signature is wrong", http.StatusUnauthorized)
		return
	}
	var envelope struct {
		Data event `json:"data"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		http.Error(w, "the event is no CloudEvent", http.StatusBadRequest)
		return
	}
	if err := c.inTransaction(func(tx *sql.Tx) error { return apply(tx, envelope.Data) }); err != nil {
		log.Printf("applying %s: %v", r.Header.Get("webhook-id"), err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c *consumer) inTransaction(do func(*sql.Tx) error) error {
	tx, err := c.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// order keeps an order under the id that the request's token named, which may be an old
// one: the final event mends that.
func (c *consumer) order(w http.ResponseWriter, r *http.Request) {
	var o struct {
		User string `json:"user"`
		Item string `json:"item"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&o); err != nil || o.User == "" {
		http.Error(w, `an order is {"user": "…", "item": "…"}`, http.StatusBadRequest)
		return
	}
	if _, err := c.db.Exec(`INSERT INTO orders (userid, item) VALUES ($1, $2)`, o.User, o.Item); err != nil {
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// orders lists how many orders each user has.
func (c *consumer) orders(w http.ResponseWriter, _ *http.Request) {
	rows, err := c.db.Query(`SELECT userid, COUNT(*) FROM orders GROUP BY userid`)
	if err != nil {
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var user string
		var n int
		if err := rows.Scan(&user, &n); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		counts[user] = n
	}
	if err := rows.Err(); err != nil {
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(counts)
}
