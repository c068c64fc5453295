// Package proc reads what the kernel's books say of a process (proc(5)).
package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// userHZ is the unit of times in /proc/PID/stat: sysconf(_SC_CLK_TCK), 100 on every Linux of today.
const userHZ = 100

// CPU is what all threads of a process used so far, in user and system mode.
func CPU(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(string(data))
}

// parseStat reads utime and stime (proc(5), fields 14 and 15).
func parseStat(stat string) (time.Duration, error) {
	i := strings.LastIndex(stat, ") ") // the name may hold anything
	f := strings.Fields(stat[i+1:])
	if i < 0 || len(f) < 13 {
		return 0, fmt.Errorf("no stat: %q", stat)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("no stat: %q", stat)
	}
	return time.Duration(user+system) * time.Second / userHZ, nil
}

// Status reads numbers of /proc/PID/status: VmRSS in KiB, Threads.
func Status(pid int, name string) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return parseStatus(string(data), name)
}

func parseStatus(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && key == name {
			if f := strings.Fields(value); len(f) > 0 {
				return strconv.ParseFloat(f[0], 64)
			}
		}
	}
	return 0, fmt.Errorf("no %s in the status of the process", name)
}
