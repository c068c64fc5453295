package sfu

import (
	"syscall"
	"time"
	"unsafe"
)

// threadTime is the CPU time of this thread (CLOCK_THREAD_CPUTIME_ID).
func threadTime() time.Duration {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 3, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}
