package doctor

import (
	"syscall"
)

// Of adjtimex(2) and statfs(2).
const (
	timeError = 5          // TIME_ERROR: the clock is not kept
	magicTmp  = 0x01021994 // TMPFS_MAGIC
	magicRAM  = 0x858458f6 // RAMFS_MAGIC
)

// clockSynced reports whether the kernel's clock is synchronized. It sends nothing to the network.
func clockSynced() (bool, error) {
	var t syscall.Timex
	state, err := syscall.Adjtimex(&t)
	return state != timeError, err
}

func fileSystem(folder string) (free uint64, inMemory bool, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, false, err
	}
	kind := uint32(s.Type)
	return s.Bavail * uint64(s.Bsize), kind == magicTmp || kind == magicRAM, nil
}
