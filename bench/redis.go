package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// redis is a server of its own, which ends when this process does.
type redis struct {
	address string
	cmd     *exec.Cmd
	pipe    io.Closer
}

// startRedis starts the redis-server that is installed. [exec.ErrNotFound] if there is none.
func startRedis() (*redis, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &redis{address: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(r.address)
	if err != nil {
		return nil, err
	}
	// The shell reads until our pipe breaks, whatever the reason, and takes the server along.
	r.cmd = exec.Command("/bin/sh", "-c", `"$1" --port "$2" --bind 127.0.0.1 --save "" --appendonly no >/dev/null & cat >/dev/null; kill $!; wait`, "sh", path, port)
	if r.pipe, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if _, err = r.commands(); err == nil {
			return r, nil
		}
	}
	r.close()
	return nil, fmt.Errorf("starting Redis: %w", err)
}

func (r *redis) close() {
	_ = r.pipe.Close()
	_ = r.cmd.Wait()
}

// commands is how many commands the server has done, without those that ask.
func (r *redis) commands() (int64, error) {
	conn, err := net.DialTimeout("tcp", r.address, time.Second)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("INFO commandstats\r\nQUIT\r\n")); err != nil {
		return 0, err
	}
	var sum int64
	found := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "+OK") || strings.HasPrefix(lines.Text(), "# Commandstats") {
			found = true
		}
		name, after, ok := strings.Cut(lines.Text(), ":calls=")
		if !ok || name == "cmdstat_info" || name == "cmdstat_quit" {
			continue
		}
		text, _, _ := strings.Cut(after, ",")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	if !found {
		return 0, errors.New("asking Redis for its commands: it doesn't tell them")
	}
	return sum, nil
}
