package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"alcove/cmd/alcove/internal/alcovetest"
)

// TestNoCoreFile checks that a daemon without recordings writes no core file either, because its memory holds names, messages and keys.
func TestNoCoreFile(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
	wanted := unix.Rlimit{Cur: 1 << 20, Max: max(before.Max, 1<<20)}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &wanted); err != nil { // what a child inherits
		t.Logf("this process may write no core file itself, so the test sees less: %v", err)
	}
	defer unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: before.Cur, Max: wanted.Max})
	folder, _ := alcovetest.Folder(t)
	cmd := exec.Command(alcovetest.Binary(t), "serve", "--config", filepath.Join(folder, "alcove.yaml"))
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	for lines := bufio.NewScanner(said); ; {
		if !lines.Scan() {
			t.Fatal("the daemon ended before it served")
		}
		if strings.Contains(lines.Text(), `"serving"`) {
			break
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if line := regexp.MustCompile(`Max core file size.*`).Find(limits); !regexp.MustCompile(`size +0 +0 `).Match(line) {
		t.Errorf("the kernel would write a core file: %s", line)
	}
}
