package audit

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove/room"
)

var errCrash = errors.New("the power is gone")

// A disk is a Folder that keeps synced writes. A crash drops the others: all of them, or all but the first, the last of which is torn.
// Names of new files survive only if the folder was synced.
type disk struct {
	chance *rand.Rand
	left   int // operations until the crash; negative: none is to come
	room   int // bytes until it is full; negative: endless
	syncs  func() error
	live   map[string]*diskFile
	named  map[string]bool // survive
}

type diskFile struct {
	disk    *disk
	now     []byte
	durable []byte
	pending []func([]byte) []byte // since the last sync, each makes the next content
	torn    []func([]byte) []byte // the same, half done
}

func newDisk(seed uint64) *disk {
	return &disk{chance: rand.New(rand.NewPCG(seed, 1)), left: -1, room: -1, live: map[string]*diskFile{}, named: map[string]bool{}}
}

// step counts an operation.
func (d *disk) step() error {
	if d.left == 0 {
		return errCrash
	}
	d.left--
	return nil
}

// crash drops what is not durable.
func (d *disk) crash() {
	for _, name := range slices.Sorted(maps.Keys(d.live)) {
		f := d.live[name]
		if !d.named[name] {
			delete(d.live, name)
			continue
		}
		keep := 0
		if d.chance.IntN(2) == 0 {
			keep = d.chance.IntN(len(f.pending) + 1)
		}
		content := f.durable
		for i := range keep {
			apply := f.pending[i]
			if i == keep-1 && d.chance.IntN(2) == 0 {
				apply = f.torn[i]
			}
			content = apply(content)
		}
		f.now, f.durable, f.pending, f.torn = content, content, nil, nil
	}
	d.left = -1
}

func (d *disk) Open(name string) (File, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	f, there := d.live[name]
	if !there {
		f = &diskFile{disk: d}
		d.live[name] = f
	}
	return f, nil
}

func (d *disk) Sync() error {
	if err := d.step(); err != nil {
		return err
	}
	for name := range d.live {
		d.named[name] = true
	}
	return nil
}

func (d *disk) Close() error { return nil }

