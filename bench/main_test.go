package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets this binary be the Caddy that the benchmark starts, as main does.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childRole {
		if err := child(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestRun runs all of it for a moment: that it starts, signs in, finds the same bytes
// at the site, and prints. No figure of it is worth reading.
func TestRun(t *testing.T) {
	var out strings.Builder
	s := settings{rounds: 2, duration: 100 * time.Millisecond, conns: 4, logins: 8}
	if err := run(t.Context(), s, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Caddyfile.example as shipped", "× 0.93 or more", "returning visitors", "new visitors", "three with Redis: commands of Redis for a page"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it prints no %q:\n%s", want, out.String())
		}
	}
	if t.Failed() || testing.Verbose() {
		t.Log(out.String())
	}
}

func TestSettings_check(t *testing.T) {
	t.Parallel()
	good := settings{rounds: 1, duration: time.Second, conns: 1}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*settings){
		"no rounds":      func(s *settings) { s.rounds = 0 },
		"no time":        func(s *settings) { s.duration = 0 },
		"no connections": func(s *settings) { s.conns = 0 },
		"too many":       func(s *settings) { s.conns = 5000 },
		"less than none": func(s *settings) { s.logins = -1 },
	} {
		s := good
		if spoil(&s); s.check() == nil {
			t.Errorf("%s: it is not refused", name)
		}
	}
}

func TestSpreadOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{4, 1, 3, 2}, spread{2.5, 1, 4}},
	} {
		if got := spreadOf(c.values, func(v float64) float64 { return v }); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := range 200 {
		took = append(took, time.Duration(i))
	}
	if got := percentile(took, 50); got != 100 {
		t.Errorf("the 50th percentile of 0 to 199 is %d", got)
	}
	if got := percentile(took, 99); got != 198 {
		t.Errorf("the 99th percentile of 0 to 199 is %d", got)
	}
	if got := percentile(nil, 99); got != 0 {
		t.Errorf("of nothing it is %d", got)
	}
}

func TestSameBytes(t *testing.T) {
	t.Parallel()
	head := func(token, path string) string { return "GET " + path + " HTTP/1.1\r\nX-User: " + token + "\r\n\r\n" }
	gateway := []string{head("aaaa", "/"), head("bbbb", "/")}
	if err := sameBytes(gateway, []string{head("aaaa", "/"), head("aaaa", "/")}); err != nil {
		t.Error(err)
	}
	for name, plain := range map[string][]string{
		"another path":          {head("aaaa", "/x"), head("aaaa", "/")},
		"another token":         {head("cccc", "/"), head("aaaa", "/")},
		"another path later on": {head("aaaa", "/"), head("aaaa", "/x")},
		"no token":              {"GET / HTTP/1.1\r\n\r\n", head("aaaa", "/")},
	} {
		if sameBytes(gateway, plain) == nil {
			t.Errorf("%s: it isn't seen", name)
		}
	}
}
