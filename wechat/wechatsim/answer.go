package wechatsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// field is one field of an answer. An answer is a list of them because WeChat
// promises no order.
type field struct {
	name  string
	value any
}

// messages are WeChat's errmsg texts without their tails (wechat-api.md §15 and
// the samples in §1).
var messages = map[int]string{
	-1:    "system error",
	40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
	40002: "invalid grant_type",
	40003: "invalid openid",
	40007: "invalid media_id",
	40008: "invalid message type",
	40013: "invalid appid",
	40029: "invalid code",
	40030: "invalid refresh_token",
	40031: "invalid openid list",
	40032: "invalid openid list size",
	40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
	40066: "invalid url",
	40125: "invalid appsecret",
	40163: "code been used",
	40243: "secret is frozen",
	41001: "access_token missing",
	41002: "appid missing",
	41003: "refresh_token missing",
	41004: "appsecret missing",
	41008: "missing code",
	41009: "missing openid",
	42001: "access_token expired",
	42002: "refresh_token expired",
	42003: "code expired",
	43001: "require GET method",
	43002: "require POST method",
	43004: "require subscribe",
	43100: "change template too frequently",
	43101: "user refuse to accept the msg",
	43102: "the template is not for subscription",
	44002: "empty post data",
	44003: "empty news data",
	44004: "empty content",
	45009: "reach max api daily quota limit",
	45002: "content size out of limit",
	45008: "article size out of limit",
	45015: "response out of time limit or subscription is canceled",
	45026: "template size out of limit",
	45029: "qrcode count out of limit",
	45047: "out of response count limit",
	45072: "invalid command",
	45080: "need a message of the user within 30 seconds",
	45081: "already typing",
	48002: "user refuse to accept the msg",
	48006: "forbid to clear quota because of reaching the limit",
	63178: "migration record not found or expired",
	76001: "rid not exist",
	76002: "rid is empty or malformed",
	76003: "rid not belong to current account",
	76004: "rid expired, only last 7 days available",
	76021: "cgi_path not found, please check",
	76022: "could not use this cgi_path, no permission",
	87009: "invalid signature",
	40226: "code blocked",
	40035: "invalid argument",
	40037: "invalid template_id",
	40053: "invalid action info",
	40102: "invalid industry id",
	40166: "invalid weapp appid",
	40097: "invalid args",
	45011: "api minute-quota reach limit, must slower retry next minute",
	47001: "data format error",
	48001: "api unauthorized",
	89503: "this ip is waiting for the confirmation of the administrator",
	50004: "account is barred",
	50007: "account is frozen",
}

func (c *call) hit(name string) (Armed, bool) { return c.strike(c.w, name, c.appid) }

func (c *call) is(name string) bool {
	_, ok := c.hit(name)
	return ok
}

// pause waits by the simulator's clock. A client that went away is cut off.
func (c *call) pause(d time.Duration) {
	ctx, done := c.life(c.r.Context())
	defer done()
	if c.clock.wait(ctx, d) != nil {
		panic(http.ErrAbortHandler)
	}
}

// hang keeps a client waiting until it gives up, and says nothing.
func (c *call) hang() {
	ctx, done := c.life(c.r.Context())
	defer done()
	<-ctx.Done()
	panic(http.ErrAbortHandler)
}

// refuse answers with an errcode and its text. HTTP status 200 is right.
func (c *call) refuse(code int) {
	message, ok := messages[code]
	if !ok {
		panic(fmt.Sprintf("wechatsim: no message for errcode %d", code))
	}
	c.refuseWith(code, message)
}

func (c *call) refuseWith(code int, message string) {
	tails := []string{", rid: ", " rid: ", " , rid: "}
	c.w.req.RID = c.dice.rid()
	message += tails[c.dice.upTo(len(tails))] + c.w.req.RID
	c.answer(field{"errcode", code}, field{"errmsg", message})
}

// caller is the address that a client called from, without port.
func (c *call) caller() string {
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		return "127.0.0.1"
	}
	return host
}

// answer writes fields as JSON in some order, with fields that nobody needs: what
// WeChat leaves free, a client can't rely on.
func (c *call) answer(fields ...field) {
	c.dice.shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	if c.dice.chance(0.5) {
		fields = append(fields, field{"wechatsim_" + c.dice.word(4, "abcdef"), c.dice.upTo(100)})
	}
	if c.is("unknown_fields") {
		fields = append(
			fields, field{"new_in_2031", map[string]any{"openid": "not yours", "list": []any{1, nil, "x"}}},
			field{"nothing", nil}, field{"errors", []any{}}, field{"Code", "<&>"},
		)
	}
	asText := c.is("numbers_as_strings")
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // WeChat doesn't
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		if n, ok := f.value.(int); ok && asText {
			f.value = fmt.Sprint(n)
		}
		// A name is ours and plain; a value is one that JSON can hold.
		fmt.Fprintf(&b, "%q:", f.name)
		if err := enc.Encode(f.value); err != nil {
			panic(fmt.Sprintf("wechatsim: encoding %s: %v", f.name, err))
		}
		b.Truncate(b.Len() - 1) // the encoder's line break
	}
	b.WriteByte('}')
	// Of all types, the first is what many clients stumble over (wechat-api.md,
	// general wire rules).
	kind := "text/plain"
	if !strings.HasPrefix(c.r.URL.Path, "/sns/") {
		kind = "application/json; encoding=utf-8"
	}
	c.w.Header().Set("Content-Type", kind)
	c.w.Header().Set("Cache-Control", "no-cache, must-revalidate")
	_, _ = c.w.Write(b.Bytes())
}

func (c *call) html(status int, page string) {
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.WriteHeader(status)
	_, _ = c.w.Write([]byte(page))
}
