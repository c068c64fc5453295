package store

import (
	"errors"
	"sync"
)

var errDisk = errors.New("no answer from the disk")

// faultyValues is a File whose next transactions can be made to fail.
type faultyValues struct {
	*File
	*faults
}

type faults struct {
	mu      sync.Mutex
	left    int           // Guarded by mu. How many fail.
	applied bool          // Guarded by mu. They fail after they were written.
	hang    chan struct{} // Guarded by mu. Until it is closed
}

func (f *faults) stop(hang chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hang = hang
}

// fail makes the next transactions fail, before or after they are written.
func (f *faults) fail(n int, applied bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.applied = n, applied
}

func (f faultyValues) Commit(changes []Change) ([]Outcome, error) {
	f.faults.mu.Lock()
	fails, applied, hang := f.left > 0, f.applied, f.hang
	f.left--
	f.faults.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if fails && !applied {
		return nil, errDisk
	}
	outcomes, err := f.File.Commit(changes)
	if fails {
		return nil, errDisk
	}
	return outcomes, err
}
