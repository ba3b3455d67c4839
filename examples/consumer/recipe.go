package main

import (
	"database/sql"
	"errors"
)

// schema is the business's own table, and the one that the recipe needs beside it.
const schema = `
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, userid TEXT NOT NULL, item TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_userid ON orders (userid);
CREATE TABLE IF NOT EXISTS alias (old TEXT PRIMARY KEY, new TEXT); -- new is NULL for who was erased
`

// event is what of an event's data the recipe needs.
type event struct {
	Type string `json:"type"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// apply acts on an event. Applied again, late, or in another order than it was sent it
// comes to the same.
func apply(tx *sql.Tx, e event) error {
	switch e.Type {
	case "userid.replaced":
		// Whoever was erased stays so, whatever comes late.
		if _, err := tx.Exec(`INSERT INTO alias (old, new) VALUES ($1, $2)
			ON CONFLICT (old) DO UPDATE SET new = excluded.new WHERE alias.new IS NOT NULL`, e.Old, e.New); err != nil {
			return err
		}
	case "userid.erased":
		if _, err := tx.Exec(`INSERT INTO alias (old, new) VALUES ($1, NULL)
			ON CONFLICT (old) DO UPDATE SET new = NULL`, e.Old); err != nil {
			return err
		}
	default:
		return nil // nothing that orders depend on
	}
	return rewrite(tx, e.Old)
}

// rewrite moves the rows of an id, and of those that it leads to, to who stands for
// them at the end; of the erased it takes them away.
func rewrite(tx *sql.Tx, old string) error {
	way := []string{old}
	met := map[string]bool{old: true}
	for {
		var next sql.NullString
		err := tx.QueryRow(`SELECT new FROM alias WHERE old = $1`, way[len(way)-1]).Scan(&next)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return err
		}
		if !next.Valid {
			for _, id := range way {
				if _, err := tx.Exec(`DELETE FROM orders WHERE userid = $1`, id); err != nil {
					return err
				}
			}
			return nil
		}
		if met[next.String] {
			return errors.New("the aliases lead in a circle")
		}
		met[next.String] = true
		way = append(way, next.String)
	}
	end := way[len(way)-1]
	for _, id := range way[:len(way)-1] {
		if _, err := tx.Exec(`UPDATE orders SET userid = $1 WHERE userid = $2`, end, id); err != nil {
			return err
		}
	}
	return nil
}
