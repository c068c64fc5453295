//go:build unix

package audit

import (
	"errors"
	"os"
	"syscall"
)

// flock locks a file for this process, or returns ErrLocked. The system releases the lock when the process ends.
func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// funlock releases the lock of a file, also for copies of its descriptor.
func funlock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
