package merchant

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Part is a part of a table, which is a table too: it has the header.
type Part struct {
	CSV string // in UTF-8
	// Skipped is how many lines of the whole table stand between the header and the
	// first line of the part: what [Imported] has as Line is so much higher.
	Skipped int
}

// Parts cuts a table, in any encoding that [Desk.Import] reads, into parts of about size bytes
// for who can't send it whole. No row is cut, so that one part may be longer.
func Parts(in io.Reader, size int) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		text, err := io.ReadAll(io.LimitReader(in, maxTable+1))
		if err == nil && len(text) <= maxTable {
			text, err = decoded(text)
		}
		switch {
		case err != nil:
			yield(Part{}, fmt.Errorf("reading merchants: %w", err))
			return
		case len(text) > maxTable:
			yield(Part{}, &Fault{Code: FaultTable, Limit: "it is longer than 64 MB"})
			return
		}
		rows := csv.NewReader(bytes.NewReader(text))
		rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = -1, true, true
		_, _ = rows.Read() // who imports the first part hears of a header that is wrong
		head := rows.InputOffset()
		for from, end := head, false; !end; {
			to := from
			for to-from < int64(size) && !end {
				_, err := rows.Read()
				end, to = errors.Is(err, io.EOF), rows.InputOffset()
			}
			if to == from && from > head {
				return
			}
			skipped := bytes.Count(text[head:from], []byte("\n"))
			if !yield(Part{string(text[:head]) + string(text[from:to]), skipped}, nil) {
				return
			}
			from = to
		}
	}
}
