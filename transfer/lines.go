package transfer

import (
	"bufio"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxLine is how many bytes of a line are kept. No row of a table of fans comes near
// it; what does is a file that isn't one.
const maxLine = 64 << 10

// Encoding says how a file's bytes are to be read.
type Encoding string

const (
	// Auto takes a line for UTF-8 if it can be, else for GB18030, which GBK is a part
	// of. A mark at the beginning of the file settles it: UTF-8 or UTF-16.
	Auto Encoding = "auto"
	UTF8 Encoding = "utf-8"
	GBK  Encoding = "gbk"
)

// line is a line of a file, without its end.
type line struct {
	text   string
	number int // from 1
	long   bool
}

// lines reads a file line by line, and takes lines back.
type lines struct {
	in       *bufio.Reader
	encoding Encoding
	number   int
	back     []line
}

func newLines(r io.Reader, e Encoding) *lines {
	// A mark at the beginning, which Windows likes to set, is no part of the first
	// column's name.
	in := transform.NewReader(r, unicode.BOMOverride(encoding.Nop.NewDecoder()))
	return &lines{in: bufio.NewReaderSize(in, maxLine), encoding: e}
}

// next returns the next line, or [io.EOF].
func (l *lines) next() (line, error) {
	if len(l.back) > 0 {
		first := l.back[0]
		l.back = l.back[1:]
		return first, nil
	}
	text, err := l.in.ReadSlice('\n')
	kept := string(text)
	n := line{number: l.number + 1}
	for errors.Is(err, bufio.ErrBufferFull) {
		n.long = true
		_, err = l.in.ReadSlice('\n')
	}
	if err != nil && (!errors.Is(err, io.EOF) || kept == "") {
		return line{}, err
	}
	l.number++
	if m := len(kept); m > 0 && kept[m-1] == '\n' {
		kept = kept[:m-1]
	}
	if m := len(kept); m > 0 && kept[m-1] == '\r' {
		kept = kept[:m-1]
	}
	n.text = l.decoded(kept)
	return n, nil
}

// decoded is a line as UTF-8. What can't be read has U+FFFD in its place, which no id
// may hold.
func (l *lines) decoded(text string) string {
	if l.encoding == UTF8 || l.encoding == Auto && utf8.ValidString(text) {
		return text
	}
	if decoded, err := simplifiedchinese.GB18030.NewDecoder().String(text); err == nil {
		return decoded
	}
	return text
}
