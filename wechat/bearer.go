package wechat

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"
)

// Bearer is an account in whose name a call is made: with its global access_token,
// which is another thing than the token of a visitor (wechat-api.md, general wire
// rules). It shows its token in no log and in no JSON; but package fmt looks past
// that into unexported fields, so don't keep it in one of a value that is printed.
type Bearer struct {
	AppID string
	Token string `json:"-"`
}

func (b Bearer) String() string { return "bearer of " + b.AppID }

// Format is String under every verb, %#v included.
func (b Bearer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, b.String()) }

// LogValue is the bearer for a log.
func (b Bearer) LogValue() slog.Value { return slog.StringValue(b.String()) }

// query begins a call in the name of the account.
func (b Bearer) query(api string, params url.Values) query {
	if params == nil {
		params = url.Values{}
	}
	params.Set("access_token", b.Token)
	q := query{api: api, appID: b.AppID, params: params, secrets: []string{b.Token}}
	q.need(alphanumeric(b.AppID, 64), "the app ID is not made of letters and digits")
	q.need(tokenLike(b.Token), "there is no usable access_token")
	return q
}

// Fresh is a token or a ticket that WeChat has just given. It shows it in no log
// and in no JSON.
type Fresh struct {
	Token string `json:"-"`
	Life  time.Duration
}

func (f Fresh) String() string { return fmt.Sprintf("fresh for %v", f.Life) }

// Format is String under every verb, %#v included.
func (f Fresh) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.String()) }

// LogValue is the life of it for a log.
func (f Fresh) LogValue() slog.Value { return slog.StringValue(f.String()) }

// fresh takes a token or a ticket out of an answer.
func (q query) fresh(token text, life number) (Fresh, error) {
	switch {
	case !tokenLike(string(token)):
		return Fresh{}, q.fault("the answer has no usable token")
	case life <= 0:
		return Fresh{}, q.fault("the answer doesn't say how long the token lives")
	}
	return Fresh{Token: string(token), Life: time.Duration(life) * time.Second}, nil
}
