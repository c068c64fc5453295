package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove/auth"
)

// lift lifts a revocation, and checks whether there was one.
func lift(t testing.TB, s *Store, kind auth.RevocationKind, subject string, stands bool) {
	t.Helper()
	if lifted, err := s.Restore(t.Context(), kind, subject); err != nil || lifted != stands {
		t.Errorf("lifting a %s: %v, %v, want %v", kind, lifted, err, stands)
	}
}

// TestLiftFailsClosed checks that a revocation is lifted only if that can be written, and not before all revocations are written.
func TestLiftFailsClosed(t *testing.T) {
	p, f, _ := troubled(t)
	s := p.open()
	if err := revokePerson1(t, s); err != nil {
		t.Fatal(err)
	}
	f.set(syscall.ENOSPC, nil)
	if lifted, err := s.Restore(t.Context(), auth.RevokePerson, "person-1"); err == nil || lifted {
		t.Errorf("a full disk takes it: %v, %v", lifted, err)
	}
	if err := revoke(s, auth.Revocation{Kind: auth.RevokeRoom, Subject: "room-1"}); err == nil {
		t.Fatal("a full disk takes it")
	}
	if _, err := s.Restore(t.Context(), auth.RevokeRoom, "room-1"); !errors.Is(err, ErrLate) {
		t.Errorf("lifted before it is written that it was revoked: %v", err)
	}
	f.set(nil, nil)
	if !s.Revoked(time.Now(), person1) || !p.crashed().Revoked(time.Now(), person1) {
		t.Error("a lift that failed lifts")
	}
	until(t, "all is written", func() bool { return s.Late() == nil && s.Err() == nil })
	lift(t, s, auth.RevokePerson, "person-1", true)
	lift(t, s, auth.RevokeRoom, "room-1", true)
	if after := p.crashed(); len(after.Revocations(time.Now())) != 0 {
		t.Errorf("after a crash: %+v", after.Revocations(time.Now()))
	}
	p.close(s)
}

// TestUnconfirmedLiftIsRevoked checks that a lift that failed is overwritten by the revocation, because the lift may be on the disk and
// would apply after a restart.
func TestUnconfirmedLiftIsRevoked(t *testing.T) {
	p, _, _ := troubled(t)
	s := p.open()
	if err := revokePerson1(t, s); err != nil {
		t.Fatal(err)
	}
	p.values.fail(1, true)
	if lifted, err := s.Restore(t.Context(), auth.RevokePerson, "person-1"); err == nil || lifted {
		t.Errorf("lifted %v, %v", lifted, err)
	}
	if !s.Revoked(time.Now(), person1) {
		t.Error("a lift that failed lifts")
	}
	until(t, "it is closed again", func() bool { return s.Late() == nil && s.Err() == nil })
	if !p.crashed().Revoked(time.Now(), person1) {
		t.Error("a lift that failed lifts after a restart")
	}
	p.close(s)
}

// TestRevokedDuringLift checks that a subject that is revoked again during a lift stays revoked, whichever is written first.
func TestRevokedDuringLift(t *testing.T) {
	p, _, clock := troubled(t)
	s := p.open()
	if err := revokePerson1(t, s); err != nil {
		t.Fatal(err)
	}
	lifted := make(chan bool, 1)
	stands, _ := s.revoked.Find(auth.RevokePerson, "person-1")
	restore := s.restoreJob(stands, func(did bool) { lifted <- did })
	clock.add(time.Second)
	if err := revokePerson1(t, s); err != nil {
		t.Fatal(err)
	}
	if err := s.enqueue(restore); err != nil {
		t.Fatal(err)
	}
	if <-lifted || !s.Revoked(time.Now(), person1) || !p.crashed().Revoked(time.Now(), person1) {
		t.Error("the newer revocation is lifted")
	}
	p.close(s)
}

