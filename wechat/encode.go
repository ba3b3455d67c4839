package wechat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// encode writes JSON as WeChat wants it: UTF-8 as it is, for it refuses \uXXXX
// (40033) and shows Go's \u003c to people (wechat-api.md, general wire rules).
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return plain(b), nil
}

// plain replaces Go's escapes: < > & U+2028 U+2029 U+FFFD are written as they are,
// and control characters, which nobody sees, are dropped; lines and tabs stay.
func plain(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'b', 'f':
		case 'u':
			// The encoder escapes no character that would be two surrogates.
			if r, err := strconv.ParseUint(string(b[i+1:i+5]), 16, 16); err == nil && r >= ' ' {
				out = utf8.AppendRune(out, rune(r))
			}
			i += 4
		default:
			out = append(out, '\\', b[i])
		}
	}
	return out
}

// anew reads JSON of somebody else, whose own encoder may have escaped it, so
// that encode writes it plainly. Numbers stay as they are written.
func anew(raw json.RawMessage) (any, error) {
	if !json.Valid(raw) { // the decoder would stop behind the first value
		return nil, errors.New("it is no JSON")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
