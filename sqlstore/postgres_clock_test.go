package sqlstore

import (
	"bytes"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// A clock that differs is told, and is no error.
func TestOpenPostgres_clock(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	for _, c := range []struct {
		behind time.Duration
		want   string
	}{{0, ""}, {time.Minute, "ahead=(59|1m)"}, {-time.Minute, "ahead=-(59|1m)"}} {
		var log bytes.Buffer
		s, err := OpenPostgres(t.Context(), dsn, Options{
			Now: func() time.Time { return time.Now().Add(-c.behind) },
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		if got := log.String(); (c.want == "") != (got == "") || !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s behind, the log says %q", c.behind, got)
		}
	}
}
