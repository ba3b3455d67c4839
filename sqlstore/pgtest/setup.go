//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// access lets everybody in through the socket, but for the user "guarded", who needs
// his password.
const access = "local all guarded scram-sha-256\nlocal all all trust\n"

// start makes a server in a new folder and starts it.
func start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "wsite-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, bin: bin, owner: &syscall.SysProcAttr{Setpgid: true}}
	if err := s.giveAway(); err != nil {
		return nil, err
	}
	if err := s.watch(); err != nil {
		return nil, err
	}
	initdb := s.command("initdb", "-D", filepath.Join(folder, "data"), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions",
		"--locale-provider=icu", "--icu-locale=en") // sorts as no byte does: nothing may depend on the order of texts
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(folder, "data", "pg_hba.conf"), []byte(access), 0o600); err != nil {
		return nil, err
	}
	return s, s.run()
}

// programs is the folder of PostgreSQL's programs, of the newest version that is
// installed.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("PostgreSQL isn't installed: run .ci/prepare")
	}
	return filepath.Dir(path), nil
}

// giveAway gives the folder to the user postgres, if we are root, as whom no server
// runs.
func (s *Server) giveAway() error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	s.owner.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.folder, uid, gid)
}

// watch starts a process that outlives ours: when its pipe to us breaks, whatever
// the reason, it stops the server that runs then and takes the folder away.
func (s *Server) watch() error {
	const script = `cat >/dev/null
pid=$(head -n 1 data/postmaster.pid 2>/dev/null) && kill -QUIT "$pid"
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
cd / && rm -rf "$1"`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", s.folder)
	cmd.Dir, cmd.SysProcAttr = s.folder, s.owner
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	s.pipe = pipe
	return cmd.Start()
}
