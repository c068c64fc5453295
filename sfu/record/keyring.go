package record

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// KeyringPaths are the files of the erasure keys. File is one small file, sealed under the key in KeyFile, which is replaced at each
// erasure and belongs into no backup. Copy is a second place for both, Copy and Copy.key: another disk, outside the backup of the
// first. It survives the loss of the first place, and when the first was restored from an old backup, key file and all, it knows
// what was erased since.
type KeyringPaths struct{ File, KeyFile, Copy string }

// keyCopy is where the second place keeps the sealing key.
func (f KeyringPaths) keyCopy() string { return f.Copy + ".key" }

// Errors of a keyring.
var (
	// ErrStaleKeyring: the keyring is sealed with a key that was replaced.
	ErrStaleKeyring = errors.New("the erasure keys are sealed under a key that was replaced: they are from a backup of before an erasure")
	// ErrNoCopy: the copy does not exist.
	ErrNoCopy = errors.New("the second place of the erasure keys is not there: whether something was erased since cannot be known")
	// ErrNoKeyring: there is no keyring.
	ErrNoKeyring = errors.New("there are no erasure keys here")
	// ErrNothingRecorded: there is nothing to erase.
	ErrNothingRecorded = errors.New("nothing was recorded of this person, or it was erased already")

	errReadOnly         = errors.New("the erasure keys were opened to be read only")
	errExists           = errors.New("this file of erasure keys is there already and is not overwritten")
	errNoCopyConfigured = errors.New("the erasure keys need a second place: it keeps what was erased erased when a backup is restored")
)

// A Keyring holds one erasure key for each recorded person. It keeps none in memory: each call reads the files under
// a file lock. Its methods are safe for concurrent use.
type Keyring struct {
	files    KeyringPaths
	now      func() time.Time
	readOnly bool
	mu       sync.Mutex
}

// CreateKeyring makes an empty keyring. None of its files may be there. The folder of the second place must: where another disk
// should be mounted and is not, a new folder would be on the first.
func CreateKeyring(f KeyringPaths) error {
	if f.Copy == "" {
		return errNoCopyConfigured
	}
	for _, name := range []string{f.File, f.KeyFile} {
		if err := os.MkdirAll(filepath.Dir(name), modeFolder); err != nil {
			return err
		}
	}
	unlock, err := lockFile(f.File)
	if err != nil {
		return err
	}
	defer unlock()
	all := []string{f.File, f.KeyFile, f.Copy, f.keyCopy()}
	for _, name := range all {
		if _, err := readSmall(name, maxKeyringFile); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("%s: %w", name, errExists), err)
		}
	}
	if err := f.reseal(keyringFile{ID: newID()}, nil); err != nil {
		for _, name := range all {
			os.Remove(name) // a partial keyring would block the next attempt
		}
		return err
	}
	return nil
}

// OpenKeyring opens a keyring, completes what a crash interrupted, and applies the erasures of both copies.
func OpenKeyring(f KeyringPaths, now func() time.Time) (*Keyring, error) {
	if f.Copy == "" {
		return nil, errNoCopyConfigured
	}
	k := &Keyring{files: f, now: now}
	return k, k.withState(func(*keyringState) error { return nil })
}

// ReadKeyring opens a keyring where nothing may be written, such as on the clinic's own machine. Copy may be empty.
func ReadKeyring(f KeyringPaths) (*Keyring, error) {
	k := &Keyring{files: f, readOnly: true}
	return k, k.withState(func(*keyringState) error { return nil })
}

// RecreateCopy writes the copy from the first file, after the copy was lost. If the first file is from a backup, erasures since that backup
// are undone.
func RecreateCopy(f KeyringPaths) error {
	if f.Copy == "" {
		return errNoCopyConfigured
	}
	unlock, err := lockFile(f.File)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := loadKeyring(KeyringPaths{File: f.File, KeyFile: f.KeyFile})
	if err != nil {
		return err
	}
	return f.reseal(s.file, s.keys)
}

