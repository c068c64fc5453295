package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room/audit"
)

var person1 = auth.RevocationSubjects{Person: "person-1"}

// revoke revokes and waits for the result of the write.
func revoke(s *Store, r auth.Revocation) error {
	result := make(chan error, 1)
	s.Revoke(r, func(err error) { result <- err })
	return <-result
}

func revokePerson1(t testing.TB, s *Store) error {
	t.Helper()
	err := revoke(s, auth.Revocation{Kind: auth.RevokePerson, Subject: "person-1"})
	if !s.Revoked(time.Now(), person1) {
		t.Error("a revocation is not in force")
	}
	return err
}

// crashed opens a copy of the disk's current content, as a daemon does that starts after a crash.
func (p *place) crashed() *Store {
	p.t.Helper()
	dir := p.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		p.t.Fatal(err)
	}
	at := *p
	at.dir, at.wrap = dir, func(f audit.Folder) audit.Folder { return f }
	s := at.open()
	p.t.Cleanup(func() { at.close(s) })
	return s
}

// TestRefusedRevocationIsWritten checks that a revocation that was refused by a full queue or a hanging disk is written as soon as that is
// possible.
func TestRefusedRevocationIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		waiting int
		want    error
	}{
		"the queue is full": {queueSize + maxBatch + 10, ErrFull},
		"the disk hangs":    {1, ErrStalled},
	} {
		t.Run(name, func(t *testing.T) {
			p, f, clock := troubled(t)
			s := p.open()
			hang := make(chan struct{})
			f.set(nil, hang)
			var wg sync.WaitGroup
			for i := range c.waiting {
				wg.Add(1)
				s.Write(record(fmt.Sprint("s", i), "x", "admitted"), func(error) { wg.Done() })
			}
			if c.want == ErrStalled {
				until(t, "the writer is at work", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.current != nil })
				clock.add(stallAfter + 1)
			}
			if err := revokePerson1(t, s); !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
			f.set(nil, nil)
			close(hang)
			wg.Wait()
			until(t, "the revocation is tried again", func() bool { return s.unwritten() == 0 })
			if err := write(t, s, record("after", "x", "admitted")); err != nil { // comes after it
				t.Fatal(err)
			}
			if !p.crashed().Revoked(time.Now(), person1) {
				t.Error("a crash lifts a revocation")
			}
			p.close(s)
		})
	}
}

// TestCloseWritesRevocations checks that Close writes a revocation that failed before, and returns an error if that fails again.
func TestCloseWritesRevocations(t *testing.T) {
	for _, heals := range []bool{true, false} {
		p, f, _ := troubled(t)
		s := p.open()
		f.set(syscall.ENOSPC, nil)
		if revokePerson1(t, s) == nil {
			t.Fatal("a full disk takes it")
		}
		if heals {
			f.set(nil, nil)
		}
		if err := s.Close(); (err == nil) != heals {
			t.Errorf("heals: %v, closed with %v", heals, err)
		}
		f.set(nil, nil)
		s = p.open()
		if s.Revoked(time.Now(), person1) != heals {
			t.Errorf("heals: %v, revoked after a restart: %v", heals, !heals)
		}
		p.close(s)
	}
}

// TestNewestRevocationWins checks that, of several revocations and lifts of one subject while the disk was full, the newest is written.
func TestNewestRevocationWins(t *testing.T) {
	p, f, clock := troubled(t)
	s := p.open()
	again := auth.Revocation{Kind: auth.RevokeRoom, Subject: "room-1"}
	f.set(syscall.ENOSPC, nil)
	for _, end := range []time.Time{time.Now().Add(time.Hour), {}} {
		again.Until = end
		if revoke(s, again) == nil || revokePerson1(t, s) == nil {
			t.Fatal("a full disk takes it")
		}
		clock.add(time.Second)
	}
	f.set(nil, nil)
	until(t, "all is written", func() bool { return s.unwritten() == 0 && s.Err() == nil })
	if lift(t, s, auth.RevokePerson, "person-1", true); s.Revoked(time.Now(), person1) {
		t.Error("a revocation is not lifted")
	}
	after := p.crashed()
	if after.Revoked(time.Now(), person1) || !after.Revoked(time.Now().Add(2*time.Hour), auth.RevocationSubjects{Room: "room-1"}) {
		t.Errorf("after a crash: %+v", after.Revocations(time.Now()))
	}
	if n := strings.Count(p.logText(), "room.revoked"); n != 1 {
		t.Errorf("%d entries of one revocation", n)
	}
	p.close(s)
}
