package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// holdRace is a disk on which somebody else does something just after the holds were read.
type holdRace struct {
	*disk
	do func() // once
}

func (m *holdRace) Open(name string) (io.ReadCloser, error) {
	f, err := m.disk.Open(name)
	if do := m.do; name == holdsFile && do != nil {
		m.do = nil
		do()
	}
	return f, err
}

// holdsMeanwhile has a hold set by another goroutine, as far as that comes before it must wait. result is read at the end.
func holdsMeanwhile(d *disk, h Hold) (m *holdRace, over chan error) {
	over = make(chan error, 1)
	return &holdRace{disk: d, do: func() {
		go func() {
			_, err := SetHold(d, h, true)
			over <- err
		}()
		synctest.Wait() // it is in force, or waits
	}}, over
}

func TestConcurrentHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		m, other := holdsMeanwhile(d, Hold{Session: "a", Since: time.Now()})
		if changed, err := SetHold(m, Hold{Session: "b", Since: time.Now()}, true); err != nil || !changed {
			t.Fatal(changed, err)
		}
		if err := <-other; err != nil {
			t.Fatal(err)
		}
		if list := must(ReadHolds(d))(t); len(list) != 2 {
			t.Errorf("two were set, these are kept: %v", list)
		}
	})
}

// TestHoldDuringSweep checks that a hold protects its recordings from the moment it is set, even from a sweep that read the holds before,
// and that setting a hold waits for at most one batch of the sweep.
func TestHoldDuringSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const batches = 4
		d := newDisk()
		for range batches * sweepBatch {
			left(t, d, "person-a")
		}
		m, held := holdsMeanwhile(d, Hold{Person: "person-a", Since: time.Now()})
		before, kept := len(d.segments(t)), -1
		do := m.do
		m.do = func() {
			do()
			select {
			case err := <-held:
				if err != nil {
					t.Error(err)
				}
				kept = len(d.segments(t))
				held <- nil
			default:
			}
		}
		s := must(GC(m, Classes{"standard": time.Hour}, time.Now().Add(2*time.Hour), nil))(t)
		if err := <-held; err != nil {
			t.Fatal(err)
		}
		after := len(d.segments(t))
		if kept >= 0 && after != kept {
			t.Errorf("the hold was in force when there were %d segments, %d are left", kept, after)
		}
		if after < before-sweepBatch || s.Removed != before-after || s.Held != after {
			t.Errorf("%d of %d segments are left; swept %+v", after, before, s)
		}
	})
}

// TestHoldDuringErasure checks that an erasure that began before a hold was set either ends before the hold is in force or does not happen.
func TestHoldDuringErasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClinic(t, nil)
		putUnits(t, c.start(audioOf("person-a")), time.Now(), 0, 50)
		if err := c.recorder.Close(); err != nil {
			t.Fatal(err)
		}
		m, held := holdsMeanwhile(c.disk, Hold{Person: "person-a", Since: time.Now()})
		inForce := false
		do := m.do
		m.do = func() {
			do()
			inForce = len(held) > 0
		}
		_, err := Erase(m, c.keyring, "person-a")
		if inForce && !errors.Is(err, ErrHeld) {
			t.Errorf("a held person was erased: %v", err)
		}
		if err := <-held; err != nil {
			t.Fatal(err)
		}
		if !inForce && (err != nil || len(c.disk.segments(t)) > 0) {
			t.Errorf("the erasure came first and says %v, with %d segments left", err, len(c.disk.segments(t)))
		}
	})
}

