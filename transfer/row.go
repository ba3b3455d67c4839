package transfer

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Row is what a row of a table says.
type Row struct {
	Line int // on which it begins, from 1
	identity.Openid
	UnionID   string // may be empty
	User      string // may be empty
	LeftOut   bool   // nothing to import: marked as deleted, or an id that a gateway minted
	Subscribe string // as it stands there
}

// Options say how a file is to be read.
type Options struct {
	Profile  Profile
	Account  string // of all rows, where they don't name one; may be empty
	JSON     bool   // one object a line, instead of a table
	Encoding Encoding
}

// Reader reads a file row by row.
type Reader struct {
	records interface {
		next() ([]string, int, error)
	}
	columns columns
	account string
}

// Open reads as much of a file as tells its columns. The error names those that are
// missing.
func Open(r io.Reader, o Options) (*Reader, error) {
	l := newLines(r, o.Encoding)
	reader, names := &Reader{account: o.Account}, []string(nil)
	var err error
	if o.JSON {
		reader.records, names, err = newObjects(l, o.Profile, o.Account)
	} else {
		reader.records, names, err = newTable(l)
	}
	if err == nil {
		reader.columns, err = o.Profile.find(names, o.Account)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the columns: %w", err)
	}
	return reader, nil
}

// Next returns the next row, or [io.EOF]. A [Problem] is about this row alone.
func (r *Reader) Next() (Row, error) {
	fields, number, err := r.records.next()
	if problem := (*Problem)(nil); err != nil && !errors.As(err, &problem) && !errors.Is(err, io.EOF) {
		return Row{}, fmt.Errorf("reading line %d: %w", number, err)
	}
	if err != nil {
		return Row{Line: number}, err
	}
	at := func(column int) string {
		if column < 0 {
			return ""
		}
		return cell(fields[column])
	}
	c := r.columns
	row := Row{
		Line: number, Openid: identity.Openid{AppID: at(c.appID), OpenID: at(c.openID)}, UnionID: at(c.unionID), User: at(c.user),
		LeftOut: set(at(c.deleted)) || at(c.kind) == string(identity.Virtual), Subscribe: at(c.subscribe),
	}
	if row.User == "" && row.UnionID == "" {
		row.User = at(c.hint)
	}
	if row.AppID == "" {
		row.AppID = r.account
	}
	switch {
	case row.LeftOut:
	case r.account != "" && row.AppID != r.account:
		return row, problem(row, "account_other", "the row is of another account than the one that --account names", "import the rows of each account without --account")
	case rounded.MatchString(row.User):
		return row, problem(row, "user_rounded", "the user is a number that a spreadsheet or a program has rounded", "export the table again, with the users as text")
	}
	return row, nil
}

// rounded is how a number of twelve digits or more looks after a spreadsheet. Without
// the dot, or with a smaller exponent, it may be an id: 12e5.
var rounded = regexp.MustCompile(`^-?[0-9]+\.[0-9]+[eE]\+?(1[1-9]|[2-9][0-9]|[1-9][0-9]{2,})$`)

// cell is the content of a field. NULL and \N are how MySQL writes that there is none;
// in other letters the word was in the table, put there by a broken program.
func cell(s string) string {
	s = strings.Trim(s, " ")
	if s == "NULL" || s == `\N` {
		return ""
	}
	return s
}

// set says whether a mark is: 1, true, or the bit 1 in one of the ways MySQL writes it.
func set(s string) bool {
	switch strings.ToLower(s) {
	case "", "0", "false", "b'0'", "\x00", `\0`, "0x00":
		return false
	}
	return true
}
