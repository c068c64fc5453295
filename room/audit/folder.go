package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A Folder holds the files of a log. Tests replace it with one that loses unsynced writes.
type Folder interface {
	// Open opens a file, and creates it if it does not exist.
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

// dir is a Folder of the file system. os.Root keeps every name inside it, also through links.
type dir struct {
	root     *os.Root
	lock     io.Closer // held while the log may be written; nil if it is only read
	readOnly bool
}

// OpenDir opens a folder for writing a log, creates it if it does not exist, and locks it, because two writers would truncate each
// other's entries.
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

// ErrLocked is returned when another process holds the lock of a folder.
var ErrLocked = errors.New("another daemon writes to this folder: stop it first, or give each its own")

// Lock locks a folder for this process, until the result is closed or the process ends.
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
		return nil, errors.Join(fmt.Errorf("%s: %w", folder, err), f.Close())
	}
	return lock{f}, nil
}

// A lock is a locked file.
type lock struct{ *os.File }

// Close releases the lock before it closes the file. A process that is being started has copies of all open files until it runs its
// program, and a lock that is only closed lasts as long as the last copy.
func (l lock) Close() error { return errors.Join(funlock(l.File), l.File.Close()) }

// readDir opens a folder for reading a log, which a daemon may be writing.
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

// A CheckpointFile is a CheckpointStore in a file, which should be on another disk or, better, another machine.
type CheckpointFile struct{ folder, name string }

// NewCheckpointFile returns a CheckpointFile; the folder of the file must exist.
func NewCheckpointFile(file string) CheckpointFile {
	return CheckpointFile{filepath.Dir(file), filepath.Base(file)}
}

// Load returns the stored checkpoint, nil if there is none yet.
func (c CheckpointFile) Load() ([]byte, error) {
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

// Save replaces the stored checkpoint atomically.
func (c CheckpointFile) Save(signed []byte) error {
	root, err := os.OpenRoot(c.folder)
	if err != nil {
		return err
	}
	defer root.Close()
	temp := c.name + ".new"
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, modeFile)
	if err != nil {
		return err
	}
	_, err = f.Write(signed)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := root.Rename(temp, c.name); err != nil {
		return err
	}
	return (&dir{root: root}).Sync()
}
