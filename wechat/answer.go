package wechat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// head is what any answer may say. WeChat changes between numbers and strings at
// times, so every field of every answer takes both.
type head struct {
	ErrCode number `json:"errcode"`
	ErrMsg  text   `json:"errmsg"`
}

// readAnswer decodes a body whatever its content type says (wechat-api.md,
// general wire rules). Its errors never repeat the body, which may hold tokens.
func readAnswer(body []byte, into any) error {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 {
		return errors.New("the answer is empty")
	}
	if body[0] != '{' || !json.Valid(body) {
		return errors.New("the answer is no JSON object")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errors.New("the answer has a field of a wrong type")
	}
	return nil
}

// text is a string, or a number taken as it is written; null is empty.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	s, err := scalar(b)
	*t = text(s)
	return err
}

// number is an integer, or a string of one; null and "" are 0.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	// Go's int may have 32 bits, and WeChat's codes fit.
	i, err := integer(b, 32)
	*n = number(i)
	return err
}

// long is a number that needs 64 bits, as the ids of messages do.
type long int64

func (n *long) UnmarshalJSON(b []byte) error {
	i, err := integer(b, 64)
	*n = long(i)
	return err
}

func integer(b []byte, bits int) (int64, error) {
	s, err := scalar(b)
	if s = strings.TrimSpace(s); err != nil || s == "" {
		return 0, err
	}
	return strconv.ParseInt(s, 10, bits)
}

// flag is true unless it says no. An answer that can't be read must not turn a
// made-up visitor into a real one.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.Trim(string(b), `" `)) {
	case "", "0", "false", "null":
		*f = false
	default:
		*f = true
	}
	return nil
}

// scalar is the text of a JSON string or number.
func scalar(b []byte) (string, error) {
	switch {
	case bytes.Equal(b, []byte("null")):
		return "", nil
	case len(b) > 0 && b[0] == '"':
		var s string
		err := json.Unmarshal(b, &s)
		return s, err
	case len(b) > 0 && (b[0] == '-' || '0' <= b[0] && b[0] <= '9'):
		return string(b), nil
	}
	return "", errors.New("neither a string nor a number")
}
