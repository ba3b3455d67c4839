package transfer

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

// objects reads JSON, one object on each line.
type objects struct {
	lines *lines
	names []string
}

// newObjects reads the first object and returns its names.
func newObjects(l *lines) (*objects, []string, error) {
	o := &objects{lines: l}
	n, err := o.line()
	if errors.Is(err, io.EOF) {
		return nil, nil, errors.New("the file is empty")
	}
	if err != nil {
		return nil, nil, err
	}
	object, err := readObject(n)
	if err != nil {
		return nil, nil, errors.New("the first line is no JSON object: a file of JSON Lines has one object on each line, a table needs --format csv")
	}
	o.names = slices.Sorted(maps.Keys(object))
	l.back = append([]line{n}, l.back...)
	return o, o.names, nil
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

// next returns the values of the next object in the order of the first one's names.
func (o *objects) next() ([]string, int, error) {
	n, err := o.line()
	if err != nil {
		return nil, 0, err
	}
	object, err := readObject(n)
	if err != nil {
		return nil, n.number, unreadable(n.number, "the line is no JSON object")
	}
	values := make([]string, len(o.names))
	for i, name := range o.names {
		values[i] = value(object[name])
	}
	return values, n.number, nil
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
