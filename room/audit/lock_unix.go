//go:build unix

package audit

import (
	"os"
	"syscall"
)

// flock locks a file for this process; the lock goes with it, however it dies.
func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
