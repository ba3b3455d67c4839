package wechatsim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// newPushClient makes the client of pushes. Unlike an errand a push may leave this
// machine: its address comes from whoever set the simulator up.
func newPushClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: pushTimeout}).DialContext,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var errPushTimeout = errors.New("no answer within 5 s")

// deadline is a context that ends after d of the simulator's clock.
func (s *Sim) deadline(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	until := s.Now().Add(d)
	go func() {
		if s.clock.waitUntil(ctx, until) == nil {
			cancel(errPushTimeout)
		}
	}()
	return ctx, func() { cancel(nil) }
}

// letter is a push as it goes on the wire.
type letter struct{ url, body string }

// letter signs and encrypts a push for the number-th try.
func (s *Sim) letter(target PushTarget, p *Push, number int) letter {
	at, nonce := s.Now(), s.nonce(p.ID, number)
	if target.Mode == PushPlain {
		return letter{target.address(at, nonce, "openid", p.OpenID), p.XML}
	}
	key, err := decodeAESKey(target.AESKey)
	if err != nil {
		panic("wechatsim: " + err.Error()) // it was checked
	}
	prefix := s.derive("prefix", strconv.FormatInt(p.ID, 10), strconv.Itoa(number))[:cipherPrefix]
	sealed, err := encryptPush(key, prefix, p.XML, p.tail(number))
	if err != nil {
		panic("wechatsim: " + err.Error()) // the key is as long as it must be
	}
	signed := pushSignature(target.Token, strconv.FormatInt(at.Unix(), 10), nonce, sealed)
	url := target.address(at, nonce, "openid", p.OpenID, "encrypt_type", "aes", "msg_signature", signed)
	if target.Mode == PushCompatible {
		return letter{url, strings.TrimSuffix(p.XML, "</xml>") + "<Encrypt>" + cdata(sealed) + "</Encrypt></xml>"}
	}
	return letter{url, pushXML([]element{{"ToUserName", s.OriginalID(p.AppID)}, {"Encrypt", sealed}})}
}

// tail is the appid that an encrypted push ends with.
func (p *Push) tail(number int) string {
	if number == 1 && p.has("push_foreign") {
		return "wx0000000000000000"
	}
	return p.AppID
}

// mail sends a letter and notes the try.
func (s *Sim) mail(ctx context.Context, p *Push, l letter, forged bool) (answer string, err error) {
	ctx, cancel := s.deadline(ctx, pushTimeout)
	defer cancel()
	try := PushTry{At: s.Now(), URL: l.url, Body: l.body, Forged: forged}
	try.Status, try.Answer, err = s.mailOnce(ctx, l)
	if err != nil {
		try.Error = err.Error()
	}
	s.mu.Lock()
	p.Tries = append(p.Tries, try)
	s.mu.Unlock()
	s.touch()
	return try.Answer, err
}

func (s *Sim) mailOnce(ctx context.Context, l letter) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, strings.NewReader(l.body))
	if err != nil {
		return 0, "", fmt.Errorf("pushing: %w", err)
	}
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("User-Agent", pushAgent)
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Pragma", "no-cache")
	res, err := s.pusher.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("pushing: %w", ctxOr(ctx, err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return res.StatusCode, string(body), fmt.Errorf("reading the answer to a push: %w", ctxOr(ctx, err))
	}
	if res.StatusCode != http.StatusOK {
		return res.StatusCode, string(body), fmt.Errorf("pushing: status %d instead of 200", res.StatusCode)
	}
	return res.StatusCode, string(body), nil
}

// ctxOr is why a context ended, or err if it didn't. The errors of package http
// tell whole addresses, with openids in them; these don't.
func ctxOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var network *net.OpError
	if errors.As(err, &network) {
		return network
	}
	return errors.New("the connection broke")
}

// try makes one try with its faults.
func (s *Sim) try(ctx context.Context, d delivery, number int) (reply string, err error) {
	target := s.PushTargetOf(d.AppID)
	if target.URL == "" {
		return "", errors.New("pushing: the target is gone")
	}
	l := s.letter(target, d.Push, number)
	if number == 1 {
		l = d.spoil(l)
	}
	answer, err := s.mail(ctx, d.Push, l, false)
	if err != nil {
		return "", err
	}
	if number == 1 && d.has("push_lost_answer") {
		return "", errors.New("pushing: the answer got lost")
	}
	return answer, nil
}
