package scene_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/scene"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	t.Run("a scan is good if and only if nothing stands against it", func(t *testing.T) {
		t.Parallel()
		t0, grace := time.Unix(1000, 0), 5*time.Minute
		rapid.Check(t, func(r *rapid.T) {
			c := scene.Code{Single: rapid.Bool().Draw(r, "single")}
			s := scene.Scan{Key: "e", At: t0.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(r, "at")) * time.Second)}
			if rapid.Bool().Draw(r, "temporary") {
				c.Expires = t0
			}
			if rapid.Bool().Draw(r, "revoked") {
				c.Revoked = t0
			}
			if c.Single {
				c.UsedBy = rapid.SampledFrom([]string{"", "e", "f"}).Draw(r, "used")
			}
			late := !c.Expires.IsZero() && s.At.Sub(t0) > grace
			bad := !c.Revoked.IsZero() || late || c.UsedBy == "f"
			got := scene.Judge(c, s, grace)
			if (got == scene.Good) == bad {
				r.Fatalf("%+v of %+v is %s", s, c, got)
			}
			if got == scene.Expired && !late || got == scene.Used && c.UsedBy != "f" || got == scene.Revoked && c.Revoked.IsZero() {
				r.Fatalf("%+v of %+v is %s", s, c, got)
			}
		})
	})
}
