//go:build unix && !linux

package nodes

import "syscall"

// mortal has a process in a process group of its own. Only Linux takes it away when this
// process is killed.
func mortal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
