package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Cluster starts a Redis Cluster of three masters without replicas.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	const slots = 16384
	var all []*Server
	for i := range 3 {
		s := Single(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "15000")
		all = append(all, s)
		s.Do(t, "cluster", "set-config-epoch", i+1)
		s.Do(t, "cluster", "addslotsrange", slots*i/3, slots*(i+1)/3-1)
		if i > 0 {
			s.Do(t, "cluster", "meet", "127.0.0.1", all[0].port)
		}
	}
	for _, s := range all {
		wait(t, "the cluster", func() error {
			info := fmt.Sprint(s.Do(t, "cluster", "info"))
			slots := fmt.Sprint(s.Do(t, "cluster", "slots"))
			if !strings.Contains(info, "cluster_state:ok") || strings.Count(slots, "127.0.0.1") != 3 {
				return errors.New(info)
			}
			return nil
		})
	}
	return all
}

// Watched is a master with a replica, under the eye of a sentinel.
type Watched struct {
	Master, Replica *Server
	// Sentinel is the address of the sentinel, host:port.
	Sentinel string
	// Name is what the sentinel calls the master.
	Name string

	sentinel *Server
}

// Hurry has the sentinel take half a second of silence for death. Before, it is patient,
// for on a machine that is busy everybody is silent at times.
func (w Watched) Hurry(t testing.TB) {
	t.Helper()
	w.sentinel.Do(t, "sentinel", "set", w.Name, "down-after-milliseconds", 500)
}

// Sentinel starts a master, a replica and a sentinel, which makes the replica the master
// when that is dead.
func Sentinel(t testing.TB) Watched {
	t.Helper()
	w := Watched{Name: "main"}
	w.Master = Single(t, "--repl-diskless-sync-delay", "0")
	w.Replica = Single(t, "--repl-diskless-sync-delay", "0", "--replicaof", fmt.Sprint("127.0.0.1 ", w.Master.port))
	wait(t, "the replica", func() error {
		return contains(w.Replica, "replication", "master_link_status:up")
	})
	sentinel := prepare(t)
	config := filepath.Join(sentinel.folder, "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 60000\nsentinel failover-timeout main 3000\n", w.Master.port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel.launch(t, config, "--sentinel", "--port", strconv.Itoa(sentinel.port))
	w.Sentinel, w.sentinel = sentinel.Addr, sentinel
	wait(t, "the sentinel", func() error { return contains(sentinel, "sentinel", "slaves=1") })
	return w
}

// contains wants a section of INFO to say something.
func contains(s *Server, section, want string) error {
	info, err := s.admin.Info(context.Background(), section).Result()
	if err == nil && !strings.Contains(info, want) {
		err = errors.New(info)
	}
	return err
}

// wait waits until try succeeds.
func wait(t testing.TB, what string, try func() error) {
	t.Helper()
	if err := until(try); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}