func (f *diskFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(f.now)) {
		return 0, io.EOF
	}
	n := copy(p, f.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func overwrite(p []byte, off int64) func([]byte) []byte {
	return func(c []byte) []byte {
		next := make([]byte, max(len(c), int(off)+len(p)))
		copy(next, c)
		copy(next[off:], p)
		return next
	}
}

func resize(size int64) func([]byte) []byte {
	return func(c []byte) []byte {
		return append(slices.Clone(c[:min(len(c), int(size))]), make([]byte, max(0, int(size)-len(c)))...)
	}
}

func (f *diskFile) do(whole, torn func([]byte) []byte) error {
	f.pending, f.torn = append(f.pending, whole), append(f.torn, torn)
	f.now = whole(f.now)
	return nil
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.disk.step(); err != nil {
		return 0, err
	}
	p = slices.Clone(p)
	if f.disk.room >= 0 && f.disk.room < len(p) {
		part := p[:f.disk.room]
		f.disk.room = 0
		return len(part), errors.Join(f.do(overwrite(part, off), overwrite(part, off)), syscall.ENOSPC)
	}
	if f.disk.room >= 0 {
		f.disk.room -= len(p)
	}
	half := f.disk.chance.IntN(len(p) + 1)
	torn := overwrite(p[:half], off)
	if f.disk.chance.IntN(4) == 0 { // the size reached the disk, the bytes did not
		torn = overwrite(append(slices.Clone(p[:half]), make([]byte, len(p)-half)...), off)
	}
	return len(p), f.do(overwrite(p, off), torn)
}

func (f *diskFile) Truncate(size int64) error {
	if err := f.disk.step(); err != nil {
		return err
	}
	if f.disk.room >= 0 {
		f.disk.room += max(0, len(f.now)-int(size))
	}
	return f.do(resize(size), func(c []byte) []byte { return c })
}

func (f *diskFile) Sync() error {
	if err := f.disk.step(); err != nil {
		return err
	}
	if f.disk.syncs != nil {
		if err := f.disk.syncs(); err != nil {
			return err
		}
	}
	f.durable, f.pending, f.torn = f.now, nil, nil
	return nil
}

func (f *diskFile) Close() error { return nil }

// A memoryStore is a CheckpointStore in memory.
type memoryStore struct{ signed []byte }

func (m *memoryStore) Load() ([]byte, error)    { return m.signed, nil }
func (m *memoryStore) Save(signed []byte) error { m.signed = signed; return nil }

var began = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func entry(i int) room.Entry {
	return room.Entry{At: began.Add(time.Duration(i) * time.Second), Session: fmt.Sprint("s", i%3), Act: "admitted",
		By: "host", Subject: room.ParticipantID(fmt.Sprint("p", i)), Person: room.PersonID(fmt.Sprint("person-", i))}
}

func testKey(t testing.TB) Key {
	t.Helper()
	private, _ := GenerateKey()
	k, err := ParseKey([]byte(private.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func openLog(t testing.TB, d Folder, k Key, second CheckpointStore) *Log {
	t.Helper()
	l, err := Open(Config{Folder: d, Key: k, Copy: second, Now: func() time.Time { return began }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run appends groups until an error and returns the acknowledged entries.
func run(d *disk, k Key, second CheckpointStore) (acknowledged []room.Entry) {
	l, err := Open(Config{Folder: d, Key: k, Copy: second, Now: func() time.Time { return began }})
	if err != nil {
		return nil
	}
	defer l.Close()
	for i := 0; ; {
		var group []room.Entry
		for range 1 + i%4 {
			group = append(group, entry(i))
			i++
		}
		if _, err := l.Append(group); err != nil {
			return acknowledged
		}
		acknowledged = append(acknowledged, group...)
	}
}

// subjects returns the subjects of all entries except repairs, and the number of repairs.
func subjects(t *testing.T, d *disk) (all []string, repairs int) {
	t.Helper()
	f, err := d.Open(entriesFile)
	if err != nil {
		t.Fatal(err)
	}
	err = forEachEntry(f, func(e room.Entry) {
		if e.Act == Repaired {
			repairs++
			return
		}
		all = append(all, string(e.Subject))
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, repairs
}

func verifyDisk(t *testing.T, d *disk, k Key, elsewhere []byte) Report {
	t.Helper()
	checkpoints, _ := d.Open(checkpointsFile)
	entries, _ := d.Open(entriesFile)
	r, err := Verify(readerOf(checkpoints), readerOf(entries), k.verifier(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCrash loses power 200 times: at each of the first 40 disk operations, with five outcomes for unsynced writes, and again during the
// repair.
func TestCrash(t *testing.T) {
	const operations = 40
	k := testKey(t)
	cut := 0
	for point := range 5 * operations {
		d, second := newDisk(uint64(point)), &memoryStore{}
		d.left = point % operations
		acknowledged := run(d, k, second)
		d.crash()
		d.left = point % 9
		if l, err := Open(Config{Folder: d, Key: k, Copy: second, Now: func() time.Time { return began }}); err == nil {
			l.Close()
		}
		d.crash()
		l := openLog(t, d, k, second)
		if _, err := l.Append([]room.Entry{entry(1000)}); err != nil {
			t.Fatalf("point %d: the repaired log takes nothing: %v", point, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		all, repairs := subjects(t, d)
		if len(all) < len(acknowledged)+1 || all[len(all)-1] != "p1000" {
			t.Fatalf("point %d: %d acknowledged, %d there", point, len(acknowledged), len(all)-1)
		}
		for i := range all[:len(all)-1] {
			if want := string(entry(i).Subject); all[i] != want {
				t.Fatalf("point %d: entry %d is %s, want %s", point, i, all[i], want)
			}
		}
		r := verifyDisk(t, d, k, second.signed)
		if r.Damage != nil || r.Entries != int64(len(all)+repairs) || r.Proven != r.Entries || r.Trailing != 0 {
			t.Fatalf("point %d: verified as %+v", point, r)
		}
		if repairs > 0 {
			cut++
		}
	}
	if cut < 40 {
		t.Errorf("only %d of the crashes left something torn: this drill crashes in the wrong places", cut)
	}
}

func TestDiskFull(t *testing.T) {
	k := testKey(t)
	for room := range 60 {
		d := newDisk(uint64(room))
		l := openLog(t, d, k, nil)
		if _, err := l.Append(group(0, 3)); err != nil {
			t.Fatal(err)
		}
		d.room = room * 20
		var err error
		n := int64(3)
		for err == nil {
			if _, err = l.Append(group(int(n), 1)); err == nil {
				n++
			}
		}
		if !errors.Is(err, ErrDiskFull) {
			t.Fatalf("got %v, want ErrDiskFull", err)
		}
		d.room = -1
		if first, err := l.Append(group(int(n), 2)); err != nil || first != n {
			t.Fatalf("after space was made: index %d, %v", first, err)
		}
		if r := verifyDisk(t, d, k, nil); r.Damage != nil || r.Entries != n+2 || r.Trailing != 0 {
			t.Fatalf("verified as %+v", r)
		}
	}
}

// TestSyncFails checks that after a failed fsync the bytes are truncated and written again.
func TestSyncFails(t *testing.T) {
	k, d := testKey(t), newDisk(1)
	l := openLog(t, d, k, nil)
	for fail := range 8 {
		n := 0
		d.syncs = func() error {
			if n++; n == fail+1 || fail == 7 {
				return syscall.EIO
			}
			return nil
		}
		_, err := l.Append(group(fail, 1))
		d.syncs = nil
		if fail < 2 && err == nil {
			t.Fatalf("sync %d failed and nobody heard", fail)
		}
		if err != nil && !strings.Contains(err.Error(), "cannot be written") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := l.Append(group(9, 1)); err != nil {
		t.Fatal(err)
	}
	if r := verifyDisk(t, d, k, nil); r.Damage != nil || r.Entries != l.Len() || r.Trailing != 0 {
		t.Errorf("verified as %+v", r)
	}
}

func group(from, n int) (g []room.Entry) {
	for i := range n {
		g = append(g, entry(from+i))
	}
	return g
}
