package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"alcove/auth"
	"alcove/room/audit"
)

// fill makes every write to the open file fail as on a full disk, until the store opens the file again.
func (p *place) fill() {
	p.t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer full.Close()
	// A child of another test that was forked and runs no program yet has a copy of the descriptor, and would keep the lock.
	if err := unix.Flock(int(p.values.file.Fd()), unix.LOCK_UN); err != nil {
		p.t.Fatal(err)
	}
	if err := unix.Dup3(int(full.Fd()), int(p.values.file.Fd()), unix.O_CLOEXEC); err != nil {
		p.t.Fatal(err)
	}
}

// TestFullDiskRecovers checks that, after the disk was full for a moment, the store opens its file again and still has the values that it
// wrote before.
func TestFullDiskRecovers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open()
	if err := write(t, s, record("a", "state 1", "admitted")); err != nil {
		t.Fatal(err)
	}
	p.fill()
	if err := write(t, s, record("a", "state 2", "unlocked")); err == nil {
		t.Fatal("a full disk takes it")
	}
	p.recovers(s)
}

// TestUsedTokensRecover checks that the store reports an error after a token use that could not be written, because otherwise it would not
// retry, and no token would be accepted again.
func TestUsedTokensRecover(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open()
	defer p.close(s)
	if err := s.MarkUsed(time.Now(), use("a", time.Minute)); err != nil {
		t.Fatal(err)
	}
	p.fill()
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

// TestMarkUsedOnHangingDisk checks that MarkUsed returns after its timeout while the disk hangs, and that a use that was written later
// counts.
func TestMarkUsedOnHangingDisk(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open()
	hang := make(chan struct{})
	p.values.stop(hang)
	answered := make(chan error, 1)
	go func() { answered <- s.MarkUsed(time.Now(), use("a", time.Minute)) }()
	select {
	case err := <-answered:
		if !errors.Is(err, ErrStalled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * markTimeout):
		t.Error("who shows a token waits for the disk")
	}
	p.values.stop(nil)
	close(hang)
	p.close(s)
	s = p.open()
	if err := s.MarkUsed(time.Now(), use("a", time.Minute)); !errors.Is(err, auth.ErrTokenUsed) {
		t.Errorf("what was marked after all is %v", err)
	}
	p.close(s)
}

// TestReadWhileReopenHangs checks that written values can be read while the store's test of the disk hangs.
func TestReadWhileReopenHangs(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.open()
	if err := write(t, s, record("a", "state 1", "admitted")); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(p.dir, "store", tryFile) // opening it hangs until somebody reads
	if err := unix.Mkfifo(pipe, modeFile); err != nil {
		t.Fatal(err)
	}
	p.fill()
	if err := write(t, s, record("a", "state 2", "unlocked")); err == nil {
		t.Fatal("a full disk takes it")
	}
	until(t, "it tries again", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.current != nil })
	if records, err := s.Load(); err != nil || len(records) != 1 {
		t.Errorf("%d records, %v", len(records), err)
	}
	f, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	go io.Copy(io.Discard, f)
	until(t, "it recovers by itself", func() bool { return s.Err() == nil })
	p.close(s)
}
