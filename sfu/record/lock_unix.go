//go:build unix

package record

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile waits for the lock of a keyring. The system releases it when the process ends.
func lockFile(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name+".lock", os.O_RDWR|os.O_CREATE, modeFile)
	if err != nil {
		return nil, err
	}
	if err := waitForLock(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// waitForLock locks an open file until it is closed.
func waitForLock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			return err
		}
	}
}
