package daemon

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is the time since the system started, in microseconds, as a service manager wants it with a reload (sd_notify(3)).
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return t.Nano() / int64(time.Microsecond)
}
