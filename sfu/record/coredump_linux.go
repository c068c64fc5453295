package record

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoCoreDumps keeps this process's memory, which holds unencrypted media and keys, out of core files and away from other processes
// of the same user (RLIMIT_CORE, PR_SET_DUMPABLE). It cannot be undone by a crash handler; call it first.
func NoCoreDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("record: no limit on core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("record: the process stays dumpable: %w", err)
	}
	return nil
}

// Dumpable reports whether the kernel would still write a core file of this process, or let another one attach to it.
func Dumpable() (bool, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return false, err
	}
	flag, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	return flag != 0 || limit.Cur != 0 || limit.Max != 0, err
}
