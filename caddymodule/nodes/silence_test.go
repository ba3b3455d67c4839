package nodes

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// line is the way from the nodes to a PostgreSQL. It can fall silent, as when the server's
// machine or the network does: connections stay, and nothing comes through.
type line struct {
	open sync.RWMutex // held for writing while it is silent
}

// layLine gives the address of a database by way of a new line.
func layLine(t testing.TB, dsn string) (*line, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	const name = ".s.PGSQL.5432"
	far := filepath.Join(u.Query().Get("host"), name)
	// The folder of the test may have too long a name for a socket.
	near, err := os.MkdirTemp("", "wsite-line-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(near) })
	listener, err := net.Listen("unix", filepath.Join(near, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	l := &line{}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(conn, far)
		}
	}()
	u.RawQuery = url.Values{"host": {near}}.Encode()
	return l, u.String()
}

// carry carries what one connection says, both ways, until one end hangs up.
func (l *line) carry(near net.Conn, far string) {
	defer near.Close()
	conn, err := net.Dial("unix", far)
	if err != nil {
		return
	}
	defer conn.Close()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, conn}, {conn, near}} {
		go func() {
			_, _ = io.Copy(way[1], audible{way[0], l})
			done <- struct{}{}
		}()
	}
	<-done
}

// audible gives what it reads once the line is open.
type audible struct {
	net.Conn
	line *line
}

func (a audible) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	a.line.open.RLock()
	defer a.line.open.RUnlock()
	return n, err
}

func (l *line) silence() { l.open.Lock() }
func (l *line) speak()   { l.open.Unlock() }
