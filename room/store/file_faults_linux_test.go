package store

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// A disk simulates the disk under a File: any call can fail, and the disk records what a crash would leave. It gets the writes through the
// test hook of bbolt. Calls without a hook fail because the descriptor refers to another file for a moment.
type disk struct {
	t       *testing.T
	f       *File
	file    *os.File
	kept    *os.File       // the real file, while file is another one
	durable []byte         // what a crash leaves
	pending []pendingWrite // written, not synced
	n       int            // calls of this transaction
	fail    int            // the one that fails; 0: none
	how     string
	crash   func(image []byte) // called with all that a crash could leave, at every call; may be nil
}

// pendingWrite is a write that was not synced.
type pendingWrite struct {
	offset int64
	data   []byte
}

// Ways to fail.
const (
	failBefore = "nothing is written"
	failShort  = "half of it is written"
	failAfter  = "it is written, and reported as failed"
	failSync   = "the sync after it fails, and what was written is lost"
	failGrow   = "the file does not grow, and is not synced"
)

func newDisk(t *testing.T, f *File) *disk {
	d := &disk{t: t, f: f}
	confirm := f.confirm
	f.confirm = func(file *os.File, pageSize int) error {
		err := confirm(file, pageSize)
		if err == nil {
			d.durable = d.content()
		}
		return err
	}
	f.opened = d.attach
	d.attach(f.db)
	d.durable = d.content()
	return d
}

func (d *disk) content() []byte {
	d.t.Helper()
	data, err := os.ReadFile(d.f.path())
	if err != nil {
		d.t.Fatal(err)
	}
	return data
}

// attach puts the disk under a database.
func (d *disk) attach(db *bbolt.DB) {
	d.file, d.pending, d.n = d.f.file, nil, 0
	ops := reflect.ValueOf(db).Elem().FieldByName("ops").FieldByName("writeAt")
	*(*func([]byte, int64) (int, error))(unsafe.Pointer(ops.UnsafeAddr())) = d.writeAt
}

func (d *disk) real() *os.File {
	if d.kept != nil {
		return d.kept
	}
	return d.file
}

// apart points the descriptor of the database at a file that cannot be synced or truncated.
func (d *disk) apart() {
	d.t.Helper()
	fd, err := unix.Dup(int(d.file.Fd()))
	if err != nil {
		d.t.Fatal(err)
	}
	d.kept = os.NewFile(uintptr(fd), "kept")
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer null.Close()
	if err := unix.Dup3(int(null.Fd()), int(d.file.Fd()), unix.O_CLOEXEC); err != nil {
		d.t.Fatal(err)
	}
}

const rootPages = 2

// writeAt handles every write of bbolt: first the data pages, then, after a sync, one of the two pages that name the root.
func (d *disk) writeAt(b []byte, offset int64) (int, error) {
	d.n++
	if offset < rootPages*int64(os.Getpagesize()) && d.kept == nil {
		d.sync()
	}
	d.pending = append(d.pending, pendingWrite{offset, slices.Clone(b)})
	d.crashes()
	if d.n != d.fail {
		return d.real().WriteAt(b, offset)
	}
	switch d.how {
	case failBefore:
		return 0, syscall.ENOSPC
	case failShort:
		n, _ := d.real().WriteAt(b[:len(b)/2], offset)
		return n, syscall.EIO
	case failAfter:
		n, _ := d.real().WriteAt(b, offset)
		return n, syscall.EIO
	}
	d.apart() // failSync
	return d.real().WriteAt(b, offset)
}

// sync makes the pending writes durable.
func (d *disk) sync() {
	for _, w := range d.pending {
		d.durable = w.on(d.durable)
	}
	d.pending = nil
}

func (w pendingWrite) on(image []byte) []byte {
	if end := int(w.offset) + len(w.data); end > len(image) {
		image = append(image, make([]byte, end-len(image))...)
	}
	copy(image[w.offset:], w.data)
	return image
}

// crashes records what a crash could leave now: none of the pending writes, all of them, or only the newest.
func (d *disk) crashes() {
	if d.crash == nil {
		return
	}
	grown := max(len(d.durable), len(d.content())) // sizes are synced when the file grows
	base := append(slices.Clone(d.durable), make([]byte, grown-len(d.durable))...)
	all := slices.Clone(base)
	for _, w := range d.pending {
		all = w.on(all)
	}
	d.crash(slices.Clone(base))
	d.crash(d.pending[len(d.pending)-1].on(base))
	d.crash(all)
}