// TestExpiredRevocationsAreDeleted checks that later revocations delete expired ones from the disk, and keep those in force.
func TestExpiredRevocationsAreDeleted(t *testing.T) {
	p, _, clock := troubled(t)
	s := p.open()
	kept := func() (n int) {
		t.Helper()
		if err := s.each(t.Context(), Revocations, "", func([]byte) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := revokePerson1(t, s); err != nil {
		t.Fatal(err)
	}
	for i := range maxExpiredRevocations + 1 {
		if err := revoke(s, auth.Revocation{Kind: auth.RevokeToken, Subject: fmt.Sprint("token-", i)}); err != nil {
			t.Fatal(err)
		}
	}
	clock.add(3 * time.Minute)
	if n := len(s.Revocations(clock.now())); n != maxExpiredRevocations+2 || kept() != n {
		t.Errorf("%d stand, %d are kept", n, kept())
	}
	clock.add(48 * time.Hour)
	p.close(s)
	s = p.open()
	for i, want := range []int{3, 3} {
		if err := revoke(s, auth.Revocation{Kind: auth.RevokeRoom, Subject: fmt.Sprint("room-", i)}); err != nil {
			t.Fatal(err)
		}
		if n := kept(); n != want {
			t.Errorf("%d are kept, want %d", n, want)
		}
	}
	if n := len(s.Revocations(clock.now())); n != 3 || !s.Revoked(clock.now(), person1) {
		t.Errorf("%d stand", n)
	}
	if strings.Contains(p.logText(), actRestored) {
		t.Error("the log says that somebody lifted what was over")
	}
	p.close(s)
}

// TestLateUntilWritten checks that Late returns an error until each revocation is on the disk, also during the write.
func TestLateUntilWritten(t *testing.T) {
	p, f, _ := troubled(t)
	s := p.open()
	rooms := openClinic(t, s).rooms
	if err := rooms.Err(); err != nil {
		t.Errorf("not ready: %v", err)
	}
	f.set(syscall.ENOSPC, nil)
	if revokePerson1(t, s) == nil {
		t.Fatal("a full disk takes it")
	}
	hang := make(chan struct{})
	f.set(nil, hang)
	until(t, "it is tried again", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.retrying) == 0
	})
	if s.Late() == nil || rooms.Err() == nil {
		t.Error("what is being written counts as written")
	}
	close(hang)
	until(t, "it is written", func() bool { return rooms.Err() == nil })
	if !p.crashed().Revoked(time.Now(), person1) {
		t.Error("it is not")
	}
	p.close(s)
}

// TestLiftCancelled checks that a lift that is cancelled while the disk hangs returns an error exactly if it did not lift, even if the
// writer handles it at that moment.
func TestLiftCancelled(t *testing.T) {
	p, f, _ := troubled(t)
	s := p.open()
	if err := revokePerson1(t, s); err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	f.set(nil, hang)
	written := make(chan error, 2)
	s.Write(record("before", "x", "admitted"), func(err error) { written <- err })
	until(t, "the writer is at work", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.current != nil })
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan struct{})
	go func() {
		defer close(gaveUp)
		if lifted, err := s.Restore(ctx, auth.RevokePerson, "person-1"); lifted != (err == nil) {
			t.Errorf("lifted: %v, %v", lifted, err)
		}
	}()
	until(t, "the lift waits", func() bool { return len(s.queue) == 1 })
	s.Write(record("after", "x", "admitted"), func(err error) { written <- err })
	cancel()
	f.set(nil, nil)
	close(hang)
	if err := errors.Join(<-written, <-written); err != nil {
		t.Error(err)
	}
	<-gaveUp
	p.close(s)
}

// TestLiftAfterClockSetBack checks that a revocation can be lifted after the clock was set back.
func TestLiftAfterClockSetBack(t *testing.T) {
	p, _, clock := troubled(t)
	s := p.open()
	if err := revokePerson1(t, s); err != nil {
		t.Fatal(err)
	}
	p.close(s)
	clock.add(-time.Hour)
	s = p.open()
	lift(t, s, auth.RevokePerson, "person-1", true)
	if s.Revoked(clock.now(), person1) {
		t.Error("it stands")
	}
	p.close(s)
}
