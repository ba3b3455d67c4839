//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a server may take to start or to stop.
const patience = time.Minute

// Server is a PostgreSQL in a folder of its own.
type Server struct {
	folder string
	owner  *syscall.SysProcAttr
	bin    string
	names  atomic.Int64

	once   sync.Once // sets up what Copy copies
	failed error     // of that

	pipe io.Closer // breaks when this process ends, see watch

	mu    sync.Mutex // guards what follows, and makes databases one at a time
	pid   int
	ended chan struct{} // nil while the server is down
}

var shared = sync.OnceValues(start)

// DSN returns the address of a fresh, empty database on the server that all tests
// of this process share. The database goes when the test ends.
func DSN(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	return s.DSN(t)
}

// Copy returns the address of a fresh database that holds what setUp makes of an empty
// one. It does so once in a process, where one setUp is all there is. The database goes
// when the test ends.
func Copy(t testing.TB, setUp func(dsn string) error) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	s.once.Do(func() {
		if s.failed = s.exec("CREATE DATABASE " + template); s.failed == nil {
			s.failed = setUp(s.dsn(template))
		}
	})
	if s.failed != nil {
		t.Fatalf("setting up a database to copy: %v", s.failed)
	}
	return s.database(t, " TEMPLATE "+template)
}

const template = "to_copy"

// Start starts a server for one test, to be stopped, killed and started again. It
// goes when the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		s.Kill()
		_ = s.pipe.Close()
	})
	return s
}

// DSN returns the address of a fresh, empty database on this server, of which the
// user is a superuser without a password. The database goes when the test ends.
func (s *Server) DSN(t testing.TB) string {
	t.Helper()
	return s.database(t, "")
}

func (s *Server) database(t testing.TB, options string) string {
	t.Helper()
	name := fmt.Sprintf("test%d", s.names.Add(1))
	if err := s.exec("CREATE DATABASE " + name + options); err != nil {
		t.Fatalf("making a database: %v", err)
	}
	t.Cleanup(func() { _ = s.exec("DROP DATABASE " + name + " WITH (FORCE)") }) // the server may be down
	return s.dsn(name)
}

func (s *Server) dsn(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database, RawQuery: url.Values{"host": {s.folder}}.Encode()}
	return u.String()
}

// exec runs a statement in the maintenance database, one at a time: a template
// can't be copied twice at once.
func (s *Server) exec(statement string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.execute(statement)
}

func (s *Server) execute(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// Stop stops the server as an operator does: its connections are broken off, and
// everything is written.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill kills the server with kill -9, as a lack of memory does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		return
	}
	_ = syscall.Kill(s.pid, signal)
	<-s.ended
	s.ended = nil
}

// Again starts a server again that was stopped or killed, and returns when it can
// be reached.
func (s *Server) Again() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return errors.New("it is running")
	}
	// After kill -9 its children take a moment to notice, and until then a new server
	// refuses their folder.
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err = s.run(); err == nil {
			return nil
		}
	}
	return err
}

// run starts the process and waits until it answers.
func (s *Server) run() error {
	var said bytes.Buffer
	cmd := s.command("postgres", "-D", filepath.Join(s.folder, "data"), "-k", s.folder,
		"-c", "listen_addresses=", "-c", "max_connections=400", "-c", "shared_buffers=32MB")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // a signal is what it says
		close(ended)
	}()
	for end := time.Now().Add(patience); ; {
		err := s.execute("SELECT 1")
		if err == nil {
			s.ended, s.pid = ended, cmd.Process.Pid
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("it has ended: %s", said.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			return err
		}
	}
}

// command is one of PostgreSQL's programs, to be run as its owner in a process
// group of its own: Ctrl-C is for the tests, which then let go of the server.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.folder, s.owner
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	return cmd
}
