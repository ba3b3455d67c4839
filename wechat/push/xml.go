package push

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// parseXML reads <xml>…</xml>. It defines no entities, reads no files, and refuses
// every document type before it says anything.
func parseXML(body []byte) (document, error) {
	d := xml.NewDecoder(bytes.NewReader(printable(body)))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, refuse(CodeEncoding) }
	doc := document{text: body}
	var b builder
	for {
		before := d.InputOffset()
		token, err := d.Token()
		if errors.Is(err, io.EOF) && doc.root != nil {
			return doc, nil
		}
		if r := (*Refusal)(nil); errors.As(err, &r) {
			return document{}, r
		}
		if err != nil {
			return document{}, refuse(CodeSyntax)
		}
		switch t := token.(type) {
		case xml.Directive:
			return document{}, refuse(CodeDoctype)
		case xml.StartElement:
			if doc.root != nil || len(b.open) == 0 && !strings.EqualFold(t.Name.Local, "xml") {
				return document{}, refuse(CodeSyntax)
			}
			if err := b.begin(t.Name.Local); err != nil {
				return document{}, err
			}
		case xml.EndElement:
			if n := b.end(); len(b.open) == 0 {
				doc.root, doc.tail = n, int(before)
			}
		case xml.CharData:
			if len(b.open) > 0 {
				n := b.open[len(b.open)-1]
				n.raw = append(n.raw, t...)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return document{}, refuse(CodeSyntax)
			}
		}
	}
}

// printable replaces the control characters that XML doesn't know by spaces: visitors
// paste them into messages, and WeChat hands them on. Nothing changes its place.
func printable(body []byte) []byte {
	control := func(c byte) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' }
	clean := body
	for i, c := range body {
		if !control(c) {
			continue
		}
		if &clean[0] == &body[0] {
			clean = bytes.Clone(body)
		}
		clean[i] = ' '
	}
	return clean
}
