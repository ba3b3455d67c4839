package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-wsite/caddy-wsite/caddymodule"
)

// Every Caddy is a process of its own, so that its CPU and its allocations can be
// told from the load's. It is this same program, started again with childRole: with
// and without the gateway runs the same binary. Parent and child speak over the
// child's standard input and output, one line of JSON each way.

const childRole = "caddy-child"

// order is what the parent wants.
type order struct {
	Caddyfile string `json:"caddyfile,omitempty"` // load it; first of all
	Profile   string `json:"profile,omitempty"`   // begin a CPU profile in this file
	EndOfIt   bool   `json:"end_of_it,omitempty"` // end it
}

// usage is what a child has used since it began; it answers every order.
type usage struct {
	CPU     time.Duration `json:"cpu"` // user and system
	Mallocs uint64        `json:"mallocs"`
	Error   string        `json:"error,omitempty"`
}

// child is the Caddy of childRole. It ends when its input does.
func child(in io.Reader, out io.Writer) error {
	lines, answers := bufio.NewReader(in), json.NewEncoder(out)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return caddy.Stop()
		}
		if err != nil {
			return err
		}
		var o order
		if err := json.Unmarshal(line, &o); err != nil {
			return err
		}
		err = o.obey()
		u := used()
		if err != nil {
			u.Error = err.Error()
		}
		if err := answers.Encode(u); err != nil {
			return err
		}
	}
}

func (o order) obey() error {
	switch {
	case o.Caddyfile != "":
		body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(o.Caddyfile), map[string]any{"filename": "Caddyfile"})
		if err != nil {
			return err
		}
		return caddy.Load(body, true)
	case o.Profile != "":
		f, err := os.Create(o.Profile)
		if err != nil {
			return err
		}
		return pprof.StartCPUProfile(f)
	case o.EndOfIt:
		pprof.StopCPUProfile()
	}
	return nil
}

func used() usage {
	var ru syscall.Rusage
	var mem runtime.MemStats
	// It can't fail: the only error is an address that isn't ours.
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	runtime.ReadMemStats(&mem)
	return usage{CPU: time.Duration(ru.Utime.Nano() + ru.Stime.Nano()), Mallocs: mem.Mallocs}
}

// caddyProcess is a child, seen from the parent.
type caddyProcess struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
}

// startCaddy starts a Caddy with a configuration. Its logs go nowhere, as they would
// go to a terminal's far end: written, and not kept. What it keeps, it keeps below dir.
func startCaddy(dir, caddyfile string) (*caddyProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, childRole)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &caddyProcess{cmd, in, json.NewDecoder(out)}
	if _, err := p.order(order{Caddyfile: caddyfile}); err != nil {
		p.close()
		return nil, fmt.Errorf("starting Caddy: %w\n%s", err, strings.TrimSpace(caddyfile))
	}
	return p, nil
}

// order has the child obey and tell what it has used.
func (p *caddyProcess) order(o order) (usage, error) {
	line, err := json.Marshal(o)
	if err != nil {
		return usage{}, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return usage{}, err
	}
	var u usage
	if err := p.answers.Decode(&u); err != nil {
		return usage{}, err
	}
	if u.Error != "" {
		return u, errors.New(u.Error)
	}
	return u, nil
}

func (p *caddyProcess) used() (usage, error) { return p.order(order{}) }

// close ends the child by closing its input, and waits for it.
func (p *caddyProcess) close() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}
