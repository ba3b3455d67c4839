package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// parseJSON reads {…}. Numbers stay as they are written: ids have 64 bits.
func parseJSON(body []byte) (document, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	token, err := d.Token()
	if err != nil || token != json.Delim('{') {
		return document{}, refuse(CodeSyntax)
	}
	var b builder
	if err := b.begin("xml"); err != nil {
		return document{}, err
	}
	if err := members(d, &b); err != nil {
		return document{}, err
	}
	doc := document{root: b.open[0], text: body, json: true, tail: int(d.InputOffset()) - 1}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return document{}, refuse(CodeSyntax)
	}
	return doc, nil
}

// members reads an object behind its brace.
func members(d *json.Decoder, b *builder) error {
	for {
		token, err := d.Token()
		if err != nil {
			return refuse(CodeSyntax)
		}
		name, ok := token.(string)
		if !ok { // the brace that closes
			return nil
		}
		if token, err = d.Token(); err != nil {
			return refuse(CodeSyntax)
		}
		if err := value(d, b, name, token); err != nil {
			return err
		}
	}
}

// value reads what stands under a name. An array is several of the same name.
func value(d *json.Decoder, b *builder, name string, token json.Token) error {
	if token != json.Delim('[') {
		if err := b.begin(name); err != nil {
			return err
		}
		defer b.end()
	}
	n := b.open[len(b.open)-1]
	switch t := token.(type) {
	case string:
		n.raw = []byte(t)
	case json.Number:
		n.raw = []byte(t)
	case bool:
		n.raw = strconv.AppendBool(nil, t)
	case json.Delim:
		if t == '{' {
			return members(d, b)
		}
		return array(d, b, name)
	}
	return nil
}

func array(d *json.Decoder, b *builder, name string) error {
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return refuse(CodeSyntax)
		}
		if token == json.Delim('[') { // WeChat has no arrays of arrays, and recursion has no other bound here
			return refuse(CodeSyntax)
		}
		if err := value(d, b, name, token); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return refuse(CodeSyntax)
	}
	return nil
}
