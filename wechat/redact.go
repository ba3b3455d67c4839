package wechat

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// maxMessage bounds foreign text in an error, in bytes.
const maxMessage = 200

// blot stands for what is not shown.
const blot = "[…]"

// longRun matches what may be an id or a credential: openids have 28 characters,
// codes and secrets 32, tokens more; appids, which may be shown, have 18.
var longRun = regexp.MustCompile(`[A-Za-z0-9_\-]{20,}`)

// redact makes foreign text fit for an error: one line, bounded, without the
// given values in any of the forms in which a URL holds them, and without any
// other run of characters that looks like one.
func redact(s string, secrets []string) string {
	// Control characters go first: one in the middle of a secret must not hide it.
	s = oneLine(s)
	// The longest goes first, since a short secret may be part of a long one.
	var forms []string
	for _, v := range secrets {
		if v != "" {
			forms = append(forms, v, url.QueryEscape(v), url.PathEscape(v))
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, v := range forms {
		s = strings.ReplaceAll(s, v, blot)
	}
	return cut(longRun.ReplaceAllString(s, blot), maxMessage)
}

// oneLine drops what doesn't print: controls, line separators, and the marks that
// turn the direction of writing around.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s))
}

// cut shortens s to at most n bytes between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// clean rebuilds an error of the HTTP client. The original holds the whole URL,
// with secret and code in it, so nothing of it is kept except causes that are
// known to hold none.
func (q query) clean(err error) error {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &dns):
		return fmt.Errorf("looking up the host: %s", redact(dns.Err, q.secrets))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return context.DeadlineExceeded
	case errors.As(err, &cert):
		return fmt.Errorf("checking the certificate: %s", redact(cert.Err.Error(), q.secrets))
	case errors.As(err, &errno):
		return fmt.Errorf("connecting: %w", errno)
	}
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return errors.New(redact(err.Error(), q.secrets))
}

// dialError says that an error comes from before there was a connection.
func dialError(err error) bool {
	var dns *net.DNSError
	var op *net.OpError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}
