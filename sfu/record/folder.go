package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// A folder is a Storage in the file system. os.Root confines every name to it, whatever links it contains.
type folder struct {
	root *os.Root
	mu   *sync.Mutex // of lock, within this process: network file systems lock by process
}

// Names of the files that other processes lock, too. Whoever wants lockName takes turnName first and gives it back when it has both:
// so a sweep, which locks again and again, lets a hold go first that came meanwhile.
const (
	lockName      = "holds.lock"
	turnstileName = "holds.turn"
)

// OpenFolder opens a folder as a Storage and creates it if needed.
func OpenFolder(dir string) (Storage, error) {
	if err := os.MkdirAll(dir, modeFolder); err != nil {
		return nil, err
	}
	return openFolder(dir)
}

// ReadFolder opens an existing folder to read recordings; it creates nothing.
func ReadFolder(dir string) (Storage, error) { return openFolder(dir) }

func openFolder(dir string) (Storage, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return folder{root, &sync.Mutex{}}, nil
}

// A created file syncs its directory entry once, with its first bytes.
type created struct {
	*os.File
	folder folder
	name   string
	named  bool
}

func (f *created) Discard() error { return errors.Join(f.Close(), f.folder.remove(f.name)) }

func (f *created) Sync() error {
	if err := f.File.Sync(); err != nil || f.named {
		return err
	}
	if err := f.folder.sync(); err != nil {
		return err
	}
	f.named = true
	return nil
}

func (d folder) Create(name string) (File, error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, modeFile)
	if err != nil {
		return nil, err
	}
	return &created{File: f, folder: d, name: name}, nil
}

func (d folder) Open(name string) (io.ReadCloser, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d folder) List() ([]string, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// A locked folder.
type locked struct {
	folder
	file io.Closer
}

func (d folder) Lock() (LockedStorage, error) {
	d.mu.Lock()
	turnstile, err := d.flock(turnstileName)
	if err != nil {
		d.mu.Unlock()
		return nil, err
	}
	defer turnstile.Close()
	f, err := d.flock(lockName)
	if err != nil {
		d.mu.Unlock()
		return nil, err
	}
	return locked{d, f}, nil
}

func (d folder) flock(name string) (io.Closer, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE, modeFile)
	if err != nil {
		return nil, err
	}
	if err := waitForLock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d locked) Unlock() error {
	defer d.mu.Unlock()
	return d.file.Close()
}

func (d locked) Remove(name string) error { return d.remove(name) }

func (d locked) Replace(name string, data []byte) error { return replace(d.root, name, data) }

func (d folder) remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.sync()
}

func (d folder) sync() error { return syncRoot(d.root) }

// replace writes a file whole or not at all, durably.
func replace(root *os.Root, name string, data []byte) error {
	fresh := name + ".new"
	f, err := root.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, modeFile)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := root.Rename(fresh, name); err != nil {
		return err
	}
	return syncRoot(root)
}

func syncRoot(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
