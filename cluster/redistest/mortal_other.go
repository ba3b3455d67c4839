//go:build unix && !linux

package redistest

import "syscall"

// mortal has a server in a process group of its own. Only Linux takes it away when this
// process is killed.
func mortal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
