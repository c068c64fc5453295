package store

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"alcove/room/audit"
)

// fill lets every write to the open files of a bucket fail as on a full disk, for good: the embedded server keeps them open, and
// never forgives a write that failed.
func (p *place) fill(bucket string) {
	p.t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer full.Close()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		p.t.Fatal(err)
	}
	filled := 0
	for _, e := range open {
		target, _ := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if !strings.HasPrefix(target, p.dir) || !strings.Contains(target, "KV_"+bucket+"/") || !strings.HasSuffix(target, ".blk") {
			continue
		}
		fd, _ := strconv.Atoi(e.Name())
		if err := unix.Dup3(int(full.Fd()), fd, unix.O_CLOEXEC); err != nil {
			p.t.Fatal(err)
		}
		filled++
	}
	if filled == 0 {
		p.t.Fatalf("no file of %s is open", bucket)
	}
}

// The disk was full for a moment and has room again: the embedded server, which gives up a bucket at the first write that fails, is
// started anew, and what was written before is there.
func TestBucketRecovers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open()
	if err := write(t, s, record("a", "state 1", "admitted")); err != nil {
		t.Fatal(err)
	}
	p.fill(sessionsBucket)
	if err := write(t, s, record("a", "state 2", "unlocked")); err == nil {
		t.Fatal("a full disk takes it")
	}
	p.recovers(s)
}

// A token whose use cannot be kept says so to all: otherwise nothing would look, and nobody come in any more.
func TestSpentRecovers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open()
	defer p.close(s)
	if err := s.MarkUsed(time.Now(), use("a", time.Minute)); err != nil {
		t.Fatal(err)
	}
	p.fill(spentBucket)
	if err := s.MarkUsed(time.Now(), use("b", time.Minute)); err == nil {
		t.Fatal("a token is accepted that nobody remembers")
	}
	if s.Err() == nil {
		t.Error("ready, and no token can be used")
	}
	until(t, "it recovers by itself", func() bool { return s.Err() == nil })
	if err := s.MarkUsed(time.Now(), use("b", time.Minute)); err != nil {
		t.Errorf("one who was told to come again hears %v", err)
	}
	if err := s.MarkUsed(time.Now(), use("a", time.Minute)); err == nil {
		t.Error("a token is accepted twice")
	}
	if strings.Count(p.logText(), audit.TokenUsed) != 3 {
		t.Errorf("the log is %s", p.logText())
	}
}

// A disk that hangs keeps nobody who shows a token, for longer than that takes at most: it is the writer who looks what is wrong.
func TestSpendOnHangingDisk(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open()
	defer p.close(s)
	p.fill(spentBucket)
	pipe := filepath.Join(p.dir, "store", tryFile) // opening it hangs until somebody reads
	if err := unix.Mkfifo(pipe, modeFile); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() { answered <- s.MarkUsed(time.Now(), use("a", time.Minute)) }()
	select {
	case err := <-answered:
		if err == nil {
			t.Error("a token is accepted that nobody remembers")
		}
	case <-time.After(4 * spendTimeout):
		t.Error("who shows a token waits for the disk")
	}
	f, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	go io.Copy(io.Discard, f)
	until(t, "it recovers by itself", func() bool { return s.Err() == nil })
}
