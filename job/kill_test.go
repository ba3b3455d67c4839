package job_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/job"
)

// childRole is the argument that makes the test binary work on jobs until it is killed.
const childRole = "work-in-child"

// inChild is how far the job counts that children work on.
const inChild = 400

// workInChild works on a job of the store at place, and prints each number that it counts.
// At the number that hold names it waits for a line, to be paused where it holds no lock.
func workInChild(place, hold string) {
	say := func(words ...any) { os.Stdout.WriteString(fmt.Sprintln(words...)) }
	store, err := open(context.Background(), place)
	if err != nil {
		say("error", err)
		os.Exit(1)
	}
	work := counting(inChild, func(_ context.Context, i int64) error {
		say("did", i)
		if strconv.FormatInt(i, 10) == hold {
			bufio.NewReader(os.Stdin).ReadString('\n')
		}
		return nil
	})
	job.NewRunner(job.Config{
		Store: store, Shared: cluster.NewMemory(time.Now), Holder: fmt.Sprint("child ", os.Getpid()), Now: time.Now, Random: func(b []byte) { clear(b) },
		Kinds: map[string]job.Work{"count": {Do: func(ctx context.Context, j job.Job, save job.Save) error {
			err := work.Do(ctx, j, save)
			say("over", err)
			return err
		}}},
	}).Run(context.Background())
}

// child is such a process.
type child struct {
	cmd   *exec.Cmd
	in    io.Writer
	lines *bufio.Scanner
}

func startChild(t *testing.T, place, hold string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], childRole, place, hold)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &child{cmd, in, bufio.NewScanner(out)}
}

// line is the next line, empty at the end.
func (c *child) line() string {
	c.lines.Scan()
	return c.lines.Text()
}

// did is the number in a line.
func did(t *testing.T, line string) int64 {
	t.Helper()
	number, ok := strings.CutPrefix(line, "did ")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil {
		t.Fatalf("the child says %q", line)
	}
	return n
}

// stopped waits until SIGSTOP has stopped it: kill(2) returns before.
func (c *child) stopped(t *testing.T) {
	t.Helper()
	var status syscall.WaitStatus
	for !status.Stopped() {
		if _, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || status.Exited() || status.Signaled() {
			t.Fatalf("the child isn't stopped: %v, %v", status, err)
		}
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, place string) {
		t.Run("after kill -9 a job goes on from its cursor, and does one piece twice at most", func(t *testing.T) { killedAndResumed(t, place) })
		t.Run("a process that was paused does no harm when it wakes up", func(t *testing.T) { stoppedAndContinued(t, place) })
	})
}

func killedAndResumed(t *testing.T, place string) {
	store := openAt(t, place)
	var last []int64
	kinds := map[string]job.Work{"count": counting(inChild, func(_ context.Context, i int64) error {
		last = append(last, i)
		return nil
	})}
	d := stillDesk(store, kinds, newClock())
	j := d.start(t, "count", nil)
	next := int64(0)
	for round := range 6 {
		c := startChild(t, place, "")
		for n := range 5 + 7*round {
			i := did(t, c.line())
			if first := n == 0; i != next && !(first && i == next-1) {
				t.Fatalf("round %d: the child goes on with %d, want %d", round, i, next)
			}
			next = i + 1
		}
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for c.lines.Scan() { // what it had said before it heard of its end
			next = did(t, c.lines.Text()) + 1
		}
		c.cmd.Wait() // "killed" is what it says
	}
	d.run(t)
	done := d.until(t, j.ID, job.Done)
	if len(last) == 0 || last[0] != next && last[0] != next-1 || last[len(last)-1] != inChild-1 || done.Done != inChild || done.Fence != 7 {
		t.Errorf("after %d went on with %v: %+v", next, last, done)
	}
}

func stoppedAndContinued(t *testing.T, place string) {
	store := openAt(t, place)
	d := stillDesk(store, map[string]job.Work{"count": counting(inChild, func(context.Context, int64) error { return nil })}, newClock())
	j := d.start(t, "count", nil)
	c := startChild(t, place, "5")
	for did(t, c.line()) < 5 {
	}
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.stopped(t)
	if _, err := io.WriteString(c.in, "\n"); err != nil {
		t.Fatal(err)
	}
	d.run(t) // its shared state is another one: as if that of both was lost
	done := d.until(t, j.ID, job.Done)
	if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// It is fenced off, unless the server has hung up on it for its silence, and the end of
	// its connection is all that it hears.
	if line := c.line(); !strings.HasPrefix(line, "over") || strings.Contains(line, "nil") {
		t.Errorf("the child says %q, want that it may not go on", line)
	}
	if got := d.get(t, j.ID); !reflect.DeepEqual(got, done) || done.Fence != 2 || done.Done != inChild {
		t.Errorf("got %+v, want %+v", got, done)
	}
	c.cmd.Process.Kill()
	c.cmd.Wait()
}
