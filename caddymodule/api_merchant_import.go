package caddymodule

import (
	"strings"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// importIn is a table of merchants, or a part of one.
type importIn struct {
	// CSV has a first line that names the columns; a longer table goes in parts, each with
	// that line.
	CSV string `json:"csv"`
}

// importedOut is what became of a line of a table.
type importedOut struct {
	Line   int    `json:"line"`
	ID     string `json:"id,omitempty"`
	Became string `json:"became"`
	Code   string `json:"code,omitempty"`
	Field  string `json:"field,omitempty"`
	Says   string `json:"says,omitempty"`
}

type importOut struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Refused   int `json:"refused"`
	// Rows are those that were refused.
	Rows []importedOut `json:"rows"`
}

// importMerchants puts the merchants of a table on the list, each for himself.
func (c *apiCall) importMerchants(in importIn) (importOut, error) {
	out := importOut{Rows: []importedOut{}}
	err := c.desk.Import(c.ctx, c.realm, strings.NewReader(in.CSV), c.actor(), func(i merchant.Imported) {
		switch i.Became {
		case merchant.Created:
			out.Created++
		case merchant.Updated:
			out.Updated++
		case merchant.Unchanged:
			out.Unchanged++
		default:
			out.Refused++
			says, _ := i.Fault.Say()
			out.Rows = append(out.Rows, importedOut{i.Line, i.ID, i.Became, i.Fault.Code, i.Fault.Field, says})
		}
	})
	return out, err
}