// commit writes one transaction, one call of which may fail.
func (d *disk) commit(fail int, how string, changes []Change) error {
	d.n, d.fail, d.how = 0, fail, how
	if how == failGrow && fail > 0 {
		d.apart()
	}
	_, err := d.f.Commit(changes)
	if err == nil {
		d.sync()
	}
	if d.kept != nil { // what was not synced is lost on the disk, though the file shows it
		d.kept.Close()
		d.kept = nil
	}
	d.pending = nil
	return err
}

// state returns several values of one transaction, some of them long.
func state(n int) (all []Change) {
	for i, b := range []Bucket{Sessions, Consents, Meta} {
		all = append(all, Change{Bucket: b, Key: "state", Value: []byte(strings.Repeat(fmt.Sprintf("%04d ", n), 1+(n%3+i)*2000))})
	}
	return append(all, Change{Bucket: UsedTokens, Key: fmt.Sprint("token ", n), Value: []byte("used"), Create: true, Expires: time.Now().Add(time.Hour)})
}

// stands returns the number of the state in a file, which must be complete and one of those allowed.
func stands(t *testing.T, f *File, when string, allowed ...int) int {
	t.Helper()
	found := -1
	for n := range 10 {
		whole, some := true, false
		for _, c := range state(n) {
			got, err := f.Get(t.Context(), c.Bucket, c.Key)
			if err != nil {
				t.Errorf("%s: %v", when, err)
			}
			same := string(got) == string(c.Value)
			whole = whole && same
			some = some || same && c.Bucket != UsedTokens
		}
		if some && !whole {
			t.Errorf("%s: state %d is there in part", when, n)
		}
		if whole {
			found = n
		}
	}
	if !slices.Contains(allowed, found) {
		t.Errorf("%s: state %d, want one of %v", when, found, allowed)
	}
	for n := range found + 1 {
		if mark, err := f.Get(t.Context(), UsedTokens, fmt.Sprint("token ", n)); n != 3 && (mark == nil || err != nil) {
			t.Errorf("%s: in state %d token %d can be used again (%v)", when, found, n, err)
		}
	}
	return found
}

// crashed opens an image as the next process would.
func crashed(t *testing.T, image []byte, when string, allowed ...int) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, fileName), image, modeFile); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(dir, time.Now)
	if err != nil {
		t.Errorf("%s: %v", when, err)
		return
	}
	defer f.Close()
	stands(t, f, when, allowed...)
}

// TestEveryCallFails fails each call of a transaction once, in every way, and crashes the store then or at each call of the next
// transaction. Acknowledged values must be there, a failed transaction must be there completely or not at all, and the next transaction
// must succeed.
func TestEveryCallFails(t *testing.T) {
	for _, how := range []string{failBefore, failShort, failAfter, failSync, failGrow} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			for fail := 1; ; fail++ {
				d := newDisk(t, openFile(t, t.TempDir(), time.Now))
				for n := range 3 {
					if err := d.commit(0, "", state(n)); err != nil {
						t.Fatal(err)
					}
				}
				d.crash = func(image []byte) { crashed(t, image, fmt.Sprintf("a crash at call %d", d.n), 2, 3) }
				err := d.commit(fail, how, state(3))
				if err == nil {
					if fail < 4 {
						t.Errorf("a transaction has %d calls", fail-1)
					}
					crashed(t, slices.Clone(d.durable), "a crash after it", 3)
					break
				}
				d.crash = nil
				when := fmt.Sprintf("call %d failed", fail)
				crashed(t, slices.Clone(d.durable), when, 2, 3)
				crashed(t, d.content(), when+", the kernel alive", 2, 3)
				stands(t, d.f, when, 2, 3)

				d.crash = func(image []byte) { crashed(t, image, fmt.Sprintf("%s, then a crash at call %d", when, d.n), 2, 3, 4) }
				if err := d.commit(0, "", state(4)); err != nil {
					t.Fatalf("%s: the next transaction: %v", when, err)
				}
				d.crash = nil
				stands(t, d.f, when+", the next did not", 4)
				crashed(t, slices.Clone(d.durable), when+", the next did not, then a crash", 4)
				d.f.Close()
				if how == failGrow {
					break
				}
			}
		})
	}
}
