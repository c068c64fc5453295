package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"
)

const holdsFile = "holds.json"

// A Hold keeps recordings of a session or of a person from expiry and erasure, until it is released. One of the two is set.
type Hold struct {
	Session string    `json:"session,omitempty"`
	Person  string    `json:"person,omitempty"`
	Since   time.Time `json:"since"`
}

func (h Hold) same(o Hold) bool { return h.Session == o.Session && h.Person == o.Person }

// Holds are the legal holds of one Storage.
type Holds []Hold

// Covers reports whether a segment is held.
func (list Holds) Covers(h Header) bool {
	return slices.ContainsFunc(list, func(one Hold) bool {
		return one.Session != "" && one.Session == h.Session || one.Person != "" && one.Person == h.Person
	})
}

// ReadHolds reads the holds of a Storage. If they cannot be read completely it returns an error, and nothing may be removed.
func ReadHolds(l Storage) (list Holds, err error) {
	f, err := l.Open(holdsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxHoldsFile+1))
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("the legal holds cannot be read, so nothing is removed: %w", err)
	}
	return list, nil
}

// SetHold adds or releases a hold and reports whether that changed anything. After it returns no process removes a segment that the
// new hold covers.
func SetHold(l Storage, h Hold, held bool) (changed bool, err error) {
	if (h.Session == "") == (h.Person == "") {
		return false, errors.New("a hold is on a session or on a person")
	}
	err = withLock(l, func(locked LockedStorage) error {
		changed, err = setHold(l, locked, h, held)
		return err
	})
	return changed, err
}

func setHold(l Storage, locked LockedStorage, h Hold, held bool) (changed bool, err error) {
	list, err := ReadHolds(l)
	if err != nil {
		return false, err
	}
	if there := slices.ContainsFunc(list, h.same); there == held {
		return false, nil
	}
	if held {
		list = append(list, h)
	} else {
		list = slices.DeleteFunc(list, h.same)
	}
	data, err := json.Marshal(list)
	if err == nil && len(data) > maxHoldsFile {
		err = errors.New("there are too many legal holds")
	}
	if err != nil {
		return false, err
	}
	return true, locked.Replace(holdsFile, data)
}

// ErrHeld: a legal hold forbids an erasure.
var ErrHeld = errors.New("a legal hold covers recordings of this person: release it first")

// Erase destroys a person's erasure keys and removes their segments. Without the keys no copy of a segment can be
// decrypted; removing the files only saves space, so an error there leaves the erasure done. The receipt stays in the keyring until
// Keyring.DeliverReceipts.
func Erase(l Storage, k *Keyring, person string) (r ErasureReceipt, err error) {
	err = withLock(l, func(locked LockedStorage) error {
		r, err = erase(l, locked, k, person)
		return err
	})
	return r, err
}

// erase checks the holds and destroys the keys under one lock.
func erase(l Storage, locked LockedStorage, k *Keyring, person string) (r ErasureReceipt, err error) {
	holds, err := ReadHolds(l)
	if err != nil {
		return r, err
	}
	all, err := List(l)
	if err != nil {
		return r, err
	}
	var theirs []string
	for _, one := range all {
		if one.Err != nil || one.Header.Person != person {
			continue
		}
		if holds.Covers(one.Header) {
			return r, ErrHeld
		}
		theirs = append(theirs, one.Name)
	}
	papers, err := ListPapers(l)
	if err != nil {
		return r, err
	}
	for _, one := range papers {
		if one.Err != nil || one.Paper.Person != person {
			continue
		}
		if holds.Covers(one.Paper.held()) {
			return r, ErrHeld
		}
		theirs = append(theirs, one.Name)
	}
	if holds.Covers(Header{Person: person}) {
		return r, ErrHeld
	}
	if r, err = k.destroy(person, len(theirs)); err != nil {
		return r, err
	}
	for _, name := range theirs {
		err = errors.Join(err, locked.Remove(name))
	}
	return r, err
}