// withState passes the state on disk to do, after both copies agree.
func (k *Keyring) withState(do func(*keyringState) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.readOnly {
		s, err := loadKeyring(k.files)
		if err != nil {
			return err
		}
		return do(s)
	}
	unlock, err := lockFile(k.files.File)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := loadKeyring(k.files)
	if err != nil {
		return err
	}
	if s.needsReseal {
		if err := k.files.reseal(s.file, s.keys); err != nil {
			return err
		}
		if s, err = loadKeyring(k.files); err != nil {
			return err
		}
	}
	return do(s)
}

// erasureKeyOf returns a person's key and creates it if there is none: it is in both copies before this returns.
func (k *Keyring) erasureKeyOf(person string) (key []byte, id string, err error) {
	if k.readOnly {
		return nil, "", errReadOnly
	}
	err = k.withState(func(s *keyringState) error {
		for _, e := range s.file.Keys {
			if e.Person == person {
				key, id = e.Key, e.ID
				return nil
			}
		}
		fresh := erasureKey{ID: newID(), Person: person, Key: make([]byte, keySize)}
		rand.Read(fresh.Key) // never fails
		s.file.Keys = append(s.file.Keys, fresh)
		key, id = fresh.Key, fresh.ID
		return k.files.store(s.file, s.keys[0])
	})
	if err != nil {
		return nil, "", err
	}
	return key, id, nil
}

// keys returns all keys by id, to open recordings.
func (k *Keyring) keys() (map[string][]byte, error) {
	all := map[string][]byte{}
	err := k.withState(func(s *keyringState) error {
		for _, e := range s.file.Keys {
			all[e.ID] = e.Key
		}
		return nil
	})
	return all, err
}

// Has reports whether a person has an erasure key, and with it possibly recordings that can be opened.
func (k *Keyring) Has(person string) (has bool, err error) {
	err = k.withState(func(s *keyringState) error {
		has = slices.ContainsFunc(s.file.Keys, func(e erasureKey) bool { return e.Person == person })
		return nil
	})
	return has, err
}

// An ErasureReceipt is an erasure that is done and still wants an entry in the audit log.
type ErasureReceipt struct {
	ID       string    `json:"id"`
	Person   string    `json:"person"`
	At       time.Time `json:"at"`
	Segments int       `json:"segments"` // that were removed from the Storage
}

// destroy removes a person's keys in both places, and the key that sealed them. The receipt waits in the keyring until Receipts
// has delivered it.
func (k *Keyring) destroy(person string, segments int) (r ErasureReceipt, err error) {
	if k.readOnly {
		return ErasureReceipt{}, errReadOnly
	}
	err = k.withState(func(s *keyringState) error {
		at := k.now().UTC()
		var kept []erasureKey
		for _, e := range s.file.Keys {
			if e.Person != person {
				kept = append(kept, e)
				continue
			}
			s.file.Erased = append(s.file.Erased, Erased{e.ID, at})
		}
		if len(kept) == len(s.file.Keys) && segments == 0 {
			return ErrNothingRecorded
		}
		r = ErasureReceipt{newID(), person, at, segments}
		s.file.Keys, s.file.Receipts = kept, append(s.file.Receipts, r)
		return k.files.reseal(s.file, s.keys)
	})
	return r, err
}

// DeliverReceipts hands every erasure that still wants an entry in the audit log to deliver, and forgets those it took. The daemon calls
// it on a schedule, because an operator may erase while the daemon holds the log.
func (k *Keyring) DeliverReceipts(deliver func(ErasureReceipt) error) error {
	if k.readOnly {
		return errReadOnly
	}
	return k.withState(func(s *keyringState) error {
		waiting := s.file.Receipts
		for i, r := range waiting {
			if err := deliver(r); err != nil {
				return err
			}
			s.file.Receipts = slices.Clone(waiting[i+1:])
			if err := k.files.store(s.file, s.keys[0]); err != nil {
				return err
			}
		}
		return nil
	})
}