// left puts a segment into a Storage as a recorder leaves it, without records.
func left(t testing.TB, l Storage, person string) {
	t.Helper()
	i := audioOf(person)
	h := Header{File: newID(), Track: newID(), Session: i.Session, Person: i.Person, Kind: i.Kind, Codec: i.Codec, Source: i.Source,
		ClockRate: i.ClockRate, Class: i.Class, Purpose: i.Purpose, Started: time.Now().UTC(), Begins: time.Now().UTC(), ErasureKey: newID(), Wrapped: []byte{1}, Version: version1}
	f := must(l.Create(h.File + suffix))(t)
	_, err := f.Write(must(h.marshal())(t))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// The operator's commands and the daemon are processes of their own. A child does what lockChild names in the folder of its argument.
const lockChild = "ALCOVE_TEST_LOCK_CHILD"

func lockedChild(t *testing.T, test, dir, does string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), lockChild+"="+does, lockChild+"_DIR="+dir)
	cmd.Stderr = &bytes.Buffer{}
	cmd.Stdout = cmd.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func childEnds(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Wait(); err != nil {
		t.Errorf("a child ends with %v: %s", err, cmd.Stderr)
	}
}

// TestHoldsAcrossProcesses checks that no hold is lost when several processes set holds at once.
func TestHoldsAcrossProcesses(t *testing.T) {
	const children, holds = 4, 25
	set := func(dir, who string) {
		l := must(ReadFolder(dir))(t)
		for n := range holds {
			if changed, err := SetHold(l, Hold{Session: fmt.Sprint(who, "-", n)}, true); err != nil || !changed {
				t.Fatal(changed, err)
			}
		}
	}
	if who := os.Getenv(lockChild); who != "" {
		set(os.Getenv(lockChild+"_DIR"), who)
		return
	}
	dir := t.TempDir()
	var all []*exec.Cmd
	for n := range children {
		all = append(all, lockedChild(t, "TestHoldsAcrossProcesses", dir, fmt.Sprint("child-", n)))
	}
	set(dir, "parent")
	for _, cmd := range all {
		childEnds(t, cmd)
	}
	if list := must(ReadHolds(must(ReadFolder(dir))(t)))(t); len(list) != (children+1)*holds {
		t.Errorf("%d of %d holds are kept", len(list), (children+1)*holds)
	}
}

// TestHoldDuringSweepAcrossProcesses checks that, once the command returns, a sweep in another process deletes nothing that the hold
// covers.
func TestHoldDuringSweepAcrossProcesses(t *testing.T) {
	if os.Getenv(lockChild) != "" {
		l := must(ReadFolder(os.Getenv(lockChild + "_DIR")))(t)
		if _, err := GC(l, Classes{"standard": time.Hour}, time.Now().Add(2*time.Hour), nil); err != nil {
			t.Fatal(err)
		}
		return
	}
	const segments = 1000
	dir := t.TempDir()
	l := must(OpenFolder(dir))(t)
	for range segments {
		left(t, l, "person-a")
	}
	daemon := lockedChild(t, "TestHoldDuringSweepAcrossProcesses", dir, "sweeps")
	count := func() int { return len(must(filepath.Glob(filepath.Join(dir, "*"+suffix)))(t)) }
	for late := time.Now().Add(time.Minute); count() == segments; { // until the sweep is under way
		if time.Now().After(late) {
			childEnds(t, daemon)
			t.Fatal("nothing is swept")
		}
	}
	if _, err := SetHold(l, Hold{Person: "person-a"}, true); err != nil {
		t.Fatal(err)
	}
	held := count()
	childEnds(t, daemon)
	if after := count(); after != held {
		t.Errorf("the hold was in force when there were %d segments, %d are left", held, after)
	}
	t.Logf("%d of %d segments are kept", held, segments)
}

// TestRemoveEmpty checks that exactly the empty segments are removed.
func TestRemoveEmpty(t *testing.T) {
	d := newDisk()
	left(t, d, "person-a")
	d.files["empty"+suffix] = &onDisk{}
	d.files["junk"+suffix] = &onDisk{now: []byte("junk")}
	if n, err := RemoveEmpty(d); n != 1 || err != nil || len(d.files) != 2 || d.files["empty"+suffix] != nil {
		t.Errorf("%d removed, %d files left (%v)", n, len(d.files), err)
	}
	if n, err := RemoveEmpty(d); n != 0 || err != nil {
		t.Errorf("again %d removed (%v)", n, err)
	}
}
