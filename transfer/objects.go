package transfer

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

// headMost is over how many objects the columns may be spread.
const headMost = 100

// objects reads JSON, one object on each line. An object may lack the names that it has
// no values for, and spell the others its own way: each is searched by itself.
type objects struct {
	lines *lines
	names []string // the profile's columns, in the order of the values
}

// newObjects reads the first objects, until they have all columns that the profile
// needs, and returns the names in the order of the values.
func newObjects(l *lines, p Profile, account string) (*objects, []string, error) {
	o := &objects{lines: l, names: p.names()}
	var head []line
	var there []string
	var missing error
	for len(head) < headMost {
		n, err := o.line()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		head = append(head, n)
		object, err := readObject(n)
		if err != nil && len(head) == 1 {
			return nil, nil, errors.New("the first line is no JSON object: a file of JSON Lines has one object on each line, a table needs --format csv")
		}
		if err != nil {
			continue
		}
		if _, err := o.values(object); err != nil {
			return nil, nil, err
		}
		there = differing(there, slices.Sorted(maps.Keys(object)))
		if _, missing = p.find(there, account); missing == nil {
			break
		}
	}
	if len(head) == 0 {
		return nil, nil, errors.New("the file is empty")
	}
	l.back = append(head, l.back...)
	return o, o.names, missing
}

// line returns the next line that isn't blank.
func (o *objects) line() (line, error) {
	for {
		n, err := o.lines.next()
		if err != nil || n.long || strings.TrimSpace(n.text) != "" {
			return n, err
		}
	}
}

func readObject(n line) (object map[string]json.RawMessage, err error) {
	if n.long {
		return nil, errors.New("too long")
	}
	if err = json.Unmarshal([]byte(n.text), &object); err == nil && object == nil {
		err = errors.New("null")
	}
	return object, err
}

// next returns the values of the next object in the order of the names.
func (o *objects) next() ([]string, int, error) {
	n, err := o.line()
	if err != nil {
		return nil, 0, err
	}
	object, err := readObject(n)
	if err != nil {
		return nil, n.number, unreadable(n.number, "the line is no JSON object")
	}
	values, err := o.values(object)
	if err != nil {
		return nil, n.number, unreadable(n.number, err.Error())
	}
	return values, n.number, nil
}

func (o *objects) values(object map[string]json.RawMessage) ([]string, error) {
	there, values := slices.Sorted(maps.Keys(object)), make([]string, len(o.names))
	for i, name := range o.names {
		at, err := place(there, name)
		if err != nil {
			return nil, err
		}
		if at >= 0 {
			values[i] = value(object[there[at]])
		}
	}
	return values, nil
}

// value is a JSON value as a field of a table. A number stays as it is written: as a
// float, a long id would become another one.
func value(raw json.RawMessage) string {
	var text string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
		return text
	}
	return string(raw)
}
