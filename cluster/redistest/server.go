package redistest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// patience is how long a server may take to start, and several to find each other.
const patience = time.Minute

// quiet keeps the client from writing to the standard error while a server is down.
var quiet = sync.OnceFunc(logging.Disable)

// Server is a redis-server in a folder of its own.
type Server struct {
	// Addr is host:port.
	Addr string
	// Socket is the path of its socket.
	Socket string
	// TLS is what a client needs, nil for a server without.
	TLS *tls.Config

	folder string
	port   int
	args   []string
	admin  *redis.Client

	mu    sync.Mutex // guards what follows
	cmd   *exec.Cmd
	ended chan struct{} // nil while the server is down
}

// Single starts a server with further arguments, like "--maxmemory", "10mb".
func Single(t testing.TB, args ...string) *Server {
	t.Helper()
	s := prepare(t)
	s.launch(t, append([]string{"--port", strconv.Itoa(s.port), "--save", "", "--appendonly", "no"}, args...)...)
	return s
}

// prepare makes a server that is not started yet.
func prepare(t testing.TB) *Server {
	t.Helper()
	quiet()
	// The folder of the test may have too long a name for a socket.
	folder, err := os.MkdirTemp("", "wsite-redis-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{folder: folder, port: freePort(t), Socket: filepath.Join(folder, "s")}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	s.admin = redis.NewClient(&redis.Options{
		Network: "unix", Addr: s.Socket, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, ReadTimeout: time.Second,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() {
		_ = s.admin.Close()
		s.Kill()
		_ = os.RemoveAll(folder)
	})
	return s
}

// launch starts a server for the first time.
func (s *Server) launch(t testing.TB, args ...string) {
	t.Helper()
	s.args = append(args, "--bind", "127.0.0.1", "--unixsocket", s.Socket, "--dir", s.folder)
	if err := s.start(); err != nil {
		t.Fatalf("starting Redis: %v", err)
	}
}

// freePort is a port that nobody listens on, nor on that which a cluster talks on.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := listener.Addr().(*net.TCPAddr).Port
		_ = listener.Close()
		if port > 65535-10000 {
			continue
		}
		if listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+10000))); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// start starts the process and waits until it answers.
func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return errors.New("it is running")
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server isn't installed: run .ci/prepare")
	}
	var said bytes.Buffer
	s.cmd = exec.Command(path, s.args...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = &said, &said, mortal()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ended, cmd := make(chan struct{}), s.cmd
	go func() {
		_ = cmd.Wait() // a signal is what it says
		close(ended)
	}()
	s.ended = ended
	err = until(func() error {
		select {
		case <-ended:
			return nil
		default:
			return s.admin.Ping(context.Background()).Err()
		}
	})
	select {
	case <-ended:
		s.ended = nil
		return fmt.Errorf("it has ended: %s", said.String())
	default:
		return err
	}
}

// until waits until try succeeds, and returns its last error if it doesn't in time. A
// server that answers with an error, like one that asks for a password, is there.
func until(try func() error) error {
	for end := time.Now().Add(patience); ; {
		err := try()
		if err == nil || errors.As(err, new(redis.Error)) || time.Now().After(end) {
			return ignoreAnswer(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func ignoreAnswer(err error) error {
	if errors.As(err, new(redis.Error)) {
		return nil
	}
	return err
}

// Do does a command as the administrator, through the socket, and returns the answer.
func (s *Server) Do(t testing.TB, args ...any) any {
	t.Helper()
	answer, err := s.admin.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatalf("%v: %v", args[0], err)
	}
	return answer
}

// Client is the administrator's client, through the socket.
func (s *Server) Client() *redis.Client { return s.admin }

// Kill kills the server with kill -9. All that it had is lost.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	s.ended = nil
}

// Restart starts a server that was killed, empty, at its old address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("starting Redis again: %v", err)
	}
}

// Pause stops the process: it keeps its connections and answers nothing.
func (s *Server) Pause(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		t.Fatal("the server is down")
	}
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}
