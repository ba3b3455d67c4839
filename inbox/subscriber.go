package inbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// maxReply is how many bytes of a backend's answer are read; WeChat takes a few thousand.
const maxReply = 64 << 10

// post hands a push to a subscriber, signed anew with a timestamp and a nonce of now: the
// old ones would be stale to him. It returns his answer. The error is a [*Failure].
func (b *Inbox) post(ctx context.Context, s Subscriber, m push.Message) ([]byte, error) {
	if err := b.Networks.CheckURL(s.URL); err != nil {
		return nil, &Failure{Code: "address", Unreachable: true}
	}
	p, err := s.Keys.Post(m, b.Now(), b.Random)
	if err != nil {
		return nil, &Failure{Code: "signing", Unreachable: codeOf(err) == push.CodeKeys}
	}
	target, err := url.Parse(s.URL)
	if err != nil {
		return nil, &Failure{Code: "address", Unreachable: true}
	}
	query := target.Query()
	for name, values := range p.Query {
		query[name] = values
	}
	target.RawQuery = query.Encode()
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(p.Body))
	if err != nil {
		return nil, &Failure{Code: "address", Unreachable: true}
	}
	req.Header.Set("Content-Type", p.ContentType)
	req.Header.Set("User-Agent", "Mozilla/4.0") // as WeChat's server calls itself
	client := b.secure
	if target.Scheme == "http" {
		client = b.plain
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, unanswered(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		// A short answer is read, so that the connection can be used again.
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 16<<10))
		return nil, status(resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err != nil {
		return nil, unanswered(err)
	}
	if len(body) > maxReply {
		body = []byte("<") // taken it is; as a reply it is none
	}
	return body, nil
}

// unanswered says why there was no answer. The error of a client holds the URL.
func unanswered(err error) *Failure {
	code := "unreachable"
	timeout := net.Error(nil)
	switch {
	case errors.Is(err, outbox.ErrAddress):
		code = "private_address"
	case errors.As(err, &timeout) && timeout.Timeout():
		code = "timeout"
	}
	return &Failure{Code: code, Unreachable: true}
}

// status judges an answer that isn't 200, which WeChat takes for a failure, too.
func status(n int) *Failure {
	f := &Failure{Code: "status_" + strconv.Itoa(n)}
	switch {
	case n >= 300 && n < 400:
		f.Code = "redirect"
	case n == http.StatusTooManyRequests, n == http.StatusBadGateway, n == http.StatusServiceUnavailable, n == http.StatusGatewayTimeout:
		f.Unreachable = true
	}
	return f
}

// codeOf is the word for an error.
func codeOf(err error) string {
	if f := (*Failure)(nil); errors.As(err, &f) {
		return f.Code
	}
	if r := (*push.Refusal)(nil); errors.As(err, &r) {
		return r.Code
	}
	return "other"
}
