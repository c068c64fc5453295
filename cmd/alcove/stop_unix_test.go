//go:build unix

package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove/cmd/alcove/internal/alcovetest"
	"alcove/cmd/alcove/internal/cli"
	"alcove/cmd/alcove/internal/keyfile"
)

// TestStopWhileDiskHangs checks that, while a read of the daemon blocks, as on a disk that does not answer, the first signal stops the
// daemon within its normal time, and a second signal stops it at once. A pipe without a writer stands for the file.
func TestStopWhileDiskHangs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		signals int
		code    int
	}{{"one signal", 1, cli.ExitUnfinished}, {"two signals", 2, cli.ExitForced}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder, _ := alcovetest.Folder(t)
			cmd := exec.Command(alcovetest.Binary(t), "serve", "--config", filepath.Join(folder, "alcove.yaml"))
			said, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			stuck := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
			defer stuck.Stop()
			lines := bufio.NewScanner(said)
			until := func(word string) {
				t.Helper()
				for !strings.Contains(lines.Text(), word) {
					if !lines.Scan() {
						t.Fatalf("the daemon ended before it said %s", word)
					}
				}
			}
			until(`"serving"`)
			hang(t, filepath.Join(folder, "jwks.json"))
			signalled := time.Now()
			cmd.Process.Signal(syscall.SIGTERM)
			until(`"stopping"`)
			if c.signals == 2 {
				cmd.Process.Signal(syscall.SIGTERM)
			}
			for lines.Scan() {
			}
			if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != c.code {
				t.Errorf("ended with %d after %s, want %d", got, time.Since(signalled), c.code)
			}
		})
	}
}

// hang replaces a file by a pipe that blocks its reader, and returns when a read has begun.
func hang(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(name, keyfile.ModeSecret); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-look.C {
		f, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil { // held open, the reader waits for what comes
			t.Cleanup(func() { f.Close() })
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody reads %s: %v", name, err)
		}
	}
}
