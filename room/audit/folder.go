package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A Folder is where a log lives. Tests put one in its place that forgets what was not synced.
type Folder interface {
	// Open gives a file, made if it is not there.
	Open(name string) (File, error)
	// Sync makes the names of new files durable.
	Sync() error
	Close() error
}

// A File is one file of a Folder.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// dir is a Folder of the file system. os.Root keeps every name inside, whatever links lie there.
type dir struct {
	root     *os.Root
	lock     io.Closer // held while a log may be written, nil if it is only read
	readOnly bool
}

// OpenDir opens a folder to write a log in, makes it if it is not there, and locks it: two writers would each cut what
// the other wrote.
func OpenDir(name string) (Folder, error) {
	if err := os.MkdirAll(name, modeFolder); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	lock, err := Lock(name)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &dir{root: root, lock: lock}, nil
}

// ErrLocked says that a folder is held by another process.
var ErrLocked = errors.New("another daemon writes to this folder: stop it first, or give each its own")

// Lock holds a folder for this process until it is closed or the process ends, however it does.
func Lock(folder string) (io.Closer, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, modeFile)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", folder, ErrLocked), f.Close())
	}
	return f, nil
}

// readDir opens a folder to read a log; a daemon may be writing it.
func readDir(name string) (*dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &dir{root: root, readOnly: true}, nil
}

func (d *dir) Open(name string) (File, error) {
	if d.readOnly {
		return d.root.Open(name)
	}
	return d.root.OpenFile(name, os.O_RDWR|os.O_CREATE, modeFile)
}

func (d *dir) Sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d *dir) Close() error {
	if d.lock != nil {
		return errors.Join(d.lock.Close(), d.root.Close())
	}
	return d.root.Close()
}

// A Copy is a second place for the newest checkpoint: another disk, or better another machine.
type Copy struct{ folder, name string }

// NewCopy names the file of a second place; its folder must be there.
func NewCopy(file string) Copy { return Copy{filepath.Dir(file), filepath.Base(file)} }

// Load gives the checkpoint that lies there, nil if there is none yet.
func (c Copy) Load() ([]byte, error) {
	root, err := os.OpenRoot(c.folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(c.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxNote+1))
}

// Save puts a checkpoint there, whole or not at all.
func (c Copy) Save(signed []byte) error {
	root, err := os.OpenRoot(c.folder)
	if err != nil {
		return err
	}
	defer root.Close()
	fresh := c.name + ".new"
	f, err := root.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, modeFile)
	if err != nil {
		return err
	}
	_, err = f.Write(signed)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := root.Rename(fresh, c.name); err != nil {
		return err
	}
	return (&dir{root: root}).Sync()
}
