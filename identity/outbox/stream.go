package outbox

import (
	"context"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Append adds an entry to a stream, of which about the last max are kept.
type Append func(ctx context.Context, stream string, max int64, fields map[string]string) error

// StreamConfig says which stream events are appended to. All of it is required.
type StreamConfig struct {
	// Name is the stream's, as its readers know it.
	Name string
	// Max is how many entries are kept, about.
	Max    int64
	Append Append
	// Issuer begins the source of each event.
	Issuer string
}

// Stream appends events to a stream, as CloudEvents. They are signed by nobody: whoever
// may write to the server could forge them.
type Stream struct{ StreamConfig }

// NewStream makes one.
func NewStream(c StreamConfig) *Stream { return &Stream{c} }

// Send appends one event: its `id` and `type`, and all of it as `event`.
func (s *Stream) Send(ctx context.Context, e identity.Event) error {
	body, err := encode(s.Issuer, e)
	if err != nil {
		return &Failure{Code: "encoding"}
	}
	if err := s.Append(ctx, s.Name, s.Max, map[string]string{"id": e.ID, "type": string(e.Type), "event": string(body)}); err != nil {
		return &Failure{Code: "redis", Unreachable: true}
	}
	return nil
}

// Close does nothing: the connections belong to whoever gave Append.
func (*Stream) Close() {}

var _ Sender = (*Stream)(nil)
