package wechat

import (
	"context"
	"encoding/json"
	"strings"
)

// SubscriptionMessage is a notification that the visitor has subscribed to
// (wechat-api.md §10.2).
type SubscriptionMessage struct {
	To         string // openid
	TemplateID string
	Page       string // where a tap leads; empty means nowhere
	MiniAppID  string // goes before Page
	MiniPath   string
	Data       map[string]string // values by key, such as "name1"
}

// SendSubscription sends a notification (wechat-api.md §10.2). Without a
// subscription WeChat says 43101. It is sent again only if it surely never left.
// Any error is an [*Error].
func (c *Client) SendSubscription(ctx context.Context, as Bearer, m SubscriptionMessage) error {
	q := as.query("cgi-bin/message/subscribe/bizsend", nil)
	q.once = true
	q.needMessage(m.To, m.TemplateID, m.MiniAppID, m.Data)
	q.body = struct {
		To         string                   `json:"touser"`
		TemplateID string                   `json:"template_id"`
		Page       string                   `json:"page,omitempty"`
		Mini       *miniProgram             `json:"miniprogram,omitempty"`
		Data       map[string]templateValue `json:"data"`
	}{m.To, m.TemplateID, m.Page, newMiniProgram(m.MiniAppID, m.MiniPath), templateData(m.Data)}
	return c.do(ctx, q, nil)
}

// CustomMessage is a customer-service message (wechat-api.md §10.3).
type CustomMessage struct {
	To string // openid
	// Type is WeChat's: text, image, voice, video, music, news, mpnews,
	// mpnewsarticle, msgmenu, wxcard or miniprogrampage.
	Type string
	// Content is the JSON object under that name, such as {"content":"…"} of a
	// text. It may come escaped from elsewhere: it is written anew, without escapes
	// and control characters.
	Content json.RawMessage
	Agent   string // kf_account; empty means none
}

// SendCustom sends a customer-service message, which the visitor's own acts permit
// for a time; after that WeChat says 45015 (wechat-api.md §10.3). It is sent again
// only if it surely never left. Any error is an [*Error].
func (c *Client) SendCustom(ctx context.Context, as Bearer, m CustomMessage) error {
	q := as.query("cgi-bin/message/custom/send", nil)
	q.once = true
	q.secrets = append(q.secrets, m.To)
	q.need(wordLike(m.To, 64), "the openid is malformed")
	q.need(customTypes[m.Type], "the type of the message is not one of WeChat's")
	content, err := anew(m.Content)
	_, object := content.(map[string]any)
	q.need(err == nil && object, "the content is no JSON object")
	body := map[string]any{"touser": m.To, "msgtype": m.Type, m.Type: content}
	if m.Agent != "" {
		q.need(agentLike(m.Agent), "the agent is malformed")
		body["customservice"] = map[string]string{"kf_account": m.Agent}
	}
	q.body = body
	return c.do(ctx, q, nil)
}

var customTypes = map[string]bool{
	"text": true, "image": true, "voice": true, "video": true, "music": true, "news": true,
	"mpnews": true, "mpnewsarticle": true, "msgmenu": true, "wxcard": true, "miniprogrampage": true,
}

// agentLike takes a name in the form of name@account.
func agentLike(s string) bool {
	return len(s) <= 128 && oneLine(s) == s && !strings.ContainsAny(s, " ")
}

// Typing shows the visitor, or no longer, that an answer is being typed
// (wechat-api.md §10.3). Any error is an [*Error].
func (c *Client) Typing(ctx context.Context, as Bearer, to string, on bool) error {
	q := as.query("cgi-bin/message/custom/typing", nil)
	q.idempotent = true
	q.secrets = append(q.secrets, to)
	q.need(wordLike(to, 64), "the openid is malformed")
	command := "CancelTyping"
	if on {
		command = "Typing"
	}
	q.body = struct {
		To      string `json:"touser"`
		Command string `json:"command"`
	}{to, command}
	return c.do(ctx, q, nil)
}
