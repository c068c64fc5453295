package store

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"alcove/auth"
	"alcove/room/audit"
)

// A faulty is a folder whose files fail or hang when they are synced.
type faulty struct {
	audit.Folder
	mu   sync.Mutex
	fail error         // Guarded by mu.
	hang chan struct{} // Guarded by mu. Until it is closed
}

type faultyFile struct {
	audit.File
	f *faulty
}

func (f *faulty) set(fail error, hang chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail, f.hang = fail, hang
}

func (f *faulty) Open(name string) (audit.File, error) {
	file, err := f.Folder.Open(name)
	return faultyFile{file, f}, err
}

func (f faultyFile) Sync() error {
	f.f.mu.Lock()
	fail, hang := f.f.fail, f.f.hang
	f.f.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return errors.Join(fail, f.File.Sync())
}

// A clock is set by the test.
type clock struct {
	mu sync.Mutex
	t  time.Time // Guarded by mu.
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func troubled(t *testing.T) (*place, *faulty, *clock) {
	t.Helper()
	p, f, c := newPlace(t), &faulty{}, &clock{t: time.Now()}
	p.wrap = func(inner audit.Folder) audit.Folder { f.Folder = inner; return f }
	p.now = c.now
	return p, f, c
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited for nothing: %s", what)
		}
		runtime.Gosched()
	}
}

// TestDiskFull checks that, while the disk is full, acts that grant access are refused and revocations stay in force, and that the store
// recovers by itself.
func TestDiskFull(t *testing.T) {
	p, f, _ := troubled(t)
	s := p.open()
	if err := write(t, s, record("a", "state 1", "admitted")); err != nil {
		t.Fatal(err)
	}
	f.set(syscall.ENOSPC, nil)
	if err := write(t, s, record("a", "state 2", "unlocked")); !errors.Is(err, audit.ErrDiskFull) {
		t.Errorf("got %v", err)
	}
	if err := s.Err(); !errors.Is(err, audit.ErrDiskFull) {
		t.Errorf("the reason is %v", err)
	}
	if err := s.MarkUsed(time.Now(), use("a", time.Minute)); err == nil {
		t.Error("a token is accepted that nobody remembers")
	}
	if err := revoke(s, auth.Revocation{Kind: auth.RevokePerson, Subject: "person-1"}); err == nil || !s.Revoked(time.Now(), auth.RevocationSubjects{Person: "person-1"}) {
		t.Errorf("a revocation is not in force, or nobody says that it is not written: %v", err)
	}
	if _, err := s.Restore(t.Context(), auth.RevokePerson, "person-1"); err == nil || !s.Revoked(time.Now(), auth.RevocationSubjects{Person: "person-1"}) {
		t.Errorf("a revocation was lifted that is still on the disk: %v", err)
	}
	f.set(nil, nil)
	until(t, "it recovers by itself", func() bool { return s.Err() == nil })
	if err := write(t, s, record("a", "state 3", "locked")); err != nil {
		t.Fatal(err)
	}
	p.close(s)
	s = p.open()
	defer p.close(s)
	records, err := s.Load()
	if err != nil || len(records) != 1 || string(records[0].State) != "state 3" {
		t.Errorf("after a restart: %v, %v", records, err)
	}
	if !s.Revoked(time.Now(), auth.RevocationSubjects{Person: "person-1"}) {
		t.Error("the revocation was not written when it could be")
	}
	if text := p.logText(); strings.Contains(text, "unlocked") || !strings.Contains(text, actRecovered) {
		t.Errorf("the log is %s", text)
	}
}

// TestUnloggedTokenCanBeUsedOnce checks that a token whose use could not be logged can be presented again, and is then accepted once.
func TestUnloggedTokenCanBeUsedOnce(t *testing.T) {
	p, f, _ := troubled(t)
	s := p.open()
	u := use("a", time.Minute)
	f.set(syscall.ENOSPC, nil)
	if err := s.MarkUsed(time.Now(), u); err == nil || errors.Is(err, auth.ErrTokenUsed) {
		t.Errorf("got %v", err)
	}
	f.set(nil, nil)
	until(t, "it recovers by itself", func() bool { return s.Err() == nil })
	if err := s.MarkUsed(time.Now(), u); err != nil {
		t.Errorf("one who was told to come again hears %v", err)
	}
	for range 2 {
		if err := s.MarkUsed(time.Now(), u); !errors.Is(err, auth.ErrTokenUsed) {
			t.Errorf("used twice: %v", err)
		}
		p.close(s)
		s = p.open()
	}
	p.close(s)
	if n := strings.Count(p.logText(), audit.TokenUsed); n != 1 {
		t.Errorf("%d entries of one token", n)
	}
}

