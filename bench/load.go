package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// client is one keep-alive connection. It writes requests that are ready and reads
// no more of the answers than it must: an http.Client would cost more CPU than what
// is measured, on a machine that has little.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReader(conn)}, nil
}

// do sends a request and reads its answer, which has to have the wanted status.
func (c *client) do(request []byte, want string) error {
	if err := c.conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 12 || string(line[9:12]) != want {
		return fmt.Errorf("the answer is %q, not %s", bytes.TrimSpace(line), want)
	}
	length := -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("the answer has no Content-Length")
	}
	_, err = c.in.Discard(length)
	return err
}

// load is many clients at work.
type load struct {
	counting atomic.Bool // what is answered now is measured
	done     atomic.Int64
	stopped  atomic.Bool
	workers  sync.WaitGroup
	mu       sync.Mutex
	took     []time.Duration
	errs     []error
}

// startLoad has one client for each source of requests, of addresses in turn; a source that
// gives nil has no more.
func startLoad(addresses []string, want string, sources []func() []byte) (*load, error) {
	l := &load{}
	var clients []*client
	for i := range sources {
		c, err := dial(addresses[i%len(addresses)])
		if err != nil {
			for _, c := range clients {
				_ = c.conn.Close()
			}
			return nil, err
		}
		clients = append(clients, c)
	}
	for i, c := range clients {
		l.workers.Go(func() { l.work(c, want, sources[i]) })
	}
	return l, nil
}

func (l *load) work(c *client, want string, next func() []byte) {
	defer c.conn.Close()
	took := make([]time.Duration, 0, 4096)
	var err error
	for !l.stopped.Load() && err == nil {
		request := next()
		if request == nil {
			break
		}
		counting, began := l.counting.Load(), time.Now()
		if err = c.do(request, want); err == nil && counting {
			took = append(took, time.Since(began))
			l.done.Add(1)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took...)
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

// wait waits until no client has anything to do, and sorts what they measured. One
// failed request spoils a run: an error is answered faster than a page.
func (l *load) wait() ([]time.Duration, error) {
	l.workers.Wait()
	slices.Sort(l.took)
	return l.took, errors.Join(l.errs...)
}

// percentile is the value below which p percent of sorted values lie.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
