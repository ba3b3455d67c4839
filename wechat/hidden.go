package wechat

import (
	"fmt"
	"io"
	"log/slog"
)

// The values of this package that hold ids, numbers or keys of people show the
// beginnings of ids and nothing else: String by itself, Format under every verb, and
// LogValue in every log.

func (m MiniSession) String() string {
	return fmt.Sprintf("mini program session of %s (union %s)", shorten(m.OpenID), shorten(m.UnionID))
}
func (m MiniSession) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
func (m MiniSession) LogValue() slog.Value       { return slog.StringValue(m.String()) }

func (m MiniData) String() string {
	return fmt.Sprintf("mini program data of %s (union %s)", shorten(m.OpenID), shorten(m.UnionID))
}
func (m MiniData) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
func (m MiniData) LogValue() slog.Value       { return slog.StringValue(m.String()) }

func (p Phone) String() string             { return "phone number of country " + shorten(p.Country) }
func (p Phone) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }
func (p Phone) LogValue() slog.Value       { return slog.StringValue(p.String()) }

func (a Fan) String() string {
	return fmt.Sprintf("fan %s (union %s, following %t)", shorten(a.OpenID), shorten(a.UnionID), a.Following)
}
func (a Fan) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }
func (a Fan) LogValue() slog.Value       { return slog.StringValue(a.String()) }

func (p FanPage) String() string {
	return fmt.Sprintf("%d of %d fans, next %s", len(p.OpenIDs), p.Total, shorten(p.Next))
}
func (p FanPage) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }
func (p FanPage) LogValue() slog.Value       { return slog.StringValue(p.String()) }

func (c ChangedOpenID) String() string {
	return fmt.Sprintf("%s is now %s (%s)", shorten(c.Old), shorten(c.New), c.Message)
}
func (c ChangedOpenID) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
func (c ChangedOpenID) LogValue() slog.Value       { return slog.StringValue(c.String()) }

func (m TemplateMessage) String() string {
	return fmt.Sprintf("template message to %s", shorten(m.To))
}
func (m TemplateMessage) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
func (m TemplateMessage) LogValue() slog.Value       { return slog.StringValue(m.String()) }

func (m SubscriptionMessage) String() string {
	return fmt.Sprintf("notification to %s", shorten(m.To))
}
func (m SubscriptionMessage) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
func (m SubscriptionMessage) LogValue() slog.Value       { return slog.StringValue(m.String()) }

func (m CustomMessage) String() string {
	return fmt.Sprintf("customer-service message to %s", shorten(m.To))
}
func (m CustomMessage) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
func (m CustomMessage) LogValue() slog.Value       { return slog.StringValue(m.String()) }
