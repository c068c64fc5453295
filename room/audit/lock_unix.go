//go:build unix

package audit

import (
	"os"
	"syscall"
)

// flock locks a file for this process. The system releases the lock when the process ends.
func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