// TestStall checks that calls return ErrStalled while the disk hangs, and that the write in progress succeeds when the disk answers again.
func TestStall(t *testing.T) {
	p, f, c := troubled(t)
	s := p.open()
	hang := make(chan struct{})
	f.set(nil, hang)
	var wg sync.WaitGroup
	results := make(chan error, 2)
	wg.Add(1)
	s.Write(record("a", "state 1", "admitted"), func(err error) { results <- err; wg.Done() })
	until(t, "the writer is at work", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.current != nil })
	if err := s.Err(); err != nil {
		t.Errorf("stalled at once: %v", err)
	}
	c.add(stallAfter + 1)
	if err := s.Err(); !errors.Is(err, ErrStalled) {
		t.Errorf("got %v", err)
	}
	if err := write(t, s, record("b", "state", "admitted")); !errors.Is(err, ErrStalled) {
		t.Errorf("a record waits for a disk that hangs: %v", err)
	}
	if err := s.MarkUsed(time.Now(), use("a", time.Minute)); !errors.Is(err, ErrStalled) {
		t.Errorf("a token waits for a disk that hangs: %v", err)
	}
	f.set(nil, nil)
	close(hang)
	wg.Wait()
	if err := <-results; err != nil || s.Err() != nil {
		t.Errorf("after the stall: %v, %v", err, s.Err())
	}
	p.close(s)
	p.verify(1)
}

// TestQueueFull checks that a full queue refuses a write at once.
func TestQueueFull(t *testing.T) {
	p, f, _ := troubled(t)
	s := p.open()
	hang := make(chan struct{})
	f.set(nil, hang)
	var wg sync.WaitGroup
	full := make(chan error, 3*queueSize)
	for i := range queueSize + maxBatch + 10 {
		wg.Add(1)
		s.Write(record(fmt.Sprint("s", i), "x", "admitted"), func(err error) {
			if err != nil {
				full <- err
			}
			wg.Done()
		})
	}
	if err := <-full; !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	f.set(nil, nil)
	close(hang)
	wg.Wait()
	p.close(s)
}

// TestUnconfirmedEntries checks that the log marks entries as unconfirmed if the values fail after the entries were written.
func TestUnconfirmedEntries(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	if err := write(t, s, record("a", "state 1", "admitted")); err != nil {
		t.Fatal(err)
	}
	p.values.fail(1, false)
	if err := write(t, s, record("a", "state 2", "unlocked")); err == nil {
		t.Fatal("written to a disk that is gone")
	}
	p.recovers(s)
	if text := p.logText(); !strings.Contains(text, `"act":"audit.unsure","detail":"1-1"`) {
		t.Errorf("the log is %s", text)
	}
}

// recovers checks that a store that is not ready recovers by itself, and that later records survive a restart. It closes the store.
func (p *place) recovers(s *Store) {
	p.t.Helper()
	if s.Err() == nil {
		p.t.Error("ready")
	}
	until(p.t, "it recovers by itself", func() bool { return s.Err() == nil })
	if err := write(p.t, s, record("a", "state 3", "locked")); err != nil {
		p.t.Fatal(err)
	}
	p.close(s)
	s = p.open()
	defer p.close(s)
	if records, err := s.Load(); err != nil || len(records) != 1 || string(records[0].State) != "state 3" {
		p.t.Errorf("after a restart: %v, %v", records, err)
	}
}

// TestUnconfirmedEntriesAfterCrash checks that the log marks entries as unconfirmed if the daemon died after it wrote them and before it
// wrote the values.
func TestUnconfirmedEntriesAfterCrash(t *testing.T) {
	p := newPlace(t)
	s := p.open()
	if err := write(t, s, record("a", "state 1", "admitted")); err != nil {
		t.Fatal(err)
	}
	p.close(s)
	l := p.log()
	r := record("a", "", "unlocked")
	if _, err := l.Append(append(r.Entries, r.Entries...)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p.close(p.open())
	if text := p.logText(); !strings.Contains(text, `"act":"audit.unsure","detail":"1-2"`) {
		t.Errorf("the log is %s", text)
	}
	p.close(p.open())
	p.verify(4)
}
