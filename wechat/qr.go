package wechat

import (
	"context"
	"net/url"
	"time"
	"unicode/utf8"
)

// QROrder says what a parametric QR code shall be (wechat-api.md §7.1).
type QROrder struct {
	// Scene comes back when the code is scanned: 1 to 64 characters. If it is
	// empty, SceneID is the scene: from 1 to 4,294,967,295, or to 100,000 of a
	// permanent code.
	Scene   string
	SceneID int64
	// Permanent codes live for ever, and an account has 100,000 of them.
	Permanent bool
	// Life of a temporary code: 1 s to 30 days, in whole seconds; WeChat's default
	// is a minute. A permanent one has none.
	Life time.Duration
}

// QR is a parametric QR code.
type QR struct {
	Ticket string        // for [Client.QRImageURL]
	URL    string        // what the code says, to draw it oneself
	Life   time.Duration // zero of a permanent code
}

const maxQRLife = 30 * 24 * time.Hour

// CreateQR makes a parametric QR code (wechat-api.md §7.1). One for life is sent
// again only if it surely never left, since they are counted. Any error is an
// [*Error].
func (c *Client) CreateQR(ctx context.Context, as Bearer, order QROrder) (QR, error) {
	type scene struct {
		ID  int64  `json:"scene_id,omitempty"`
		Str string `json:"scene_str,omitempty"`
	}
	var body struct {
		Seconds int64  `json:"expire_seconds,omitempty"`
		Name    string `json:"action_name"`
		Info    struct {
			Scene scene `json:"scene"`
		} `json:"action_info"`
	}
	q := as.query("cgi-bin/qrcode/create", nil)
	q.idempotent = !order.Permanent
	body.Name = map[[2]bool]string{
		{false, false}: "QR_SCENE", {false, true}: "QR_STR_SCENE",
		{true, false}: "QR_LIMIT_SCENE", {true, true}: "QR_LIMIT_STR_SCENE",
	}[[2]bool{order.Permanent, order.Scene != ""}]
	if order.Scene != "" {
		n := utf8.RuneCountInString(order.Scene)
		q.need(n <= 64 && utf8.ValidString(order.Scene) && oneLine(order.Scene) == order.Scene, "the scene has not 1 to 64 characters, or one that doesn't print")
		body.Info.Scene.Str = order.Scene
	} else {
		most := int64(1<<32 - 1)
		if order.Permanent {
			most = 100_000
		}
		q.need(order.SceneID >= 1 && order.SceneID <= most, "the scene id is out of range")
		body.Info.Scene.ID = order.SceneID
	}
	if !order.Permanent {
		q.need(order.Life == 0 || order.Life >= time.Second && order.Life <= maxQRLife, "the life is not within 1 s and 30 days")
		body.Seconds = int64(order.Life / time.Second)
	}
	q.body = body
	var a struct {
		Ticket  text   `json:"ticket"`
		URL     text   `json:"url"`
		Seconds number `json:"expire_seconds"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return QR{}, err
	}
	switch {
	case !tokenLike(string(a.Ticket)):
		return QR{}, q.fault("the answer has no usable ticket")
	case avatar(string(a.URL)) == "":
		return QR{}, q.fault("the answer has no usable url")
	case !order.Permanent && a.Seconds <= 0:
		return QR{}, q.fault("the answer doesn't say how long the code lives")
	}
	qr := QR{Ticket: string(a.Ticket), URL: string(a.URL)}
	if !order.Permanent {
		qr.Life = time.Duration(a.Seconds) * time.Second
	}
	return qr, nil
}

// QRImageURL is where anybody gets the image of a QR code (wechat-api.md §7.2). A
// ticket that WeChat doesn't know gives 404 there.
func (c *Client) QRImageURL(ticket string) string {
	return c.mpURL + "/cgi-bin/showqrcode?ticket=" + url.QueryEscape(ticket)
}
