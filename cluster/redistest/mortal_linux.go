package redistest

import "syscall"

// mortal has a server die with this process, in a process group of its own: Ctrl-C is
// for the tests.
func mortal() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
