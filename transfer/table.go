package transfer

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxSpan is over how many lines a quoted field may go. A quote that isn't closed by
// then is one that somebody has in his nickname, which mustn't spoil the rest of the
// file.
const maxSpan = 20

// table reads records separated by commas, semicolons or tabs.
type table struct {
	lines *lines
	comma string
	width int
}

// newTable reads the header and returns its names.
func newTable(l *lines) (*table, []string, error) {
	t := &table{lines: l}
	header, err := t.header()
	if err != nil {
		return nil, nil, err
	}
	for _, comma := range []string{",", ";", "\t"} {
		if fields, _ := split(header.text, comma); len(fields) > t.width {
			t.comma, t.width = comma, len(fields)
		}
	}
	names, open := split(header.text, t.comma)
	if open {
		return nil, nil, errors.New("a quote in the header is not closed")
	}
	return t, names, nil
}

func (t *table) header() (line, error) {
	for {
		header, err := t.lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return line{}, errors.New("the file is empty")
		case err != nil:
			return line{}, err
		case header.long || strings.ContainsRune(header.text, 0):
			return line{}, errors.New("this is no text: if it is a table in UTF-16 or of a spreadsheet, save it as CSV in UTF-8")
		case strings.TrimSpace(header.text) != "":
			return header, nil
		}
	}
}

// next returns the fields of the next record and the line on which it begins, or
// [io.EOF]. A [Problem] is about this record alone.
func (t *table) next() ([]string, int, error) {
	first, err := t.lines.next()
	for err == nil && !first.long && strings.TrimSpace(first.text) == "" {
		first, err = t.lines.next()
	}
	if err != nil {
		return nil, 0, err
	}
	if first.long {
		return nil, first.number, unreadable(first.number, "the line is too long")
	}
	text, further := first.text, []line(nil)
	fields, open := split(text, t.comma)
	for open && len(further) < maxSpan && len(text) < maxLine {
		next, err := t.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, first.number, err
		}
		further = append(further, next)
		text += "\n" + next.text
		fields, open = split(text, t.comma)
	}
	if !open && len(fields) == t.width {
		return fields, first.number, nil
	}
	t.lines.back = append(further, t.lines.back...)
	// A program that quotes nothing, as MySQL's own client, writes nicknames as they are.
	if fields := strings.Split(first.text, t.comma); len(fields) == t.width {
		return fields, first.number, nil
	}
	if open || len(further) > 0 {
		return nil, first.number, unreadable(first.number, "a quote is opened here and not closed")
	}
	return nil, first.number, unreadable(first.number, fmt.Sprintf("the row has %d fields, and the header %d", len(fields), t.width))
}

// split takes a record apart as RFC 4180 has it. Where that has no answer, a quote
// stands for itself. open says that the record ends in the middle of a quoted field.
func split(text, comma string) (fields []string, open bool) {
	for {
		field, rest, more := "", "", false
		if strings.HasPrefix(text, `"`) {
			field, rest, more, open = quoted(text[1:], comma)
		} else {
			field, rest, more = strings.Cut(text, comma)
		}
		fields = append(fields, field)
		if !more {
			return fields, open
		}
		text = rest
	}
}

// quoted reads a field behind its opening quote, and what comes after the comma behind
// its closing one.
func quoted(text, comma string) (field, rest string, more, open bool) {
	var b strings.Builder
	for {
		before, after, closed := strings.Cut(text, `"`)
		b.WriteString(before)
		switch {
		case !closed:
			return b.String(), "", false, true
		case after == "":
			return b.String(), "", false, false
		case strings.HasPrefix(after, comma):
			return b.String(), after[len(comma):], true, false
		}
		b.WriteByte('"')
		text = strings.TrimPrefix(after, `"`)
	}
}
