package record

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
)

// A disk is a Storage that keeps only synced writes after a crash.
type disk struct {
	lock    chan struct{} // holds one while it is locked
	mu      sync.Mutex
	files   map[string]*onDisk
	written int           // bytes
	limit   int           // bytes after which the disk is full, 0 for none
	slow    time.Duration // each sync takes this long
	hang    chan struct{} // syncs wait for it if it is not nil
	free    uint64
	synced  func()                  // called after each sync if it is not nil
	badSync func(name string) error // what a sync of a file fails with, if it is not nil; what was written is not safe then
}

type onDisk struct {
	now    []byte
	synced int
	named  bool // the name survives a crash
}

func newDisk() *disk {
	return &disk{lock: make(chan struct{}, 1), files: map[string]*onDisk{}, free: 1 << 40}
}

func (d *disk) Free() (uint64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free, nil
}

type diskFile struct {
	d    *disk
	f    *onDisk
	name string
}

func (d *disk) Create(name string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[name] != nil {
		return nil, fs.ErrExist
	}
	f := &onDisk{}
	d.files[name] = f
	return diskFile{d, f, name}, nil
}

func (f diskFile) Write(b []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	n := len(b)
	if f.d.limit > 0 {
		n = max(0, min(n, f.d.limit-f.d.written))
	}
	f.f.now = append(f.f.now, b[:n]...)
	f.d.written += n
	if n < len(b) {
		return n, fmt.Errorf("write: %w", errFull)
	}
	return n, nil
}

func (f diskFile) Sync() error {
	f.d.mu.Lock()
	n, slow, hang, bad := len(f.f.now), f.d.slow, f.d.hang, f.d.badSync
	f.d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if slow > 0 {
		time.Sleep(slow) // simulated time
	}
	if bad != nil {
		if err := bad(f.name); err != nil {
			return err
		}
	}
	f.d.mu.Lock()
	f.f.synced, f.f.named = n, true
	after := f.d.synced
	f.d.mu.Unlock()
	if after != nil {
		after()
	}
	return nil
}

func (f diskFile) Close() error { return nil }

func (f diskFile) Discard() error { return f.d.Remove(f.name) }

type lockedDisk struct{ *disk }

func (d *disk) Lock() (LockedStorage, error) {
	d.lock <- struct{}{}
	return lockedDisk{d}, nil
}

func (d lockedDisk) Unlock() error {
	<-d.lock
	return nil
}

func (d *disk) Open(name string) (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(bytes.Clone(f.now))), nil
}

func (d *disk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.files)), nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
	return nil
}

func (d *disk) Replace(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name] = &onDisk{bytes.Clone(data), len(data), true}
	return nil
}

// crash returns the disk after a crash: extra bytes of unsynced writes survive, followed by zeros.
func (d *disk) crash(extra int) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newDisk()
	for name, f := range d.files {
		if !f.named {
			continue
		}
		end := min(f.synced+extra, len(f.now))
		now := bytes.Clone(f.now[:end])
		if extra > 0 && end < len(f.now) {
			now = append(now, make([]byte, min(extra, len(f.now)-end))...)
		}
		after.files[name] = &onDisk{now, len(now), true}
	}
	return after
}

// copy returns an independent copy.
func (d *disk) copy() *disk {
	after := newDisk()
	for name, f := range d.files {
		after.files[name] = &onDisk{bytes.Clone(f.now), f.synced, f.named}
	}
	return after
}

func (d *disk) segments(t testing.TB) []string {
	t.Helper()
	all, err := List(d)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range all {
		names = append(names, one.Name)
	}
	return names
}
