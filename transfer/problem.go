package transfer

import (
	"errors"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Problem is a row that was not imported: what is wrong with it, both sides of it, and
// what can be done. Ids are shortened as [identity.Mask] does; the line tells whoever
// holds the file which row it is.
type Problem struct {
	Line     int    `json:"line"`
	Code     string `json:"code"`
	Message  string `json:"message"`
	Row      Side   `json:"row"`
	OnRecord string `json:"on_record,omitempty"` // the id that stands in the way
	Advice   string `json:"advice"`
}

// Side is what a row says.
type Side struct {
	AppID   string `json:"appid,omitempty"`
	OpenID  string `json:"openid,omitempty"`
	UnionID string `json:"unionid,omitempty"`
	User    string `json:"user,omitempty"`
}

func (p *Problem) Error() string { return p.Message }

func masked(id string) string {
	if id == "" {
		return ""
	}
	return identity.Mask(id)
}

func problem(row Row, code, message, advice string) *Problem {
	side := Side{AppID: row.AppID, OpenID: masked(row.OpenID), UnionID: masked(row.UnionID), User: masked(row.User)}
	if len(side.AppID) > 32 || !identity.ValidOpenid(side.AppID) {
		side.AppID = masked(row.AppID) // whatever it is, it is no app id
	}
	return &Problem{Line: row.Line, Code: code, Message: message, Row: side, Advice: advice}
}

func unreadable(number int, message string) *Problem {
	return problem(Row{Line: number}, "unreadable", message, "correct the line in the file, and import that row alone")
}

// refused makes a problem of what the identity centre says against a row; nil if the
// error is not about the row.
func refused(row Row, err error) *Problem {
	if conflict := (*identity.Conflict)(nil); errors.As(err, &conflict) {
		p := problem(row, conflict.Code, conflict.Error(), conflict.Advice())
		p.OnRecord = masked(conflict.Holder)
		return p
	}
	if fault := (*identity.Fault)(nil); errors.As(err, &fault) {
		return problem(row, "bad_"+fault.Field, fault.Error(), "correct the value in the table, or leave the row out")
	}
	return nil
}
