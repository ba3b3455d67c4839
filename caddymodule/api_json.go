package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// decodeBody reads one JSON object: nothing that it doesn't know, nothing twice, and
// each name in its one spelling, so that nobody can read the same body otherwise.
func decodeBody(body []byte, into any) error {
	if err := checkNames(body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return apiRefuse(apiBadBody).saying("the body isn't what this endpoint takes: %s", jsonFault(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return apiRefuse(apiBadBody).saying("the body has something behind its one JSON object")
	}
	return nil
}

// checkNames refuses names that stand in an object twice, or that only a careless
// reader takes for one of ours: all ours are of a-z, 0-9 and _.
func checkNames(body []byte) error {
	var open []map[string]bool // the names so far of each object that is open; nil for a list
	named := false             // a name was read, its value comes next
	d := json.NewDecoder(bytes.NewReader(body))
	for first := true; ; first = false {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && !first {
			return nil
		}
		if err != nil || first && token != json.Delim('{') {
			return apiRefuse(apiBadBody).saying("the body has to be one JSON object")
		}
		inObject := len(open) > 0 && open[len(open)-1] != nil
		switch name, isText := token.(string); {
		case token == json.Delim('}') || token == json.Delim(']'):
			open, named = open[:len(open)-1], false
		case inObject && !named && isText:
			if open[len(open)-1][name] || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
				return apiRefuse(apiBadBody).saying("the body has a name that isn't known, or one twice")
			}
			open[len(open)-1][name], named = true, true
		case token == json.Delim('{'):
			open, named = append(open, map[string]bool{}), false
		case token == json.Delim('['):
			open, named = append(open, nil), false
		default:
			named = false
		}
	}
}

// jsonFault says what is wrong with a body, without any value of it.
func jsonFault(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return kind.Field + " has the wrong type"
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok && len(name) <= 66 {
		return "there is no field " + name
	}
	return "it isn't well-formed JSON"
}
