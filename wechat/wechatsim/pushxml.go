package wechatsim

import (
	"fmt"
	"strings"
)

// element is an element of a push: a string becomes CDATA, a number is bare, and a
// list of elements is nested. The order is WeChat's.
type element struct {
	name  string
	value any
}

// pushXML is a push as WeChat writes it (wechat-api.md §8.4).
func pushXML(elements []element) string {
	var b strings.Builder
	b.WriteString("<xml>")
	writeElements(&b, elements)
	b.WriteString("</xml>")
	return b.String()
}

func writeElements(b *strings.Builder, elements []element) {
	for _, e := range elements {
		b.WriteString("<" + e.name + ">")
		switch v := e.value.(type) {
		case string:
			b.WriteString(cdata(v))
		case bare:
			b.WriteString(string(v))
		case []element:
			writeElements(b, v)
		default:
			fmt.Fprint(b, v)
		}
		b.WriteString("</" + e.name + ">")
	}
}

// bare is text outside of CDATA: the digits of a place.
type bare string

// cdata wraps a text. Where the text has the end of a CDATA section, one ends and
// another begins: two neighbours are one text.
func cdata(s string) string {
	return "<![CDATA[" + strings.ReplaceAll(validXML(s), "]]>", "]]]]><![CDATA[>") + "]]>"
}

// validXML drops what XML can't hold at all: WeChat's clients can't type it.
func validXML(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000:
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// textOf is the value of a string element by its name, "" if there is none.
func textOf(elements []element, name string) string {
	for _, e := range elements {
		if e.name == name {
			s, _ := e.value.(string)
			return s
		}
	}
	return ""
}
