package pace

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Constants that package syscall lacks (linux/timerfd.h).
const (
	clockMonotonic = 1
	tfdNonblock    = 0x800
	tfdCloexec     = 0x80000
)

// A timerfd wakes within some microseconds of the time asked for, through the runtime's poller: Go's own timers are up to a
// millisecond late when nothing else happens, and a blocking sleep would hold the only processor of a pinned generator.
type timerfd struct {
	fd   uintptr
	file *os.File
}

func newClock() (clock, error) {
	fd, _, e := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, tfdNonblock|tfdCloexec, 0)
	if e != 0 {
		return nil, fmt.Errorf("timerfd: %w", e)
	}
	return &timerfd{fd, os.NewFile(fd, "timerfd")}, nil
}

// arm counts from now: the runtime's clock and the kernel's are the same, but their zeros are not.
func (t *timerfd) arm(at time.Duration) {
	left := max(at-Now(), 1) // zero would disarm
	spec := [4]int64{0, 0, int64(left / time.Second), int64(left % time.Second)}
	_, _, _ = syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, t.fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

func (t *timerfd) wait() {
	var expirations [8]byte
	_, _ = t.file.Read(expirations[:])
}

func (t *timerfd) close() { _ = t.file.Close() }
