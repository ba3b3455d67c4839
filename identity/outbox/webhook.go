package outbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// WebhookConfig says where a webhook leads and how it is signed.
type WebhookConfig struct {
	// URL is where events are posted to: https, or plain http to an address in
	// Networks.
	URL string
	// Secrets are one or two of the form whsec_…, 24 to 64 bytes in base64. Both
	// sign, so that a consumer can change from one to the other.
	Secrets []string
	// Networks may be reached besides public addresses.
	Networks Networks
	// Issuer begins the source of each event.
	Issuer string
	Now    func() time.Time
	// Timeout bounds one delivery; default 10s.
	Timeout time.Duration
	// Resolver finds addresses; nil is the one of this machine.
	Resolver *net.Resolver
}

// Webhook posts events to a consumer, as CloudEvents signed by the rules of
// Standard Webhooks. It follows no redirects, uses no proxy, and looks at the
// address of each connection, whatever the name has led to before.
type Webhook struct {
	url    string
	issuer string
	keys   []*webhooks.Webhook
	client *http.Client
	now    func() time.Time
}

// ErrAddress is why a connection isn't made.
var ErrAddress = errors.New("the address is private, and not in webhook_networks")

// NewWebhook makes a webhook, or says what is wrong with its configuration: the
// error begins with `webhook` or `secret`, and holds neither.
func NewWebhook(c WebhookConfig) (*Webhook, error) {
	if err := checkURL(c.URL, c.Networks); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	w := &Webhook{url: c.URL, issuer: c.Issuer, now: c.Now}
	if len(c.Secrets) < 1 || len(c.Secrets) > 2 || len(c.Secrets) == 2 && c.Secrets[0] == c.Secrets[1] {
		return nil, errors.New("secret: one is needed, or two different ones while it is changed")
	}
	for _, secret := range c.Secrets {
		text, ok := strings.CutPrefix(secret, "whsec_")
		raw, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(raw) < 24 || len(raw) > 64 {
			return nil, errors.New("secret: a secret is `whsec_` and 24 to 64 random bytes in base64: make one with `echo whsec_$(openssl rand -base64 32)`")
		}
		key, err := webhooks.NewWebhookRaw(raw)
		if err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
		w.keys = append(w.keys, key)
	}
	w.client = c.Networks.Client(strings.HasPrefix(c.URL, "http:"), c.Resolver) // in plain text only where it was said
	w.client.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	return w, nil
}

// checkURL refuses what can be seen to be wrong without asking a name server. Its
// errors don't hold the address, which may hold a secret.
func checkURL(text string, networks Networks) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("this is no address such as https://orders.example.com/hooks")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if name := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")); name == "localhost" || strings.HasSuffix(name, ".localhost") {
		ip, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	switch {
	case err == nil && !networks.Allow(ip):
		return errors.New("the address is private: name its network in `webhook_networks`")
	case u.Scheme == "http" && (len(networks) == 0 || err == nil && !networks.Contains(ip)):
		return errors.New("this has to be https: plain http is for addresses in `webhook_networks`")
	}
	return nil
}

// Send posts one event. 2xx is success, everything else a [*Failure].
func (w *Webhook) Send(ctx context.Context, e identity.Event) error {
	body, err := encode(w.issuer, e)
	if err != nil {
		return &Failure{Code: "encoding"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return &Failure{Code: "encoding"}
	}
	now := w.now()
	var signatures []string
	for _, key := range w.keys {
		signature, err := key.Sign(e.ID, now, body)
		if err != nil {
			return &Failure{Code: "signing"}
		}
		signatures = append(signatures, signature)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "caddy-wsite")
	req.Header.Set(webhooks.HeaderWebhookID, e.ID)
	req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(webhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	resp, err := w.client.Do(req)
	if err != nil {
		return unanswered(err)
	}
	defer resp.Body.Close()
	// A short answer is read, so that the connection can be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 16<<10))
	return w.judge(resp)
}

// unanswered says why there was no answer.
func unanswered(err error) *Failure {
	code := "unreachable"
	timeout := net.Error(nil)
	switch {
	case errors.Is(err, ErrAddress):
		code = "private_address"
	case errors.As(err, &timeout) && timeout.Timeout():
		code = "timeout"
	}
	return &Failure{Code: code, Unreachable: true}
}

func (w *Webhook) judge(resp *http.Response) error {
	status := resp.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	f := &Failure{Code: "status_" + strconv.Itoa(status)}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		f.Unreachable, f.After = true, w.retryAfter(resp.Header.Get("Retry-After"))
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		f.Unreachable = true
	}
	if status >= 300 && status < 400 {
		f.Code = "redirect"
	}
	return f
}

// retryAfter reads seconds or a date; zero if it is neither.
func (w *Webhook) retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(w.now()), 0)
	}
	return 0
}

// Close ends idle connections.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }

var _ Sender = (*Webhook)(nil)
