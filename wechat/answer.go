package wechat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// answer has the fields of all calls of this package. WeChat changes between
// numbers and strings at times, so every field takes both.
type answer struct {
	ErrCode      number `json:"errcode"`
	ErrMsg       text   `json:"errmsg"`
	AccessToken  text   `json:"access_token"`
	ExpiresIn    number `json:"expires_in"`
	OpenID       text   `json:"openid"`
	UnionID      text   `json:"unionid"`
	Scope        text   `json:"scope"`
	SnapshotUser flag   `json:"is_snapshotuser"`
	Nickname     text   `json:"nickname"`
	HeadImgURL   text   `json:"headimgurl"`
}

// readAnswer decodes a body whatever its content type says (wechat-api.md,
// general wire rules). Its errors never repeat the body, which may hold tokens.
func readAnswer(body []byte) (answer, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 {
		return answer{}, errors.New("the answer is empty")
	}
	if body[0] != '{' || !json.Valid(body) {
		return answer{}, errors.New("the answer is no JSON object")
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return answer{}, fmt.Errorf("the answer has a field of a wrong type")
	}
	return a, nil
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
	s, err := scalar(b)
	if err != nil {
		return err
	}
	*n = 0
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	// Go's int may have 32 bits, and WeChat's codes fit.
	i, err := strconv.ParseInt(s, 10, 32)
	*n = number(i)
	return err
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
