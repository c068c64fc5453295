package report

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// A Machine is where a run took place.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	RAMMiB int    `json:"ramMiB"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// ThisMachine describes the machine; unknown fields stay empty.
func ThisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version()}
	if all, err := os.ReadDir("/sys/devices/system/cpu"); err == nil { // NumCPU counts only those we may use
		n := 0
		for _, e := range all {
			var i int
			if _, err := fmt.Sscanf(e.Name(), "cpu%d", &i); err == nil {
				n++
			}
		}
		m.Cores = max(m.Cores, n)
	}
	m.CPU = field("/proc/cpuinfo", "model name")
	var kib int
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kib); err == nil {
		m.RAMMiB = kib / 1024
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = "Linux " + strings.TrimSpace(string(b))
	}
	return m
}

// String is one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.1f GiB, %s, %s", m.CPU, m.Cores, float64(m.RAMMiB)/1024, m.Kernel, m.Go)
}

func field(file, name string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Commit names the revision of the working tree, "" outside one.
func Commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=10").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
