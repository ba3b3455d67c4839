package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// team is one gateway, or several that share their facts and a Redis. All serve one origin.
type team struct {
	name      string
	first     config
	addresses []string
	processes []*caddyProcess
	pages     [][]byte // requests of visitors who are signed in
}

// wide has nobody meet a limit, and count all the same.
const wide = "\n\t\tlimits {\n\t\t\tlogins 600000/1m\n\t\t\taccount_logins 600000/1m\n\t\t\texchanges 600000/1m\n\t\t}"

// startTeam starts n gateways; redis is empty for one that keeps everything to itself.
func startTeam(st *stage, name string, n int, redis string, conns int) (tm *team, err error) {
	tm = &team{name: name}
	defer func() {
		if err != nil {
			tm.close()
		}
	}()
	data := filepath.Join(st.dir, strings.ReplaceAll(name, " ", "-"))
	if err := os.Mkdir(data, 0o700); err != nil {
		return tm, err
	}
	shared := wide + "\n\t\tmaster_key " + strings.Repeat("0f1e2d3c", 8)
	if redis != "" {
		shared += "\n\t\tcluster redis redis://" + redis
	}
	for i := range n {
		text := strings.Replace(smallGateway, "wsite.db", "wsite.db"+shared, 1)
		if i > 0 { // its own port under the origin of the first
			text = strings.Replace(text, "origin http://127.0.0.1:PORT", "origin "+tm.first.origin(), 1)
			text = strings.Replace(text, "\nhttp://127.0.0.1:PORT {", "\nhttp://:PORT {", 1)
		}
		cfg, err := st.fill(text, "DATA", data, "SECRET", secret)
		if err != nil {
			return tm, err
		}
		if i == 0 {
			tm.first = cfg
		}
		p, err := startCaddy(st.dir, cfg.text)
		if err != nil {
			return tm, err
		}
		tm.processes, tm.addresses = append(tm.processes, p), append(tm.addresses, cfg.address)
	}
	people, err := st.newPeople(conns)
	if err != nil {
		return tm, err
	}
	for _, person := range people {
		cookies, err := st.signIn(tm.first.origin(), person)
		if err != nil {
			return tm, err
		}
		tm.pages = append(tm.pages, hotRequest(tm.first.address, "Cookie: "+cookies+"\r\n"))
	}
	return tm, nil
}

func (tm *team) close() {
	for _, p := range tm.processes {
		p.close()
	}
}

// used is what all of a team have used.
func (tm *team) used() (all usage, err error) {
	for _, p := range tm.processes {
		u, err := p.used()
		if err != nil {
			return all, err
		}
		all.CPU, all.Mallocs = all.CPU+u.CPU, all.Mallocs+u.Mallocs
	}
	return all, nil
}

// shift is what a team did in one round.
type shift struct {
	pages, begun, logins figures
	commands             float64 // of Redis, for one page
}

// work measures a team's pages, logins begun, which are what limits count, and, of one
// alone, logins.
func (tm *team) work(ctx context.Context, st *stage, s settings, r *redis) (w shift, err error) {
	before, err := r.commands()
	if err != nil {
		return w, err
	}
	if w.pages, err = measure(ctx, s, tm.addresses, "200", tm.pages, tm.used); err != nil {
		return w, err
	}
	after, err := r.commands()
	if err != nil {
		return w, err
	}
	w.commands = float64(after-before) / (w.pages.perSecond * s.duration.Seconds())
	begin := []byte("GET " + base + "/-/login HTTP/1.1\r\nHost: " + tm.first.address + "\r\nUser-Agent: " + userAgent + "\r\nAccept: text/html\r\n\r\n")
	begins := make([][]byte, len(tm.pages))
	for i := range begins {
		begins[i] = begin
	}
	if w.begun, err = measure(ctx, s, tm.addresses, "302", begins, tm.used); err != nil {
		return w, err
	}
	if s.logins == 0 || len(tm.processes) > 1 {
		return w, nil
	}
	people, err := st.newPeople(s.logins)
	if err != nil {
		return w, err
	}
	w.logins, err = st.signInAll(ctx, s, tm.processes[0], tm.first, people)
	return w, err
}

// together measures a gateway alone, the same with a Redis, and three that share it, in turn.
func together(ctx context.Context, st *stage, s settings, out io.Writer) error {
	r, err := startRedis()
	if errors.Is(err, exec.ErrNotFound) {
		fmt.Fprintln(out, "\nGateways that share a Redis: left out, since no redis-server is installed")
		return nil
	}
	if err != nil {
		return err
	}
	defer r.close()
	var teams []*team
	for _, c := range []struct {
		name  string
		n     int
		redis string
	}{{"one alone", 1, ""}, {"one with Redis", 1, r.address}, {"three with Redis", 3, r.address}} {
		if c.n > 1 { // another cluster, under keys of its own
			c.redis += " {\n\t\t\tprefix three:\n\t\t}"
		}
		tm, err := startTeam(st, c.name, c.n, c.redis, s.conns)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		defer tm.close()
		teams = append(teams, tm)
	}
	shifts := make([][]shift, len(teams))
	for n := range s.rounds {
		for i := range teams {
			turn := (i + n) % len(teams)
			w, err := teams[turn].work(ctx, st, s, r)
			if err != nil {
				return fmt.Errorf("%s: %w", teams[turn].name, err)
			}
			shifts[turn] = append(shifts[turn], w)
		}
	}
	printTeams(out, teams, shifts)
	return nil
}

// printTeams prints each team beside the one alone, compared round by round.
func printTeams(out io.Writer, teams []*team, shifts [][]shift) {
	fmt.Fprint(out, "\nGateways that share a Redis, beside one that keeps everything to itself\n\n")
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\tone alone\tmedian of %d rounds (least to greatest)\twanted\n", len(shifts[0]))
	for i, tm := range teams[1:] {
		row := func(name, verb, wanted string, of func(shift) float64) {
			var each []float64
			for n := range shifts[0] {
				each = append(each, of(shifts[i+1][n])/of(shifts[0][n]))
			}
			fmt.Fprintf(t, "%s: %s\t"+verb+"\t%s\t%s\n", tm.name, name, spreadOf(shifts[0], of).median, spreadOf(each, func(v float64) float64 { return v }).show("× %.2f"), wanted)
		}
		row("pages/s", "%.0f", "", func(w shift) float64 { return w.pages.perSecond })
		row("CPU per page, µs", "%.1f", "", func(w shift) float64 { return micros(w.pages.cpu) })
		row("logins begun/s, each within two limits", "%.0f", "", func(w shift) float64 { return w.begun.perSecond })
		row("the same, p50, ms", "%.2f", "", func(w shift) float64 { return ms(w.begun.p50) })
		if len(tm.processes) == 1 && shifts[0][0].logins.perSecond > 0 {
			row("logins/s", "%.0f", "", func(w shift) float64 { return w.logins.perSecond })
			row("a login, p50, ms", "%.1f", "", func(w shift) float64 { return ms(w.logins.p50) })
		}
		commands := spreadOf(shifts[i+1], func(w shift) float64 { return w.commands })
		fmt.Fprintf(t, "%s: commands of Redis for a page\t\t%s\t0\n", tm.name, commands.show("%.4f"))
	}
	_ = t.Flush()
}

func ms(d time.Duration) float64 { return micros(d) / 1000 }
