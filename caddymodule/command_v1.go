package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// v1Call asks the running gateway as an operator would ask the HTTP API, and reads what
// it answers: JSON, or for a *[]byte whatever it is.
type v1Call func(method, path string, in, out any) error

// operating gives a command the flags that say where the running gateway is.
func operating(cmd *cobra.Command) v1Call {
	call := runningGateway(cmd)
	return func(method, path string, in, out any) error {
		if in == nil && method != "GET" {
			in = struct{}{}
		}
		answer, err := call(method, adminV1+path, in)
		if err != nil {
			return problemSaid(err)
		}
		switch out := out.(type) {
		case nil:
			return nil
		case *[]byte: // a picture
			*out = answer
			return nil
		}
		if err := json.Unmarshal(answer, out); err != nil {
			return errors.New("the running gateway gave an answer that this version doesn't know")
		}
		return nil
	}
}

// problemSaid makes a sentence of a problem that Caddy has wrapped in one of its own.
func problemSaid(err error) error {
	text := err.Error()
	i := strings.IndexByte(text, '{')
	var p problem
	if i < 0 || json.Unmarshal([]byte(strings.TrimSpace(text[i:])), &p) != nil || p.Code == "" {
		return err
	}
	said := p.Detail
	if p.Advice != "" && !strings.HasPrefix(p.Advice, "see the detail") { // which is what is said
		said += ": " + p.Advice
	}
	return &saidProblem{p, fmt.Sprintf("%s (%s)", said, p.Code)}
}

// saidProblem is a problem in a sentence.
type saidProblem struct {
	problem
	said string
}

func (p *saidProblem) Error() string { return p.said }

// saidCode says whether an error is a problem with a code.
func saidCode(err error, c code) bool {
	var p *saidProblem
	return errors.As(err, &p) && p.Code == string(c)
}

// table prints rows under a heading.
func table(heading string, rows [][]string) {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, heading)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	_, _ = out.WriteTo(stdout)
}

// moment prints a time; a dash where there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// orDash prints a text; a dash where there is none.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
