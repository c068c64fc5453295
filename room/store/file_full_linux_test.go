package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Values of environment variables that make the test binary run one part of a test in its own process.
const (
	childEnv   = "ALCOVE_STORE_TEST"
	childFull  = "full"
	childWrite = "write"
	childDir   = "ALCOVE_STORE_TEST_DIR"
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case childFull:
		err = fillDisk(os.Getenv(childDir))
	case childWrite:
		err = writeForever(os.Getenv(childDir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(t *testing.T, what, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+what, childDir+"="+dir)
	return cmd
}

// TestFullFileSystem fills a file system of 24 MiB and checks that writes fail, that reads succeed without a fault, and that writes succeed
// again once there is room.
func TestFullFileSystem(t *testing.T) {
	t.Parallel()
	cmd := child(t, childFull, t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// longValue is the size of each value that fillDisk writes.
const longValue = 100 << 10

func writeLong(f *File, i int) error {
	_, err := f.Commit([]Change{{Bucket: Sessions, Key: fmt.Sprint(i), Value: make([]byte, longValue)}, {Bucket: Meta, Key: "n", Value: fmt.Append(nil, i)}})
	return err
}

// checkLong checks that the file has all values up to the last, and no others.
func checkLong(f *File, when string, last int) error {
	for i := range last + 1 {
		if v, err := f.Get(context.Background(), Sessions, fmt.Sprint(i)); err != nil || len(v) != longValue {
			return fmt.Errorf("%s: value %d is %d bytes, %v", when, i, len(v), err)
		}
	}
	if v, err := f.Get(context.Background(), Meta, "n"); err != nil || string(v) != fmt.Sprint(last) {
		return fmt.Errorf("%s: %s are written, want %d (%v)", when, v, last, err)
	}
	return nil
}

// fillDisk runs in the process of TestFullFileSystem.
func fillDisk(dir string) error {
	private := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err := errors.Join(private, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=24m")); err != nil {
		return err
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 12<<20), modeFile); err != nil {
		return err
	}
	f, err := OpenFile(filepath.Join(dir, "store"), time.Now)
	if err != nil {
		return err
	}
	last := -1
	for err = writeLong(f, 0); err == nil && last < 1000; err = writeLong(f, last+1) {
		last++
	}
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		return fmt.Errorf("a full disk is called: %w", err)
	}
	if err := checkLong(f, "full", last); err != nil {
		return err
	}
	for range 3 {
		if writeLong(f, last+1) == nil {
			return errors.New("a full disk takes it")
		}
	}
	if err := checkLong(f, "still full", last); err != nil {
		return err
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if err := writeLong(f, last+1); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	if err := errors.Join(checkLong(f, "with room again", last+1), f.Close()); err != nil {
		return err
	}
	if f, err = OpenFile(filepath.Join(dir, "store"), time.Now); err != nil {
		return err
	}
	return errors.Join(checkLong(f, "opened again", last+1), f.Close())
}

// TestKilledWhileWriting kills a process while it writes, and checks that the acknowledged values are there and that each transaction is
// there completely or not at all.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 5 {
		cmd := child(t, childWrite, dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := ""
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+7*round && lines.Scan(); n++ {
			said = lines.Text()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what was on its way
			said = lines.Text()
		}
		cmd.Wait()
		f := openFile(t, dir, time.Now)
		a, errA := f.Get(t.Context(), Meta, "n")
		b, errB := f.Get(t.Context(), Sessions, "n")
		mark, errC := f.Get(t.Context(), UsedTokens, string(a))
		if err := errors.Join(errA, errB, errC); err != nil || string(a) != string(b) || mark == nil || string(a) < said {
			t.Errorf("round %d: %s and %s are written, %s was said (mark %q, %v)", round, a, b, said, mark, err)
		}
		f.Close()
	}
}

// writeForever runs in the process of TestKilledWhileWriting and prints the number of each value that it wrote.
func writeForever(dir string) error {
	f, err := OpenFile(dir, time.Now)
	if err != nil {
		return err
	}
	start := 0
	if v, err := f.Get(context.Background(), Meta, "n"); err != nil {
		return err
	} else if v != nil {
		fmt.Sscanf(string(v), "%d", &start)
	}
	for i := start + 1; i < start+100_000; i++ {
		n := fmt.Sprintf("%08d", i)
		_, err := f.Commit([]Change{
			{Bucket: Meta, Key: "n", Value: []byte(n)},
			{Bucket: UsedTokens, Key: n, Value: []byte("used"), Create: true, Expires: time.Now().Add(time.Hour)},
			{Bucket: Sessions, Key: "n", Value: []byte(n)},
		})
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
	return nil
}
