//go:build unix

package audit

import (
	"errors"
	"syscall"
	"testing"
)

// TestCloseReleasesLock checks that Close releases the lock even while a copy of its descriptor is open, as in a process that was forked
// and has not yet run its program.
func TestCloseReleasesLock(t *testing.T) {
	name := t.TempDir()
	folder, err := OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(name); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock of the folder returns %v, want ErrLocked", err)
	}
	locked := folder.(*dir).lock.(interface{ Fd() uintptr })
	descriptor, err := syscall.Dup(int(locked.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(descriptor)
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
	folder, err = OpenDir(name)
	if err != nil {
		t.Fatalf("opening the folder after Close returns %v", err)
	}
	if err := folder.Close(); err != nil {
		t.Error(err)
	}
}
