package wechatsim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The modes of pushes (wechat-api.md §9.4).
const (
	PushPlain      = "plain"      // nothing is encrypted
	PushCompatible = "compatible" // every push comes both ways in one
	PushSafe       = "safe"       // everything is encrypted
)

var pushModes = []string{PushPlain, PushCompatible, PushSafe}

// PushTarget is where an account's messages and events go, as its owner set it up
// in WeChat's console (服务器配置).
type PushTarget struct {
	AppID string `json:"appid"`
	URL   string `json:"url"`   // http or https; any port, unlike WeChat's
	Token string `json:"token"` // 3 to 32 letters and digits
	// AESKey is the EncodingAESKey, 43 letters and digits. Only [PushPlain] does
	// without.
	AESKey string `json:"aes_key"`
	Mode   string `json:"mode"` // [PushPlain] if empty
}

var pushTokenForm = regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`)

// settle fills in what a target leaves out, and refuses what isn't one.
func (p PushTarget) settle() (PushTarget, error) {
	if p.Mode == "" {
		p.Mode = PushPlain
	}
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return p, errors.New("the URL is http:// or https:// with a host, and without a fragment")
	case !pushTokenForm.MatchString(p.Token):
		return p, errors.New("the token is 3 to 32 letters and digits")
	case !slices.Contains(pushModes, p.Mode):
		return p, fmt.Errorf("the mode is one of %s, not %q", strings.Join(pushModes, ", "), p.Mode)
	}
	if p.AESKey != "" || p.Mode != PushPlain {
		if _, err := decodeAESKey(p.AESKey); err != nil {
			return p, err
		}
	}
	return p, nil
}

// address is the target's URL with parameters, signed at a time with a nonce.
func (p PushTarget) address(at time.Time, nonce string, further ...string) string {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	parameters := []string{"signature", pushSignature(p.Token, timestamp, nonce), "timestamp", timestamp, "nonce", nonce}
	parameters = append(parameters, further...)
	var b strings.Builder
	b.WriteString(p.URL)
	for i := 0; i+1 < len(parameters); i += 2 {
		separator := "&"
		if i == 0 && !strings.Contains(p.URL, "?") {
			separator = "?"
		}
		b.WriteString(separator + parameters[i] + "=" + url.QueryEscape(parameters[i+1]))
	}
	return b.String()
}

// SetPush sets where an account's messages and events go. As on saving in WeChat's
// console the URL is asked first for an echo (wechat-api.md §8.1), and an error
// leaves everything as it was. An empty url takes the target away, without asking.
// The mode is [PushPlain], [PushCompatible] or [PushSafe]; aesKey may be empty in
// the first.
func (s *Sim) SetPush(appid, url, token, aesKey, mode string) error {
	a, ok := s.account(appid)
	if !ok {
		return fmt.Errorf("setting the push target of %s: %w account", appid, ErrUnknown)
	}
	target := PushTarget{AppID: appid, URL: url, Token: token, AESKey: aesKey, Mode: mode}
	if url != "" {
		var err error
		if target, err = target.settle(); err == nil {
			err = s.checkEcho(s.ctx, target)
		}
		if err != nil {
			return fmt.Errorf("setting the push target of %s: %w", a.AppID, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state(appid).post.target = target
	return nil
}

// PushTargetOf is where an account's pushes go; its URL is empty if nowhere.
func (s *Sim) PushTargetOf(appid string) PushTarget {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state(appid).post.target
}

// checkEcho asks a target for an echo. The check is one of [Sim.Sent].
func (s *Sim) checkEcho(ctx context.Context, p PushTarget) error {
	echo, nonce := s.dice.word(19, "123456789"), s.dice.word(10, "123456789")
	ctx, cancel := s.deadline(ctx, pushTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address(s.Now(), nonce, "echostr", echo), nil)
	if err != nil {
		return fmt.Errorf("checking the URL: %w", err)
	}
	req.Header.Set("User-Agent", pushAgent)
	sent := Request{At: s.Now(), Method: req.Method, Path: req.URL.Path, Query: req.URL.Query(), RawQuery: req.URL.RawQuery, AppID: p.AppID, UserAgent: pushAgent}
	defer func() { s.sent.add(sent) }()
	res, err := s.pusher.Do(req)
	if err != nil {
		return fmt.Errorf("checking the URL (请求URL超时): %w", ctxOr(ctx, err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	sent.Status, sent.Location, sent.Body = res.StatusCode, res.Header.Get("Location"), string(body)
	switch {
	case err != nil:
		return fmt.Errorf("checking the URL: %w", err)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("checking the URL (token验证失败): it answers with status %d instead of 200", res.StatusCode)
	case string(body) != echo:
		return errors.New("checking the URL (token验证失败): the answer isn't the bare echostr")
	}
	return nil
}
