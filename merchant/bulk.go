package merchant

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// MostCodes is how many codes are made at once.
const MostCodes = 500

// Bulk is an order of codes for several merchants.
type Bulk struct {
	Realm     string
	AppID     string
	Merchants []string // at most [MostCodes]
	Life      time.Duration
	By        string
}

// MadeCode is what became of a merchant of a [Bulk].
type MadeCode struct {
	Merchant string
	Name     string // empty of a merchant that isn't there
	Code     Code
	Fault    *Fault // why there is no code
}

// MakeCodes makes a code for each merchant who is not disabled and to whom nobody is bound
// at the account, as [Desk.MakeCode] does, and reports every one in the order in which they
// are given. Once WeChat makes no more codes it isn't asked for the others. If an error cuts
// it off, those that are left are reported as [FaultCutOff].
func (d *Desk) MakeCodes(ctx context.Context, o Bulk, report func(MadeCode)) error {
	bad := func(field, limit string) *Fault { return &Fault{Code: FaultField, Field: field, Limit: limit} }
	switch {
	case len(o.Merchants) == 0 || len(o.Merchants) > MostCodes:
		return bad("merchants", "1 to 500 merchants at once")
	case slices.ContainsFunc(o.Merchants, func(id string) bool { return !ids.MatchString(id) }):
		return bad("merchants", "ids of merchants")
	case !d.Serves(o.Realm, o.AppID):
		return &Fault{Code: FaultAccount}
	case !lives(o.Life):
		return badLife
	}
	var over *Fault
	var failed error
	had := map[string]bool{}
	for _, id := range o.Merchants {
		if had[id] {
			continue
		}
		had[id] = true
		made := MadeCode{Merchant: id, Fault: over}
		if over == nil {
			var err error
			if made, err = d.makeOne(ctx, o, id); err != nil {
				made.Fault, failed = &Fault{Code: FaultCutOff}, err
			}
			if made.Fault != nil && made.Fault.ends() {
				over = made.Fault
			}
		}
		report(made)
	}
	return failed
}

// makeOne makes the code of a merchant. The error is of what nobody has refused.
func (d *Desk) makeOne(ctx context.Context, o Bulk, id string) (made MadeCode, err error) {
	made.Merchant = id
	m, err := d.Get(ctx, o.Realm, id)
	made.Name = m.Name
	switch {
	case err != nil:
	case slices.ContainsFunc(m.Bindings, func(b Binding) bool { return b.AppID == o.AppID }):
		err = &Fault{Code: FaultBound}
	default:
		made.Code, err = d.MakeCode(ctx, Order{Realm: o.Realm, Merchant: id, AppID: o.AppID, Life: o.Life, By: o.By})
	}
	if errors.As(err, &made.Fault) {
		err = nil
	}
	return made, err
}

// WriteCodes writes a table of codes: CSV in UTF-8 with a mark at its beginning, as
// spreadsheets want it. Whoever has it may bind himself to the merchants in it.
func WriteCodes(w io.Writer, list []MadeCode) error {
	_, err := io.WriteString(w, "\ufeff")
	out := csv.NewWriter(w)
	if err == nil {
		err = out.Write([]string{"id", "name", "link", "expires", "reason", "原因"})
	}
	for _, made := range list {
		row := []string{plain(made.Merchant), plain(made.Name), made.Code.URL, dated(made.Code.Expires), "", ""}
		if made.Fault != nil {
			row[4], row[5] = made.Fault.Say()
		}
		if err == nil {
			err = out.Write(row)
		}
	}
	if out.Flush(); err == nil {
		err = out.Error()
	}
	if err != nil {
		return fmt.Errorf("writing codes: %w", err)
	}
	return nil
}
