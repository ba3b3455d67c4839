package nodes

import "syscall"

// mortal has a process die with this one, in a process group of its own: Ctrl-C is for the
// tests.
func mortal() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
