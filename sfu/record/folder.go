package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A folder is a Layer of the file system. os.Root keeps every name inside, whatever links lie there.
type folder struct{ root *os.Root }

// OpenFolder gives a folder as a Layer, made if it is not there.
func OpenFolder(dir string) (Layer, error) {
	if err := os.MkdirAll(dir, modeFolder); err != nil {
		return nil, err
	}
	return openFolder(dir)
}

// ReadFolder gives a folder that must be there, to read recordings where nothing may be made.
func ReadFolder(dir string) (Layer, error) { return openFolder(dir) }

func openFolder(dir string) (Layer, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return folder{root}, nil
}

// A created file syncs its name once, with its first bytes.
type created struct {
	*os.File
	folder folder
	named  bool
}

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
	return &created{File: f, folder: d}, nil
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

func (d folder) Remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.sync()
}

func (d folder) Replace(name string, data []byte) error { return replace(d.root, name, data) }

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
