package transfer

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Openids is the part of [identity.Store] that an export reads.
type Openids interface {
	Openids(ctx context.Context, realm string, after identity.Openid, limit int) ([]identity.OpenidFacts, error)
}

// link is a row of an export. The plain [Profile] reads it.
type link struct {
	AppID   string `json:"appid"`
	OpenID  string `json:"openid"`
	UnionID string `json:"unionid"`
	User    string `json:"user"`
	Kind    string `json:"kind"`
	Hint    string `json:"hint"`
}

// Export is what of a realm is written out.
type Export struct {
	Store Openids
	Realm string
	// Subjects are the subjects of all accounts by app id, as in [Importer].
	Subjects map[string]string
	JSON     bool // one object a line, instead of a table
	// All writes guests too, and the ids that the gateway minted. They are for
	// reading: no import takes them, since another gateway mints others.
	All bool
}

// Write writes the openids of the realm in order, and returns how many it wrote.
func (e Export) Write(ctx context.Context, w io.Writer) (count int64, err error) {
	const page = 1000
	out := bufio.NewWriter(w)
	write, err := e.writer(out)
	for after, more := (identity.Openid{}), true; more && err == nil; {
		var facts []identity.OpenidFacts
		facts, err = e.Store.Openids(ctx, e.Realm, after, page)
		more = len(facts) == page
		for _, f := range facts {
			if err != nil {
				break
			}
			after = f.Openid
			if row, ok := e.row(f); ok {
				count++
				err = write(row)
			}
		}
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return count, fmt.Errorf("exporting: %w", err)
	}
	return count, nil
}

// writer returns what writes a row.
func (e Export) writer(out *bufio.Writer) (func(link) error, error) {
	if e.JSON {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return func(l link) error { return encoder.Encode(l) }, nil
	}
	table := csv.NewWriter(out)
	write := func(fields ...string) error {
		if err := table.Write(fields); err != nil {
			return err
		}
		table.Flush()
		return table.Error()
	}
	return func(l link) error { return write(l.AppID, l.OpenID, l.UnionID, l.User, l.Kind, l.Hint) },
		write("appid", "openid", "unionid", "user", "kind", "hint")
}

// row is what to write of an openid, if anything.
func (e Export) row(f identity.OpenidFacts) (link, bool) {
	l := link{AppID: f.AppID, OpenID: f.OpenID, UnionID: f.UnionID, User: f.User.ID, Kind: string(f.User.Kind), Hint: f.Hint}
	switch {
	case f.User.Kind != identity.Real && !e.All:
		l.User, l.Kind = "", ""
	case f.User.ID == "" && f.Guest != "":
		l.User, l.Kind = f.Guest, string(identity.Virtual)
	}
	if subject := e.Subjects[f.AppID]; f.UnionID != "" && subject != "" && f.Subject != subject {
		// The account has moved, and its new unionids aren't known: an import could only
		// take the user for a hint.
		l.UnionID, l.User, l.Kind, l.Hint = "", "", "", l.User
	}
	return l, e.All || l.UnionID != "" || l.Hint != ""
}
